"""Marian's validation script: the share of translations that are exactly their targets; keeps a copy of the checkpoint.

    exact_match.py TARGETS MODEL TRANSLATIONS

One line an example; prints a number from 0 to 1. The checkpoint was saved before the validation, so it is whole now; its copy in
`previous/` takes the place of the one before with a rename.
"""

import shutil
import sys
from pathlib import Path

PARTS = ("", ".optimizer.npz", ".progress.yml", ".yml")  # what Marian goes on from


def main() -> None:
    targets, translations = lines(sys.argv[1]), lines(sys.argv[3])
    keep(Path(sys.argv[2]))
    if len(targets) != len(translations):
        sys.exit(f"{len(translations)} translations for {len(targets)} targets")
    print(sum(target == found for target, found in zip(targets, translations)) / max(1, len(targets)))


def lines(path: str) -> list[str]:
    return [" ".join(line.split()) for line in Path(path).read_bytes().decode("utf-8", "replace").rstrip("\n").split("\n")]


def keep(model: Path) -> None:
    """A copy of the checkpoint's files, in place of the copy before."""
    unfinished, kept = model.parent / "previous.unfinished", model.parent / "previous"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for part in PARTS:
        file = Path(f"{model}{part}")
        if not file.is_file():
            shutil.rmtree(unfinished)
            return  # nothing was saved yet
        shutil.copyfile(file, unfinished / file.name)
    shutil.rmtree(kept, ignore_errors=True)
    unfinished.rename(kept)


if __name__ == "__main__":
    main()
