"""What a trial does, in both stacks: the i-th one that begins sleeps the i-th length, and writes down when."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

PARAMETERS = {"x": "interval(0.0,1.0)", "y": "interval(0.0,1.0)", "kind": "choice(a,b,c)"}  # what is searched: the same in both
# This text is a module of both: no import of anything but Python's own.
PROGRAM = """
import fcntl, json, time
from pathlib import Path

def sleep_next(folder):
    number = noted(folder, "begin", None)
    time.sleep(json.loads((folder / "lengths.json").read_text())[number])
    noted(folder, "end", number)

def noted(folder, what, number):
    with (folder / "log").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if number is None:
            file.seek(0)
            number = sum('"begin"' in line for line in file)
        file.write(json.dumps([what, number, time.time()]) + "\\n")
    return number

def value(x, y, kind):
    return 0.9 - 0.5 * (x - 0.3) ** 2 - 0.3 * (y - 0.6) ** 2 - 0.1 * (kind != "b")
"""
NOT_OF_USERS = ("DAISY_", "SLURM_", "PYTHONDONTWRITEBYTECODE")  # with the last one each process would compile Daisy anew


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """What a shell of the user has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OF_USERS)}
    return {**kept, **(more or {})}


def prepared(folder: Path, lengths: Sequence[float]) -> Path:
    """The folder of one run, with its lengths; the log that its trials will write."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lengths.json").write_text(json.dumps(list(lengths)))
    (folder / "log").unlink(missing_ok=True)
    return folder / "log"
