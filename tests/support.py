"""What tests share: Daisy run as a person runs it, in a project of the test's own."""

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get("DAISY_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
SIGMORPHON = SHARED_DATA / "conll-sigmorphon-2017"
SLOTS = Path(tempfile.mkdtemp(prefix="daisy-test-slots-"))
atexit.register(shutil.rmtree, SLOTS, ignore_errors=True)
UD_FINNISH = SHARED_DATA / "ud-finnish-tdt"


def heed_signals() -> None:
    """In a new process: the signals that ask to stop are heeded, even where the tests were started with `nohup` or `&`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def one_line(self) -> str:
        """The error, which must be one line, without a traceback."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("daisy: ")
        return lines[0]


def slots_of(root: Path) -> str:
    """Slots of its own for each project: tests do not wait for each other."""
    return str(SLOTS / hashlib.sha256(bytes(root)).hexdigest()[:12])


@dataclass(frozen=True)
class DaisyProject:
    """A project in a folder of the test's own, with a small dataset `tiny`."""

    root: Path

    def command(self, *arguments: str) -> list[str]:
        """`python -m daisy ...`."""
        return [sys.executable, "-m", "daisy", *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Without what the tester's own shell may say to Daisy."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAISY_", "SLURM_"))}
        return {**kept, "COLUMNS": "160", "DAISY_SLOTS_DIR": slots_of(self.root), **(more or {})}

    def daisy(
        self, *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, timeout: float = 120
    ) -> Finished:
        """Run Daisy to its end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.root,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Begin a run of Daisy and leave it running; its output goes to a pipe."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=heed_signals,
        )

    def models(self) -> list[Path]:
        """The folders of models, oldest first."""
        found = self.root / "models"
        return sorted(path for path in found.iterdir() if not path.name.startswith(".")) if found.exists() else []

    def add_framework(self, name: str, adapter: str, companion: Mapping[str, str] | None = None, options: str = "{}") -> None:
        """A framework of the project's own: its adapter, its companion files, its conf/framework."""
        (self.root / "frameworks" / f"{name}.py").write_text(adapter)
        for file, text in (companion or {}).items():
            path = self.root / "frameworks" / name / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        folder = self.root / "conf" / "framework"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(f"name: {name}\noptions: {options}\n")
