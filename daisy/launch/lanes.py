"""Lanes: how at most so many models of a user run at once on a cluster, over all that was ever submitted.

A lane is a name that jobs share: `daisy-0` to `daisy-9`. Of the jobs with one name Slurm runs one at a time (an array of
parallelism 1 that is a singleton), so that ten names are ten places to run. Jobs have no model of their own: each, when it
starts, claims the next one that waits. That holds over sweeps, shells and single runs, as long as no job is ever requeued:
Slurm forgets that a requeued one is a singleton.
"""

import hashlib
import heapq
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daisy.errors import FolderError, LaunchError
from daisy.folder import SweepFolder, sweeps
from daisy.launch import sbatch, slurm
from daisy.launch.holding import hold_after_dead_jobs
from daisy.launch.recovery import claiming
from daisy.launch.refused import is_for_ever, refusal
from daisy.launch.sbatch import Lanes, Submitted

ARRAY_IF_UNKNOWN = 1000  # tasks, where Slurm does not say how many it takes
LONGEST_ARRAY = 50  # tasks: the last one submits more, and a cluster's queue is for others, too


@dataclass(frozen=True)
class Filled:
    """What was submitted, and by tag what Slurm refused although nothing of it is in the queue yet."""

    submitted: Sequence[Submitted]
    refused: Mapping[str, LaunchError] = field(default_factory=dict)
    less: Sequence[LaunchError] = ()  # why fewer were submitted than could run: those that are there train all of it
    held: Mapping[str, str] = field(default_factory=dict)  # sweeps of which no more is launched, and why


def lanes_for(models_dir: Path, wishes: Mapping[str, Any]) -> Lanes:
    """The lanes of models that ask for this. Their tag tells their jobs from those of other models_dirs and other wishes."""
    text = json.dumps([str(models_dir.resolve()), wishes], sort_keys=True)
    return Lanes(models_dir, wishes, f"daisy:{hashlib.sha256(text.encode()).hexdigest()[:12]}")


def at_once_of(sweep: SweepFolder) -> int:
    """How many models of a sweep may run at once, as it was submitted."""
    wishes = sweep.info().get("slurm") or {}
    return max((Lanes(sweep.models_dir, wish, tag).at_once for tag, wish in wishes.items()), default=1)


def waiting(models_dir: Path) -> Mapping[str, list[tuple[SweepFolder, list[int]]]]:
    """What waits for this user's jobs: by tag the sweeps in the order of submission, each with the numbers of its models."""
    found: dict[str, list[tuple[SweepFolder, list[int]]]] = {}
    for sweep in sweeps(models_dir):
        numbers = [place.number for place in sweep.places("waiting")]
        if not numbers:
            continue
        try:
            info, held = sweep.info(), sweep.held()
        except FolderError:
            continue  # `daisy sweeps` names it
        tags: list[str] = info.get("tags", [])
        if held is not None or not tags or info.get("user", os.getuid()) != os.getuid():
            continue
        by_tag: dict[str, list[int]] = {}
        for number in numbers:
            by_tag.setdefault(tags[number - 1], []).append(number)
        for tag, own in by_tag.items():
            found.setdefault(tag, []).append((sweep, own))
    return found


def the_queue() -> slurm.Queue:
    """What is in Slurm's queue. Raises LaunchError where it does not say."""
    queue = slurm.queue()
    if queue is None:
        raise LaunchError("Slurm does not say what is in its queue (squeue): nothing was launched; run this again later")
    return queue


def of_slurm(models_dir: Path) -> Iterator[SweepFolder]:
    """The sweeps that have workers, or had some that died, and run on Slurm."""
    for sweep in sweeps(models_dir):
        if sweep.workers():
            with suppress(FolderError):
                if sweep.info().get("launcher") == "slurm":
                    yield sweep


def fill(models_dir: Path, queue: slurm.Queue, only: str | None = None) -> Filled:
    """Submit the jobs that are missing for what waits; only those with one tag where it is given. Only under the lock."""
    submitted: list[Submitted] = []
    refused: dict[str, LaunchError] = {}
    less: list[LaunchError] = []
    held = _held(models_dir)
    for tag, there in waiting(models_dir).items():
        if only is not None and tag != only:
            continue
        sweep = there[-1][0]  # the newest code
        lanes = Lanes(models_dir, sweep.info()["slurm"][tag], tag)
        if newly_held := hold_after_dead_jobs(there, queue, tag):
            held.update(newly_held)
            continue
        load = Counter[str]()
        for job in submitted:
            load[job.lane] += job.tasks
        live = _live(lanes, queue)
        missing = _missing(lanes, sum(len(numbers) for _, numbers in there), live, load)
        own: list[Submitted] = []
        try:
            _submit(lanes, sweep, missing, own)
        except LaunchError as error:
            if own or any(job.comment == tag for jobs in live.values() for job in jobs):
                less.append(error)
            else:
                refused[tag] = error
        if lanes.are_lanes and sum(job.tasks for job in own) < sum(missing.values()):
            sbatch.keep_a_successor(own, [job for jobs in live.values() for job in jobs])
        submitted += own
    return Filled(submitted, refused, less, held)


