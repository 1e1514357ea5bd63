"""One mistake fails all models of a sweep: no more of it is launched where the first ones have failed alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from daisy.configuration import Environment
from daisy.errors import FolderError
from daisy.folder import ModelFolder, SweepFolder
from daisy.folder.cause import cause_of
from daisy.launch.slurm import Job, Queue

LONGEST_LINE = 160  # characters
FIRST_MINUTE = 60.0  # seconds: models that fail alike within it are taken for one mistake


def way_out(sweep_id: str) -> str:
    """What to do about a sweep that is held. Its own jobs run what was submitted, whatever is mended meanwhile."""
    return f"mend it and give the same command again, or `daisy resume {sweep_id}` if nothing of the project's is to blame"


def hold_after_same_failures(sweep: SweepFolder) -> None:
    """Hold a sweep whose first models (env.stop_after_same_failures) have all failed in the same way, each within a minute."""
    most = Environment.from_json(sweep.info()["env"]).stop_after_same_failures
    if not most or sweep.held() is not None:
        return
    causes = []
    for result in _ended(sweep):
        if result["state"] != "failed" or float(result.get("seconds", 0.0)) >= FIRST_MINUTE:
            return
        causes.append(cause_of(result))
    if len(causes) >= most and len({cause.likeness for cause in causes}) == 1:
        sweep.hold(f"the first {len(causes)} models have failed alike ({causes[0].text})")


def hold_after_none_began(sweep: SweepFolder) -> None:
    """Hold a sweep of which the first places (env.stop_after_same_failures) could not even become models."""
    most = Environment.from_json(sweep.info()["env"]).stop_after_same_failures
    begun = [sweep.begun(place) for place in sweep.places("claimed")]
    reasons = [one.reason for one in begun if one.model is None and one.reason is not None]
    if most and len(reasons) >= most and not any(one.model for one in begun) and sweep.held() is None:
        sweep.hold(f"the first {len(reasons)} models could not be begun ({reasons[-1]})")


def hold_after_dead_jobs(there: Sequence[tuple[SweepFolder, Sequence[int]]], queue: Queue, tag: str) -> Mapping[str, str]:
    """Hold the sweeps of a tag whose jobs die before they claim a model; which, and why.

    A wrong env.slurm.setup does that, or a Python that the nodes do not have: more jobs would only do the same. What died
    before a sweep was launched does not count against it: it may have been mended since.
    """
    held = {}
    for sweep, _ in there:
        info = sweep.info()
        most = Environment.from_json(info["env"]).stop_after_same_failures
        since = max(sweep.released(), float(info["created"]))
        dead = [job for job in queue.over if job.comment == tag and job.state == "FAILED"]
        logs = [log for job in dead if (log := _log_of(job)) is not None and log.stat().st_mtime > since]
        if most and len(logs) >= most:
            newest = max(logs, key=lambda log: log.stat().st_mtime)
            lines = [line.strip() for line in newest.read_text(errors="replace").splitlines() if line.strip()]
            said = f": {lines[-1][:LONGEST_LINE]}" if lines else ""
            held[sweep.sweep_id] = f"{len(logs)} of its jobs died before they began a model{said} ({newest})"
            sweep.hold(held[sweep.sweep_id])
    return held


def _log_of(job: Job) -> Path | None:
    """What a job itself has printed; None where there is nothing of it, and where it had nothing to run.

    Its launcher was killed before submitit's files were in place then: no setup is to blame.
    """
    if not job.is_whole:
        return None
    log = Path(job.script).with_name(f"{job.job_id}_0_log.out")
    return log if log.is_file() else None


def _ended(sweep: SweepFolder) -> Iterator[Mapping[str, Any]]:
    """What result.json says of the models that have ended since somebody let the sweep go on."""
    released = sweep.released()
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        if model is None:
            continue
        with suppress(FolderError):  # a damaged one says nothing
            result = ModelFolder(sweep.models_dir / model).read_result()
            if float(result.get("ended", 0.0)) > released and result["state"] in ("done", "failed", "pruned"):
                yield result
