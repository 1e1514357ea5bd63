"""Following a sweep that others run: what has become of its models, until all have ended."""

import time
from collections.abc import Sequence

from daisy.errors import DaisyError, FolderError
from daisy.folder import ModelFolder, Place, SweepFolder, observed_state
from daisy.launch import lanes
from daisy.launch.course import Course, Ended, Running, Watcher, ended_as
from daisy.launch.evidence import Cluster
from daisy.launch.holding import way_out
from daisy.launch.recovery import RUNNER, locked, recover
from daisy.launch.why import why_of

LOOK_EVERY = 1.0  # seconds
ASK_EVERY = 15.0  # seconds: between two looks at Slurm
SAY_WHY_AFTER = 10.0  # seconds
OVER = ("done", "failed", "pruned")


class Follower:
    """Tells a watcher of a sweep's course."""

    def __init__(self, sweep: SweepFolder, watcher: Watcher) -> None:
        self._sweep, self._watcher = sweep, watcher
        self._on_slurm = sweep.info().get("launcher") == "slurm"
        self._ended: dict[int, Ended] = {}
        self._began: dict[int, float] = {}
        self._asked = -ASK_EVERY
        self._cluster = Cluster()
        self._told_hold = False
        self._trouble = self._why = ""
        self._idle_since = time.monotonic()

    def run(self) -> Sequence[Ended]:
        """Follow until no model waits or runs, as far as is known, or the sweep is held."""
        self._look(quietly=True)
        while True:
            self._tend()
            course = self._look()
            self._watcher.look(course)
            self._say_why(course)
            held = self._sweep.held()
            if held is not None and not self._told_hold:
                self._told_hold = True
                self._watcher.say(f"{held}: launching no more; {way_out(self._sweep.sweep_id)}")
            if not self._on_slurm and not course.running and course.waiting and self._launcher_is_gone():
                self._watcher.say(f"its launcher is gone: `daisy resume {self._sweep.sweep_id}` goes on")
                return list(self._ended.values())
            if not course.running and (not course.waiting or held is not None):
                return list(self._ended.values())
            time.sleep(LOOK_EVERY)

    def _say_why(self, course: Course) -> None:
        """Where models wait and none runs for a while: why, each time that it changes."""
        if course.running or not course.waiting or course.stopping:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > SAY_WHY_AFTER:
            info = self._sweep.info()
            tags = {info["tags"][place.number - 1] for place in self._sweep.places("waiting")} if "tags" in info else {None}
            why = ", ".join(sorted({why_of(self._sweep, info, tag, self._cluster) for tag in tags}))
            if why != self._why:
                self._why = why
                self._watcher.say(f"{course.waiting} waiting: {why}")

    def _launcher_is_gone(self) -> bool:
        runner = self._sweep.worker(RUNNER)
        return runner is None or runner.alive() is False

    def _tend(self) -> None:
        """Now and then settle what lost jobs have left, and submit what is missing."""
        if not self._on_slurm or time.monotonic() - self._asked < ASK_EVERY:
            return
        self._asked = time.monotonic()
        models_dir = self._sweep.models_dir
        trouble = ""
        try:
            with locked(models_dir):
                cluster = self._cluster = Cluster()
                for sweep in lanes.of_slurm(models_dir):
                    recover(sweep, cluster)
                if cluster.queue is None:
                    trouble = "Slurm does not answer (squeue): what is shown is what the folders say"
                else:
                    trouble = "; ".join(map(str, lanes.fill(models_dir, cluster.queue).refused.values()))
        except DaisyError as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            self._watcher.say(trouble)
        self._trouble = trouble

    def _look(self, quietly: bool = False) -> Course:
        places = self._sweep.places()
        waiting = [place.number for place in places if place.state == "waiting"]
        running: list[Running] = []
        workers = set(self._sweep.workers())
        for place in places:
            if place.state == "waiting":
                self._ended.pop(place.number, None)  # it was put back
            elif place.number not in self._ended:
                self._see(place, workers, running, quietly)
        held = self._sweep.held() is not None
        return Course(len(waiting), running, tuple(self._ended.values()), held)

    def _see(self, place: Place, workers: set[str], running: list[Running], quietly: bool) -> None:
        model = self._sweep.begun(place).model
        folder = ModelFolder(self._sweep.models_dir / model) if model is not None else None
        if place.state == "cancelled":
            ended = Ended(place.number, folder, "cancelled", "", None, 0.0)
        else:
            state = _state(folder, self._cluster) if folder is not None else None
            works = place.worker in workers
            if (state is None or state not in OVER) and works:
                began = self._began.setdefault(place.number, time.monotonic())
                running.append(Running(place.number, folder, began))
                return
            if folder is None:
                return  # being put back, or begun
            ended = ended_as(place.number, folder, "its job is gone", 0.0)
        self._ended[place.number] = ended
        if not quietly:
            held = self._sweep.held() is not None
            self._watcher.ended(ended, Course(self._sweep.waiting(), running, tuple(self._ended.values()), held))


def _state(folder: ModelFolder, cluster: Cluster) -> str | None:
    try:
        return observed_state(folder, folder.read_result(), cluster)[0]
    except FolderError:
        return None
