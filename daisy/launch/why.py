"""Why models wait."""

from collections.abc import Mapping
from typing import Any

from daisy.folder import SweepFolder
from daisy.launch.evidence import Cluster
from daisy.launch.recovery import RUNNER

NO_REASON = ("None", "Dependency", "JobArrayTaskLimit")  # of Slurm's: other models are before it


def why_of(sweep: SweepFolder, info: Mapping[str, Any], tag: str | None, cluster: Cluster) -> str:
    """Why models of a sweep wait, as far as that is known."""
    if sweep.held() is not None:
        return "held"
    if tag is None:
        runner = sweep.worker(RUNNER)
        alive = runner.alive() if runner is not None else False
        gone = f"its launcher is gone: `daisy resume {sweep.sweep_id}`"
        return "for a slot" if alive else gone if alive is False else "its launcher is on another host"
    if cluster.queue is None:
        return "Slurm does not answer (squeue)"
    jobs = [job for job in cluster.queue.jobs if job.comment == tag]
    reasons = [job.reason for job in jobs if job.pending]
    telling = [reason for reason in reasons if reason not in NO_REASON]
    if telling:
        return telling[0]
    return "for a place" if jobs else f"no job for it: `daisy resume {sweep.sweep_id}`"
