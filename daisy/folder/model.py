"""The folder of one model: its paths, what is read from them and written to them."""

import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daisy.errors import FolderError, ModelError
from daisy.files import append, read_json, remove_left_over, replacing, sha256_of, write_json
from daisy.folder.attempt import Attempt
from daisy.folder.claim import link_or_copy, locked
from daisy.folder.lines import tail_json

MODEL_ID = re.compile(r"r(?P<time>\d+)__(?P<framework>[A-Za-z0-9][A-Za-z0-9_-]*?)__(?P<config_id>.+)", re.ASCII)
STATES = ("running", "done", "failed", "stopped", "pruned")
CONFIG, RESULT, METRICS = SIGNED = ("config.json", "result.json", "metrics.jsonl")
COUNTS = ("epoch", "step", "judged", "seconds", "attempt")  # of a line in metrics.jsonl: all else are figures
FORMAT = 1
SOURCE_PATCH, PROJECT_PATCH = "source.patch", "project.patch"
FRAMEWORK_ENDS_WITHIN = 30.0  # seconds: more than a guard's grace
COLUMN_ENDS = str.maketrans("\t\n\r", "   ")


class ModelFolder:
    """The folder of one model. The names of its files are the ones of the design."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def model_id(self) -> str:
        """The model's id: the folder's name."""
        return self.path.name

    @property
    def daisy(self) -> Path:
        """What is kept for ever."""
        return self.path / "daisy"

    @property
    def model_out(self) -> Path:
        """What the framework wrote."""
        return self.path / "model_out"

    @property
    def config(self) -> Path:
        """The configuration: the source of truth."""
        return self.daisy / CONFIG

    @property
    def source_patch(self) -> Path:
        """What was not committed in the framework's checkout; there only where something was."""
        return self.daisy / SOURCE_PATCH

    @property
    def project_patch(self) -> Path:
        """What was not committed in the project and in Daisy; there only where something was."""
        return self.daisy / PROJECT_PATCH

    @property
    def job_out(self) -> Path:
        """Daisy's own lines."""
        return self.daisy / "job.out"

    @property
    def run_out(self) -> Path:
        """What the framework printed."""
        return self.daisy / "run.out"

    @property
    def metrics(self) -> Path:
        """What the adapter read from run.out, a JSON object a line."""
        return self.daisy / METRICS

    @property
    def result(self) -> Path:
        """State, accuracy, times, checksums."""
        return self.daisy / RESULT

    @property
    def pruned(self) -> Path:
        """Why a pruned model's training was ended, written as that began; there only where it was."""
        return self.daisy / "pruned.json"

    def is_model(self) -> bool:
        """Whether there is a configuration in it that can be seen."""
        try:
            return stat.S_ISREG(self.config.stat().st_mode)
        except OSError:
            return False

    def signature(self, changing: bool = False) -> list[int]:
        """What tells that config.json, result.json and metrics.jsonl are the ones that were read: times, size, inode of each.

        Another content under the same signature takes two writes within one tick of the file system's clock. NFS may answer with
        what it knew some seconds ago; files that are still `changing` are opened, which it answers with what is there now.
        """
        found: list[int] = []
        daisy = f"{self.path}/daisy"  # texts: of ten thousand models paths take longer to make than to look at
        look = _opened if changing else os.stat
        for name in SIGNED:
            try:
                seen = look(f"{daisy}/{name}")
            except OSError:
                found += (0, 0, 0, 0)
            else:
                found += (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino)
        return found

    def predictions(self, split: str = "dev") -> Path:
        """Source, target, prediction: one line an example."""
        return self.daisy / "predictions" / f"{split}.tsv"

    def attempt_file(self, number: int) -> Path:
        """Who started the model for the n-th time."""
        return self.daisy / "attempts" / f"{number}.json"

    def read_config(self) -> dict[str, Any]:
        """The content of config.json. Raises FolderError where it is missing or damaged."""
        return self._read(self.config)

    def read_patches(self) -> dict[str, bytes]:
        """What was not committed, by file name; only what is there."""
        return {path.name: path.read_bytes() for path in (self.project_patch, self.source_patch) if path.is_file()}

    def read_result(self) -> dict[str, Any]:
        """The content of result.json. Raises FolderError where it is missing, damaged or of an unknown state."""
        result = self._read(self.result)
        if result.get("state") not in STATES:
            raise FolderError(f"{self.result} has no known state: move the folder {self.path} away")
        return result

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Replace result.json."""
        write_json(self.result, {"format": FORMAT, **result})

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            content = read_json(path)
        except FileNotFoundError:
            raise FolderError(f"{path} is missing: move the folder {self.path} away") from None
        except (OSError, ValueError, RecursionError) as error:
            raise FolderError(f"{path} can't be read ({error}): move the folder {self.path} away") from None
        if not isinstance(content, dict):
            raise FolderError(f"{path} is no JSON object: move the folder {self.path} away")
        return content

    def attempts(self) -> list[int]:
        """The numbers of the attempts so far, rising."""
        try:
            names = os.listdir(self.daisy / "attempts")
        except OSError:
            return []
        return sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())

    def read_attempt(self, number: int) -> Attempt | None:
        """One attempt; None where its file is missing or damaged."""
        try:
            return Attempt(**read_json(self.attempt_file(number)))
        except (OSError, ValueError, TypeError):
            return None

    def last_attempt(self) -> int:
        """The number of the newest attempt; 0 where there is none."""
        return max(self.attempts(), default=0)

    def begin_attempt(self, after: int = 0) -> Attempt:
        """Claim the attempt after the newest one that the caller has seen: of two that try at once, one gets it.

        Raises ModelError where another process has begun it.
        """
        remove_left_over(self.daisy)
        number = after + 1
        attempt = Attempt.of_this_process(number)
        path = self.attempt_file(number)
        path.parent.mkdir(exist_ok=True)
        whole = path.with_name(f".{os.getpid()}-{number}")
        write_json(whole, vars(attempt))
        try:
            link_or_copy(whole, path)
        except FileExistsError:
            raise ModelError(f"{self.model_id} has just been started by another process: `daisy list` shows it") from None
        finally:
            whole.unlink(missing_ok=True)
        return attempt

    @contextmanager
    def framework_lock(self) -> Iterator[int]:
        """A descriptor whose lock only one training command of this model has; it passes to whoever inherits it.

        A killed job's framework may take some seconds to end: the next one waits for that. Raises ModelError where it does
        not end.
        """
        descriptor = os.open(self.model_out, os.O_RDONLY)  # the folder itself is what is locked
        try:
            deadline = time.monotonic() + FRAMEWORK_ENDS_WITHIN
            while not locked(descriptor):
                if time.monotonic() > deadline:
                    raise ModelError(f"a framework still trains {self.model_id}: end its processes, then resume the model")
                time.sleep(0.1)
            yield descriptor
        finally:
            os.close(descriptor)

    def log(self, text: str) -> None:
        """Add a line of Daisy's own to job.out, with the time."""
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        with self.job_out.open("ab", buffering=0) as file:
            append(file.fileno(), f"[{now}] {text}\n".encode("utf-8", "backslashreplace"))

    def write_predictions(
        self, sources: Sequence[str], targets: Sequence[str], predictions: Sequence[str], split: str = "dev"
    ) -> None:
        """Write the predictions of a split; what separates columns and lines becomes a blank inside of them."""
        path = self.predictions(split)
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as file:
            for row in zip(sources, targets, predictions, strict=True):
                file.write(("\t".join(column.translate(COLUMN_ENDS) for column in row) + "\n").encode("utf-8"))

    def checksums(self) -> dict[str, str]:
        """SHA-256 of what is kept for ever, but of result.json itself and of the log that goes on."""
        kept = [self.config, self.run_out, self.metrics, *sorted((self.daisy / "predictions").glob("*.tsv"))]
        return {str(path.relative_to(self.daisy)): sha256_of(path) for path in kept if path.is_file()}

    def scored_epochs(self) -> dict[int, float]:
        """The accuracy of each epoch that Daisy has scored so far, as metrics.jsonl tells."""
        found: dict[int, float] = {}
        for measures in self._metrics_with("accuracy"):
            with suppress(ValueError, KeyError, TypeError):
                found[int(measures["epoch"])] = float(measures["accuracy"])
        return dict(sorted(found.items()))

    def judged_steps(self) -> set[int]:
        """The steps whose figure a judge was told so far, as metrics.jsonl tells."""
        return {measures["judged"] for measures in self._metrics_with("judged") if isinstance(measures["judged"], int)}

    def _metrics_with(self, name: str) -> Iterator[dict[str, Any]]:
        """The whole lines of metrics.jsonl that have a name."""
        with suppress(OSError), self.metrics.open("rb") as file:
            for line in file:
                if f'"{name}"'.encode() not in line:
                    continue
                with suppress(ValueError):  # a line that a crash cut off
                    measures = json.loads(line)
                    if isinstance(measures, dict) and name in measures:
                        yield measures

    def read_pruned(self) -> dict[str, Any] | None:
        """The content of pruned.json; None where it is missing or damaged."""
        try:
            content = read_json(self.pruned)
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write_pruned(self, pruned: Mapping[str, Any]) -> None:
        """Write pruned.json."""
        write_json(self.pruned, pruned)

    def judged(self, measure: str) -> dict[int, float]:
        """What a pruner was told of this model, as metrics.jsonl tells: steps, and the first value of each."""
        found: dict[int, float] = {}
        for measures in self._metrics_with("judged"):
            with suppress(ValueError, KeyError, TypeError):
                found.setdefault(int(measures["judged"]), float(measures[measure]))
        return found

    def figures_at(self, epoch: int) -> dict[str, float]:
        """The figures of one epoch that metrics.jsonl tells, the last of each name."""
        found: dict[str, float] = {}
        for measures in self._metrics_with("epoch"):
            if measures["epoch"] == epoch:
                found.update({
                    name: float(value)
                    for name, value in measures.items()
                    if name not in COUNTS and isinstance(value, (int, float)) and not isinstance(value, bool)
                })  # fmt: skip
        return found

    def seconds_before(self, attempt: int) -> float:
        """How long the attempts before this one have trained, as metrics.jsonl tells."""
        seconds = 0.0
        for measures in self._metrics_with("attempt") if attempt > 1 else ():
            with suppress(ValueError, KeyError, TypeError):
                if int(measures["attempt"]) < attempt:
                    seconds = float(measures["seconds"])
        return seconds

    def last_metrics(self, most: int = 1) -> list[dict[str, Any]]:
        """The last whole lines of metrics.jsonl, oldest first."""
        return tail_json(self.metrics, most)


def _opened(path: str) -> os.stat_result:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
