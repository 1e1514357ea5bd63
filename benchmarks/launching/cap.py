"""At most ten at once, and no slot empty: the highest number that ran, and the share of the slots' time that was used."""

import heapq
import itertools
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daisy.registry import read
from launching.project import BenchProject, Mark, Poll, load, most_at_once, spans_of, table

SLOTS = 10
KILLED_AFTER = 2  # calls of sbatch


@dataclass(frozen=True)
class Measured:
    """One run: `polled` is what squeue said, `times` how long each model ran in the order in which they began."""

    marks: Sequence[Mark]
    polled: int
    states: str
    load: str

    @property
    def times(self) -> list[float]:
        """Seconds that each model ran, in the order in which they began."""
        spans = sorted(spans_of(self.marks, "train"))
        return [end - begin for begin, end in spans]

    @property
    def wall(self) -> float:
        """From the first job's beginning to the last one's end that has trained a model."""
        trained = {mark.job for mark in self.marks if mark.role == "train"}
        spans = spans_of([mark for mark in self.marks if mark.job in trained], "job")
        return max(end for _, end in spans) - min(begin for begin, _ in spans)

    @property
    def share(self) -> float:
        """How much of the slots' time was used by models."""
        return sum(self.times) / (SLOTS * self.wall)

    @property
    def share_while_some_wait(self) -> float:
        """The same until the last model began: after that slots are empty for want of models."""
        spans = sorted(spans_of(self.marks, "train"))
        begin, end = min(begin for begin, _ in spans_of(self.marks, "job")), spans[-1][0]
        return sum(min(until, end) - since for since, until in spans) / (SLOTS * (end - begin))

    @property
    def held(self) -> float:
        """How much of it a job had, with all that is around the model."""
        return sum(end - begin for begin, end in spans_of(self.marks, "job")) / (SLOTS * self.wall)

    @property
    def bound(self) -> float:
        """What list scheduling without any loss would use: whoever is free takes the next one, lengths not known."""
        slots = [0.0] * SLOTS
        for seconds in self.times:
            heapq.heapreplace(slots, slots[0] + seconds)
        return sum(self.times) / (SLOTS * max(slots))


def measure(project: BenchProject, models: int, least: float, most: float) -> list[Measured]:
    """Print the table; both runs, without faults and with them."""
    print(f"\n{models} models of {least:g} to {most:g} s over three shells, at most {SLOTS} at once\n")
    runs = {}
    for name, launch in (("without faults", _plain), ("with faults", _with_faults)):
        project.log = project.root / f"cap-{name.partition(' ')[0]}"
        models_dir = project.root / f"models-{name.partition(' ')[0]}"
        sizes = f"framework.options.least={least}", f"framework.options.most={most}", f"env.models_dir={models_dir}"
        with Poll(project) as poll:
            launch(project, _seeds(models), sizes)
            project.ended()
        found = [row.state for row in read(models_dir).rows]
        states = ", ".join(f"{found.count(state)} {state}" for state in sorted(set(found)))
        runs[name] = Measured(project.marks(), max(poll.counts), states, load())
        project.log.unlink()
    columns: list[tuple[str, Callable[[Measured], str]]] = [
        ("models at once, their own clocks", lambda run: str(most_at_once(spans_of(run.marks, "train")))),
        ("jobs at once, their own clocks", lambda run: str(most_at_once(spans_of(run.marks, "job")))),
        ("running at once, squeue", lambda run: str(run.polled)),
        ("wall s", lambda run: f"{run.wall:.1f}"),
        ("slots' time used by models", lambda run: f"{run.share:.3f}"),
        ("until the last one began", lambda run: f"{run.share_while_some_wait:.3f}"),
        ("by jobs", lambda run: f"{run.held:.3f}"),
        ("list scheduling's bound", lambda run: f"{run.bound:.3f}"),
        ("models", lambda run: run.states),
        ("machine", lambda run: run.load),
    ]
    table(["", *(name for name, _ in columns)], [[name, *(show(run) for _, show in columns)] for name, run in runs.items()])
    return list(runs.values())


def _seeds(models: int) -> list[str]:
    """Three shells' shares."""
    ends = [1 + models * shell // 3 for shell in range(4)]
    return [f"seed=range({begin},{end})" for begin, end in itertools.pairwise(ends)]


def _plain(project: BenchProject, seeds: Sequence[str], sizes: Sequence[str]) -> None:
    for shell in [project.start(one, *sizes) for one in seeds]:
        _well(shell)


def _with_faults(project: BenchProject, seeds: Sequence[str], sizes: Sequence[str]) -> None:
    """One job is asked to be requeued, another one is cancelled, and the third launcher dies between two of its submissions."""
    shells = [project.start(one, *sizes) for one in seeds[:2]]
    for shell in shells:
        _well(shell)
    killed = project.start(seeds[2], *sizes, BENCH_KILL_AFTER=str(KILLED_AFTER))
    killed.communicate()
    print(f"the third launcher was killed after {KILLED_AFTER} of its submissions: exit code {killed.returncode}", flush=True)
    said = _well(project.start(seeds[2], *sizes))
    told = "; ".join(line.strip() for line in said.splitlines() if not line.startswith("  waiting"))
    print(f"the same command again: {told}", flush=True)
    running: list[str] = []
    while len(running) < 2:
        time.sleep(0.2)
        running = [row[0] for row in project.queue("%i", "%k", "%T") if row[1].startswith("r") and row[2] == "RUNNING"]
    requeue = subprocess.run(
        ["scontrol", "requeue", running[0]], env=project.environment(), capture_output=True, text=True, check=False
    )  # fmt: skip
    print(f"scontrol requeue {running[0]}: exit code {requeue.returncode}, {requeue.stderr.strip()}", flush=True)
    project.cluster.run("scancel", running[1])
    print(f"scancel {running[1]}\n", flush=True)


def _well(shell: "subprocess.Popen[str]") -> str:
    said, _ = shell.communicate()
    if shell.returncode:
        raise SystemExit(f"a launcher ended with {shell.returncode}:\n{said}")
    return said
