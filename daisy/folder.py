"""What is on disk of a model: every path, every read and write. Nothing else touches these files."""

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daisy.errors import FolderError, ModelError
from daisy.files import append, folder_to_fill, read_json, replacing, sha256_of, write_json

MODEL_ID = re.compile(r"r(?P<time>\d+)__(?P<framework>[A-Za-z0-9][A-Za-z0-9_-]*?)__(?P<config_id>.+)", re.ASCII)
STATES = ("running", "done", "failed", "stopped", "pruned")
FORMAT = 1
COLUMN_ENDS = str.maketrans("\t\n\r", "   ")


@dataclass(frozen=True)
class Attempt:
    """One start of a model: who runs it. A process is named so that another one with its number is not taken for it."""

    number: int
    host: str
    pid: int
    process_start: str
    boot: str
    started: float
    job: str | None = None

    @classmethod
    def of_this_process(cls, number: int) -> "Attempt":
        """An attempt that this process makes."""
        pid = os.getpid()
        job = os.environ.get("SLURM_JOB_ID")
        return cls(number, socket.gethostname(), pid, process_start(pid) or "", boot_id(), time.time(), job)

    def alive(self) -> bool | None:
        """Whether its process lives; None where this host can't know."""
        if self.host != socket.gethostname() or not self.process_start:
            return None
        return self.boot == boot_id() and process_start(self.pid) == self.process_start


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
        return self.daisy / "config.json"

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
        return self.daisy / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """State, accuracy, times, checksums."""
        return self.daisy / "result.json"

    def predictions(self, split: str = "dev") -> Path:
        """Source, target, prediction: one line an example."""
        return self.daisy / "predictions" / f"{split}.tsv"

    def attempt_file(self, number: int) -> Path:
        """Who started the model for the n-th time."""
        return self.daisy / "attempts" / f"{number}.json"

    def read_config(self) -> dict[str, Any]:
        """The content of config.json. Raises FolderError where it is missing or damaged."""
        return self._read(self.config)

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
        except (OSError, ValueError) as error:
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
        number = after + 1
        attempt = Attempt.of_this_process(number)
        path = self.attempt_file(number)
        path.parent.mkdir(exist_ok=True)
        whole = path.with_name(f".{os.getpid()}-{number}")
        write_json(whole, vars(attempt))
        try:
            os.link(whole, path)  # fails where it exists: a claim that is never seen half written
        except FileExistsError:
            raise ModelError(f"{self.model_id} has just been started by another process: `daisy list` shows it") from None
        finally:
            whole.unlink(missing_ok=True)
        return attempt

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
        with suppress(OSError), self.metrics.open("rb") as file:
            for line in file:
                if b'"accuracy"' in line:
                    with suppress(ValueError, KeyError, TypeError):  # a line that a crash cut off
                        measures = json.loads(line)
                        found[int(measures["epoch"])] = float(measures["accuracy"])
        return dict(sorted(found.items()))

    def last_metrics(self, most: int = 1) -> list[dict[str, Any]]:
        """The last whole lines of metrics.jsonl, oldest first."""
        return tail_json(self.metrics, most)


def create(models_dir: Path, framework: str, config_id: str, config: Mapping[str, Any], now: float) -> ModelFolder:
    """A new model's folder, there at once with its config.json and its first attempt, or not at all.

    The id is `r<unix time>__<framework>__<config id>`; a second model of the same second and name gets `__2`, and so on.
    """
    name = f"r{int(now)}__{framework}__{config_id}"
    with folder_to_fill(models_dir) as unfinished:
        folder = ModelFolder(unfinished)
        folder.daisy.mkdir()
        folder.model_out.mkdir()
        attempt = folder.begin_attempt()
        number = 1
        while True:
            model_id = name if number == 1 else f"{name}__{number}"
            target = models_dir / model_id
            if not target.exists():
                write_json(folder.config, {"format": FORMAT, "model_id": model_id, **config})
                folder.write_result({"state": "running", "attempt": attempt.number, "started": attempt.started})
                try:
                    unfinished.rename(target)
                    return ModelFolder(target)
                except OSError as error:
                    if not target.exists():
                        raise error
            number += 1


def folders(models_dir: Path) -> Iterator[ModelFolder]:
    """The folders of models, oldest first."""
    try:
        names = os.listdir(models_dir)
    except FileNotFoundError:
        return
    except OSError as error:
        raise FolderError(f"{models_dir} can't be read ({error.strerror}): set env.models_dir") from None
    for name in sorted(names, key=natural):
        if not name.startswith("."):
            yield ModelFolder(models_dir / name)


def natural(name: str) -> tuple[float, str, int, str]:
    """A key that sorts model ids by time, then by name, `__10` after `__9`."""
    match = MODEL_ID.fullmatch(name)
    if match is None:
        return (float("inf"), name, 0, name)
    base, _, number = name.rpartition("__")
    return (float(match["time"]), base, int(number), name) if number.isdigit() else (float(match["time"]), name, 1, name)


def tail_json(path: Path, most: int, block: int = 8192) -> list[dict[str, Any]]:
    """The last whole JSON lines of a file that grows; a line that is half written is left out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - block * most))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return []
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        try:
            value = json.loads(line)
        except ValueError:
            continue  # cut at the block's beginning, or damaged by a crash
        if isinstance(value, dict):
            found.append(value)
        if len(found) == most:
            break
    return found[::-1]


def process_start(pid: int) -> str | None:
    """When a process began, in the kernel's ticks since the boot; None where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def boot_id() -> str:
    """An id of the time since this host was started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def observed_state(folder: ModelFolder, result: Mapping[str, Any]) -> tuple[str, str]:
    """The state as far as it is known now, and the evidence where it is not the one that is written."""
    state = str(result["state"])
    if state in ("done", "pruned"):
        return state, ""
    last = folder.last_attempt()
    if state != "running" and last <= result.get("attempt", last):
        return state, ""
    attempt = folder.read_attempt(last)
    if attempt is None:
        return "unknown", "nothing says which process runs it"
    alive = attempt.alive()
    if alive is None:
        return "unknown", f"it was started on {attempt.host}, which can't be asked from here"
    return ("running", "") if alive else ("stopped", f"process {attempt.pid} on {attempt.host} is gone")


def with_identity(models_dir: Path, identity: str) -> list[ModelFolder]:
    """The models of one identity, oldest first. Damaged folders are passed over: the registry names them."""
    found = []
    for folder in folders(models_dir):
        try:
            if folder.read_config().get("identity") == identity:
                found.append(folder)
        except FolderError:
            continue
    return found