def _held(models_dir: Path) -> dict[str, str]:
    """The sweeps that are held although something of them waits, and why. Damaged ones are passed over."""
    found = {}
    for sweep in sweeps(models_dir):
        with suppress(FolderError):
            if sweep.places("waiting") and (reason := sweep.held()) is not None:
                found[sweep.sweep_id] = reason
    return found


def drain(models_dir: Path, tag: str) -> None:
    """Cancel the jobs that wait for a model where none waits any more. Only under the lock. Raises LaunchError.

    One of them may be starting just now: it can't claim before this is over.
    """
    with claiming(models_dir):
        if tag in waiting(models_dir):
            return
        slurm.cancel([job.job_id for job in the_queue().jobs if job.pending and job.comment == tag])


def refuse_what_never_starts(tags: Collection[str], filled: Filled) -> None:
    """Raise LaunchError where jobs that were submitted just now with one of these tags will never start, and cancel them.

    sbatch takes more than a partition allows (EnforcePartLimits=NO), and says why they pend as soon as they are there.
    """
    own = [job.job_id for job in filled.submitted if job.tag in tags]
    queue = slurm.queue() if own else None
    reasons = [job.reason for job in (queue.jobs if queue is not None else ()) if job.pending and job.comment in tags]
    if never := next(filter(is_for_ever, reasons), None):
        slurm.cancel(own)
        raise refusal(never)


def shares(lanes: Lanes, count: int) -> Mapping[str, int]:
    """How many tasks each lane gets, were nothing in Slurm's queue and so many models waiting."""
    return {name: min(tasks, LONGEST_ARRAY) for name, tasks in _missing(lanes, count, {}, {}).items() if tasks}


def _live(lanes: Lanes, queue: slurm.Queue) -> Mapping[str, list[slurm.Job]]:
    """The jobs of each lane, whatever they are for.

    Those whose launcher was killed before submitit's files were in place would fail: they are cancelled.
    """
    jobs: dict[str, list[slurm.Job]] = {name: [] for name in lanes.names}
    broken = []
    for job in queue.jobs:
        if job.name not in jobs:
            continue
        unclaimed = job.comment == lanes.tag  # also of one that has begun and waits for them
        if unclaimed and not job.is_whole:
            broken.append(job.job_id)
        else:
            jobs[job.name].append(job)
    if broken:
        slurm.cancel(broken)
    return jobs


def _missing(lanes: Lanes, count: int, live: Mapping[str, Sequence[slurm.Job]], load: Mapping[str, int]) -> Mapping[str, int]:
    """How many tasks each lane lacks for so many models that wait: all together as many as wait, in the emptiest lanes.

    A lane that stands empty gets one as long as there are models that no other is about to take. Where some have to wait for a
    lane that is busy, each busy one gets one: nobody knows which is free first. What is too much is cancelled in the end.
    `load` are tasks that were submitted since squeue was asked.
    """
    own = [job for jobs in live.values() for job in jobs if job.pending and job.comment == lanes.tag]
    if not lanes.are_lanes:
        return {name: max(0, count - len(own)) for name in lanes.names}
    pending = {name: sum(job.pending for job in live.get(name, ())) + load.get(name, 0) for name in lanes.names}
    begun = {name: sum(not job.pending for job in live.get(name, ())) for name in lanes.names}
    about_to_start = {job.name for job in own if not begun[job.name]}
    bare = [name for name in lanes.names if not pending[name]]
    empty = sum(not begun[name] for name in bare)
    at_once = min(max(0, count - len(about_to_start)), empty)
    left = count - len(about_to_start) - at_once
    needed = max(count - len(own), at_once + (len(bare) - empty if left > 0 else 0))
    missing = dict.fromkeys(lanes.names, 0)
    emptiest = [(pending[name], begun[name], place, name) for place, name in enumerate(lanes.names)]
    heapq.heapify(emptiest)
    for _ in range(max(0, needed)):
        there, running, place, name = heapq.heappop(emptiest)
        missing[name] += 1
        heapq.heappush(emptiest, (there + 1, running, place, name))
    return missing


def _submit(lanes: Lanes, sweep: SweepFolder, missing: Mapping[str, int], submitted: list[Submitted]) -> None:
    """First one task for each lane, then the rest: what a limit leaves is spread over all of them."""
    most = min(slurm.largest_array() or ARRAY_IF_UNKNOWN, LONGEST_ARRAY if lanes.are_lanes else ARRAY_IF_UNKNOWN)
    rounds = [dict.fromkeys(missing, 1), {name: count - 1 for name, count in missing.items()}] if lanes.are_lanes else [missing]
    for wanted in rounds:
        for name in lanes.names:
            count = min(wanted[name], missing[name], most)
            if count > 0:
                submitted.append(sbatch.submit(lanes, name, sweep.slurm, sweep.code.resolve(), count))
