"""What Slurm knows of jobs whose processes can't be asked from here: asked once for a whole screen, and never guessed."""

import os
import time
from collections.abc import Iterable
from functools import cached_property

from daisy.folder import Attempt
from daisy.launch import slurm

TOO_YOUNG = 60.0  # seconds: clocks differ, and a job may have begun after squeue was asked


class Cluster:
    """A look at Slurm. squeue is asked when something has to be known, and once; sacct once for all that `expect` names."""

    def __init__(self) -> None:
        self._expected: set[str] = set()
        self._ended: dict[str, str] = {}
        self._asked: set[str] = set()
        self._when = 0.0

    @cached_property
    def queue(self) -> slurm.Queue | None:
        """This user's jobs; None where squeue does not say."""
        self._when = time.time()
        return slurm.queue()

    def ask(self) -> None:
        """Ask squeue now, not when something has to be known. What begins later is not taken for dead."""
        _ = self.queue

    @cached_property
    def name(self) -> str | None:
        """What this cluster is called; None where Slurm does not say."""
        return os.environ.get("SLURM_CLUSTER_NAME") or slurm.cluster_name()

    @property
    def age(self) -> float:
        """Seconds since squeue was asked; 0 where it was not needed so far."""
        return time.time() - self._when if self._when else 0.0

    def expect(self, jobs: Iterable[str | None]) -> None:
        """Jobs that may be asked about: sacct is asked for all of them at once."""
        self._expected.update(job for job in jobs if job is not None)

    def alive(self, attempt: Attempt) -> bool | None:
        """Whether the job of an attempt is in the queue; None where that is not known."""
        if attempt.job is None or self.queue is None or attempt.user != os.getuid():
            return None
        if attempt.job in self.queue.begun:
            return True
        if attempt.started > self._when - TOO_YOUNG or (attempt.cluster and attempt.cluster != self.name):
            return None
        return False

    def ending(self, attempt: Attempt) -> str | None:
        """How Slurm says that a job that is over has ended (`CANCELLED`, `NODE_FAIL`); None where it does not say."""
        job = attempt.job
        if job is None:
            return None
        if job not in self._ended and job not in self._asked:
            ids = {job, *self._expected} - self._asked
            self._asked |= ids
            told = slurm.accounted(sorted(ids))
            if told is None:
                return None
            self._ended.update(told)
        return self._ended.get(job)

    def look_at(self, attempts: Iterable[Attempt]) -> None:
        """Ask what has to be asked for these at once: squeue where one's process can't be seen, sacct for those it has not."""
        elsewhere = [attempt for attempt in attempts if attempt.job is not None and attempt.alive() is None]
        if elsewhere and self.queue is not None:
            absent = [attempt for attempt in elsewhere if attempt.job not in self.queue.begun]
            self.expect(attempt.job for attempt in absent)
            for attempt in absent[:1]:
                self.ending(attempt)

    def evidence(self, attempt: Attempt) -> str:
        """How it is known whether a job lives, or why it is not."""
        if attempt.user != os.getuid():
            return f"Slurm job {attempt.job} is another user's"
        if self.queue is None:
            return f"squeue does not say whether Slurm job {attempt.job} runs"
        if attempt.job not in self.queue.begun and attempt.started > self._when - TOO_YOUNG:
            return f"Slurm job {attempt.job} has only just begun, and squeue did not show it yet"
        if attempt.cluster and self.name and attempt.cluster != self.name:
            return f"Slurm job {attempt.job} is on the cluster {attempt.cluster}"
        ending = self.ending(attempt)
        return f"Slurm job {attempt.job} is over" + (f" ({ending})" if ending else "")
