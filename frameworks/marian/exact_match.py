"""Marian's validation script: the share of translations that are exactly their targets, which Marian reads from its output.

    exact_match.py TARGETS RUNNER TRANSLATIONS

It runs in the model's folder. TRANSLATIONS is named for its epoch and update (see TEMPLATE) and becomes `dev.translations`; what
came out is noted in validations.json (see validations.py). The checkpoint was saved before the validation, so it is whole now:
`previous/` becomes a copy of it. Where this fails Marian would read a score of 0, so RUNNER, the process that waits for Marian,
is told to end it.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

from validations import Validation, keep_checkpoint, noted, write_noted

TRANSLATIONS = "dev.translations"
TEMPLATE = TRANSLATIONS + ".{E}.{U}"  # Marian puts the epoch and the updates in
NAMED = re.compile(re.escape(TRANSLATIONS) + r"\.(\d+)\.(\d+)")
TIME_TO_END = 30.0  # seconds


def main() -> None:
    targets, runner, translations = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    try:
        print(validate(targets, translations))
    except (OSError, ValueError) as error:
        print(f"ERROR: the validation failed: {error}", file=sys.stderr, flush=True)
        os.kill(runner, signal.SIGUSR1)
        time.sleep(TIME_TO_END)
        sys.exit(1)


def validate(targets: Path, translations: Path) -> float:
    """Score the translations that Marian has just written, and note what came out."""
    found = NAMED.fullmatch(translations.name)
    if found is None:
        raise ValueError(f"{translations} is not named as {TEMPLATE}")
    accuracy = exact_match(targets, translations)
    translations.replace(TRANSLATIONS)
    keep_checkpoint()
    new = Validation(epoch=int(found[1]), update=int(found[2]), accuracy=accuracy)
    write_noted([*(old for old in noted() if old.update < new.update), new])
    return accuracy


def exact_match(targets: Path, translations: Path) -> float:
    """The share of lines that are the same, token for token."""
    wanted, found = lines(targets), lines(translations)
    if len(wanted) != len(found):
        raise ValueError(f"{len(found)} translations for {len(wanted)} targets")
    return sum(one == other for one, other in zip(wanted, found)) / max(1, len(wanted))


def lines(path: Path) -> list[list[str]]:
    """The tokens of each line; only a blank separates them, and empty lines at the end are lines."""
    text = path.read_bytes().decode("utf-8", "replace")
    return [[token for token in line.split(" ") if token] for line in text[: -1 if text.endswith("\n") else None].split("\n")]


if __name__ == "__main__":
    main()
