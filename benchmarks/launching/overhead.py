"""What a job costs beside its framework, and how long a slot is without a model: where that time goes."""

import itertools
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from daisy.files import read_json, write_json
from daisy.folder import SweepFolder, sweeps
from launching.project import BenchProject, Mark, by_job, load, table

AT_ONCE = 4
SHORT = 60
MANY, DONE, OLD = 400, 300, 50
SIZES = ("framework.options.least=1", "framework.options.most=2", f"env.max_running={AT_ONCE}")
PARTS = (
    "framework's end to Daisy's end",
    "Daisy's end to the job's end (srun)",
    "job's end to the next job's begin (Slurm)",
    "job's begin to submitit's begin (srun)",
    "submitit's begin to Daisy's begin",
    "Daisy's begin to the framework's begin",
)
COSTS = (
    "submitit, before it becomes our process",
    "Daisy's own process",
    "its other commands (squeue, scontrol)",
    "the framework's own",
)


def measure(project: BenchProject) -> None:
    """Print the tables."""
    runs: dict[str, Sequence[Mark]] = {}
    models = project.root / "models"
    project.log = project.root / "overhead-short"
    _say(f"{SHORT} models", project.launch(f"seed=range(1,{SHORT + 1})", *SIZES))
    project.ended()
    runs[f"{SHORT} models ({load()})"] = project.marks()
    for name, olds in (("done", 0), ("old", OLD)):
        project.log = project.root / f"overhead-{name}-before"
        words = (f"seed=range({1000 * olds + 1001},{1000 * olds + 1001 + MANY})", *SIZES)
        _say(f"{MANY} models", project.launch(*words))
        project.cancel_all()
        sweep = list(sweeps(models))[-1]
        pattern = _pattern(models)
        _finish(sweep, pattern, DONE)
        for number in range(olds):
            _old(sweep, pattern, number)
        project.log = project.root / f"overhead-{name}"
        what = f"{MANY} models in one sweep, {DONE} of them done" + (f", beside {olds} old sweeps of {MANY}" if olds else "")
        _say(f"the same again, {what}", project.launch(*words))
        print(next((line for line in project.said.splitlines() if "not launched again" in line), "all were launched again!"))
        _trained(project, SHORT)
        project.cancel_all()
        runs[f"{what} ({load()})"] = project.marks()
    print(f"\nfrom a model's end to the next one's begin in the same slot, at most {AT_ONCE} at once: min / median / max s\n")
    gaps = {name: list(_gaps(marks)) for name, marks in runs.items()}
    rows = [[part, *(_spread([gap[at] for gap in found]) for found in gaps.values())] for at, part in enumerate(PARTS)]
    whole = ["**all**", *(_spread([sum(gap) for gap in found]) for found in gaps.values())]
    table(["", *gaps], [*rows, whole, ["gaps", *(str(len(found)) for found in gaps.values())]])
    print("\nprocessor seconds of a job: min / median / max\n")
    costs = {name: list(_costs(marks)) for name, marks in runs.items()}
    table(
        ["", *costs],
        [[what, *(_spread([cost[at] for cost in found]) for found in costs.values())] for at, what in enumerate(COSTS)],
    )


def _say(what: str, seconds: float) -> None:
    print(f"until the prompt, {what}: {seconds:.1f} s ({load()})", flush=True)


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}" if values else "-"


def _trained(project: BenchProject, count: int) -> None:
    """Wait until so many models have ended."""
    until = time.monotonic() + 600
    while not project.log.exists() or project.log.read_text().count("train end") < count:
        if time.monotonic() > until:
            raise SystemExit(f"{count} models have not ended within 600 s: see {project.log}")
        time.sleep(0.5)


def _moments(marks: Sequence[Mark]) -> Mapping[tuple[str, str], Mark]:
    """Of one job, the first beginning and the last end of each kind: Daisy may become another sweep's Daisy."""
    last = {(mark.role, mark.what): mark for mark in marks}
    return {**last, **{(mark.role, mark.what): mark for mark in reversed(marks) if mark.what == "begin"}}


