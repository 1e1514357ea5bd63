"""Recorded runs of real frameworks, played again by a stand-in for their Python.

A recording is a folder `recorded/NAME/`:

    recording.json     {"overrides": [...], "accuracy": 0.62, "own_options": [...]}: how it was made, what came of it
    description.json   what the framework said of itself: {"version": ..., "options": [...]}
    train.log          what training printed
    predict.log        what predicting printed
    predictions.txt    what the predict command wrote
    model_out.txt      the files that training left, one a line: name TAB size in bytes

The stand-in is started instead of the framework's Python, with the very arguments that the adapter made. It refuses options
that neither the framework nor the wrapper beside the adapter has (`own_options`), prints the recorded log and writes the
recorded files.
"""

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import DaisyProject

RECORDED = Path(__file__).parent / "recorded"
STAND_IN = r"""#!{python}
import json, pathlib, sys

recorded = pathlib.Path({recorded!r})
recording = json.loads((recorded / "recording.json").read_text())
description = json.loads((recorded / "description.json").read_text())
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments) + "\n")
if arguments[0].endswith("describe.py"):
    print(json.dumps(description))
    sys.exit(0)
known = {{*(description["options"] or []), *recording["own_options"]}}
for word in arguments:
    name = word.lstrip("-").partition("=")[0]
    if word.startswith("--") and word != "--" and name not in known and name.replace("-", "_") not in known:
        print("error: unrecognized arguments: " + word)
        sys.exit(2)
output = next((word for word in arguments if word.endswith("predictions")), None)
if output is not None:
    pathlib.Path(output).write_bytes((recorded / "predictions.txt").read_bytes())
    sys.stdout.write((recorded / "predict.log").read_text(encoding="utf-8", errors="replace"))
    sys.exit(0)
if pathlib.Path.cwd().name != "model_out":  # the dataset's form is built; a training is in its model's folder
    pathlib.Path("form").write_text("in the framework's own form")
else:
    for line in (recorded / "model_out.txt").read_text().splitlines():
        name, size = line.split("\t")
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = recorded / "files" / name
        archive = path.suffix in (".npz", ".pt", ".ckpt")  # an empty zip file, for those who look whether one is whole
        filling = b"PK\x05\x06" + bytes(18) if archive else bytes(min(int(size), 4096))
        path.write_bytes(text.read_bytes() if text.exists() else filling)
    sys.stdout.write((recorded / "train.log").read_text(encoding="utf-8", errors="replace"))
"""


@dataclass(frozen=True)
class Recording:
    """One recorded run."""

    framework: str

    @property
    def folder(self) -> Path:
        """Where it is."""
        return RECORDED / self.framework

    @property
    def facts(self) -> dict[str, Any]:
        """recording.json."""
        content: dict[str, Any] = json.loads((self.folder / "recording.json").read_text(encoding="utf-8"))
        return content

    def stand_in(self, project: DaisyProject) -> Path:
        """An executable in place of the framework's Python."""
        path = project.root / f"stand-in-{self.framework}"
        path.write_text(STAND_IN.format(python=sys.executable, recorded=str(self.folder), log=str(self.asked(project))))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def asked(self, project: DaisyProject) -> Path:
        """The argument lists that the stand-in was started with, one a line, as JSON."""
        return project.root / f"asked-{self.framework}.jsonl"


def recordings() -> list[str]:
    """The frameworks that have a recording."""
    return sorted(path.parent.name for path in RECORDED.glob("*/recording.json"))
