"""What Slurm knows of jobs whose processes can't be asked from here: asked once for a whole screen, and never guessed."""

import os
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from threading import Lock

from daisy.folder import Attempt
from daisy.launch import slurm

TOO_YOUNG = 60.0  # seconds: clocks differ, and a job may have begun after squeue was asked


class Cluster:
    """A look at Slurm. squeue is asked when something has to be known, and once; sacct once for all that `expect` names."""

    def __init__(self) -> None:
        self._expected: set[str] = set()
        self._told: dict[str, str] = {}
        self._asked: set[str] = set()
        self._when = 0.0
        self._queue: slurm.Queue | None = None
        self._asking = Lock()

    @property
    def queue(self) -> slurm.Queue | None:
        """This user's jobs; None where squeue does not say. Several threads may ask: squeue is asked once."""
        with self._asking:
            if not self._when:
                self._when = time.time()
                self._queue = slurm.queue()
            return self._queue

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
        return None if self._doubt(attempt) else attempt.job in self._begun

    def is_ending(self, attempt: Attempt) -> bool:
        """Whether a job whose process is gone is still in the queue, or nothing says how it ended: later more is known."""
        if attempt.job is None or attempt.user != os.getuid():
            return False
        if attempt.job in self._begun or (self.queue is None and self.ending(attempt) is None):
            return True
        return self.ending(attempt) is None and self._accounted(attempt.job) is not None  # sacct is behind

    def ending(self, attempt: Attempt) -> str | None:
        """How Slurm says that a job that is over has ended (`CANCELLED`, `NODE_FAIL`); None where it does not say."""
        job = attempt.job
        if job is None:
            return None
        if self.queue is not None and job in self.queue.ended:
            return self.queue.ended[job]
        state = self._accounted(job)
        return state if state in slurm.OVER else None

    def look_at(self, attempts: Iterable[Attempt]) -> None:
        """Ask what has to be asked for these at once: squeue where one's process can't be seen, sacct for those it has not."""
        elsewhere = [attempt for attempt in attempts if attempt.job is not None and attempt.alive() is None]
        if elsewhere and self.queue is not None:
            known = self.queue.begun.keys() | self.queue.ended.keys()
            absent = [attempt.job for attempt in elsewhere if attempt.job is not None and attempt.job not in known]
            self.expect(absent)
            for job in absent[:1]:
                self._accounted(job)

    def evidence(self, attempt: Attempt) -> str:
        """How it is known whether a job lives, or why it is not."""
        if doubt := self._doubt(attempt):
            return doubt
        ending = self.ending(attempt)
        return f"Slurm job {attempt.job} is over" + (f" ({ending})" if ending else "")

    @property
    def _begun(self) -> Mapping[str, slurm.Job]:
        return self.queue.begun if self.queue is not None else {}

    def _doubt(self, attempt: Attempt) -> str:
        """Why it is not known whether a job lives; an empty text where it is."""
        job = attempt.job
        if job is None or attempt.user is None:
            return "nothing says which Slurm job runs it"
        if attempt.user != os.getuid():
            return f"Slurm job {job} is another user's"
        if self.queue is None:
            return f"squeue does not say whether Slurm job {job} runs"
        if attempt.cluster and self.name and attempt.cluster != self.name:
            return f"Slurm job {job} is on the cluster {attempt.cluster}"
        if job in self.queue.begun:
            return ""
        if attempt.cluster and not self.name:
            return f"Slurm job {job} is on the cluster {attempt.cluster}, and Slurm does not say whether that is this one"
        if job in self.queue.ended:
            return ""
        if attempt.started > self._when - TOO_YOUNG:
            return f"Slurm job {job} has only just begun: squeue may not have it yet"
        if (state := self._accounted(job)) is not None and state not in slurm.OVER:
            return f"squeue does not have Slurm job {job}, and sacct says that it is {state}"
        return ""

    def _accounted(self, job: str) -> str | None:
        if job not in self._told and job not in self._asked:
            known = (self.queue.begun.keys() | self.queue.ended.keys()) if self.queue is not None else set()
            ids = {job, *(self._expected - known)} - self._asked
            self._asked |= ids
            told = slurm.accounted(sorted(ids))
            if told is None:
                return None
            self._told.update(told)
        return self._told.get(job)