def _jobs(marks: Sequence[Mark]) -> list[Mapping[tuple[str, str], Mark]]:
    """Those that have trained a model to its end, by their beginning."""
    needed = {(role, what) for role in ("job", "submitit", "daisy", "train") for what in ("begin", "end")} - {("submitit", "end")}
    found = [_moments(own) for own in by_job(marks).values()]
    return sorted((job for job in found if needed <= job.keys()), key=lambda job: job["job", "begin"].at)


def _gaps(marks: Sequence[Mark]) -> Iterator[list[float]]:
    """The parts of each gap."""
    lanes: dict[str, list[Mapping[tuple[str, str], Mark]]] = {}
    for job in _jobs(marks):
        lanes.setdefault(job["job", "begin"].words[0], []).append(job)
    for jobs in lanes.values():
        for before, after in itertools.pairwise(jobs):
            at = [before[role, "end"].at for role in ("train", "daisy", "job")]
            at += [after[role, "begin"].at for role in ("job", "submitit", "daisy", "train")]
            yield [later - earlier for earlier, later in itertools.pairwise(at)]


def _costs(marks: Sequence[Mark]) -> Iterator[list[float]]:
    for job in _jobs(marks):
        submitit, end = job["daisy", "begin"], job["daisy", "end"]
        framework = sum(job[role, "end"].cpu for role in ("train", "predict") if (role, "end") in job)
        children = end.cpu_of_children - submitit.cpu_of_children
        yield [submitit.cpu, end.cpu - submitit.cpu, children - framework, framework]


def _pattern(models: Path) -> Path:
    return next(path.parent.parent for path in sorted(models.glob("r*/daisy/result.json")) if read_json(path)["state"] == "done")


def _finish(sweep: SweepFolder, pattern: Path, count: int) -> None:
    """So many models of a sweep are done: copies of another one."""
    for place in sweep.places("waiting")[:count]:
        model = _copy(sweep, pattern, place.number, shutil.copyfile)
        claimed = sweep.path / "claimed" / f"{place.number:05}@slurm-1_{place.number}-1.json"
        place.path.rename(claimed)
        write_json(claimed, {"model": model.name, "starts": 1})


def _old(sweep: SweepFolder, pattern: Path, number: int) -> None:
    """A sweep of long ago, all of it done; its models' files are hard links."""
    stamp = 1_500_000_000 + 1000 * number
    old = SweepFolder(sweep.path.parent / f"s{stamp}__seed")
    for part in ("waiting", "claimed", "cancelled", "workers", "output", "slurm"):
        (old.path / part).mkdir(parents=True)
    os.link(sweep.path / "models.jsonl", old.path / "models.jsonl")
    (old.path / "code").symlink_to((sweep.path / "code").readlink())
    info = sweep.info()
    identities = [f"{number:04}{identity[4:]}" for identity in info["identities"]]
    write_json(old.path / "sweep.json", {**info, "sweep_id": old.sweep_id, "identities": identities})
    first = _copy(old, pattern, 1, shutil.copyfile, stamp)
    for model in range(1, MANY + 1):
        name = first.name if model == 1 else _copy(old, first, model, os.link, stamp + model).name
        claimed = old.path / "claimed" / f"{model:05}@slurm-1_{model}-1.json"
        claimed.write_text(json.dumps({"model": name, "starts": 1}))


def _copy(
    sweep: SweepFolder, pattern: Path, number: int, copy: Callable[[str, str], object], stamp: int | None = None
) -> Path:  # fmt: skip
    began, _, rest = pattern.name.partition("__")
    model = pattern.with_name(f"r{stamp if stamp is not None else int(began[1:]) - 1000 - number}__{rest}")
    shutil.copytree(pattern / "daisy", model / "daisy", copy_function=copy, ignore=shutil.ignore_patterns("predictions"))
    if copy is shutil.copyfile:
        config = model / "daisy" / "config.json"
        identity = sweep.info()["identities"][number - 1]
        write_json(config, {**read_json(config), "identity": identity, "sweep": {"id": sweep.sweep_id, "number": number}})
    return model
