"""Planted learning curves, and the program that trains by them. It is copied into a project: only Python's own is imported.

curves.py train MODEL_OUT FIELD CURVE EPOCHS SECONDS
curves.py predict MODEL_OUT SOURCE OUTPUT

A curve is a number: of the field `many` from 0 to 1, where a fifth are late bloomers and better than all others; of the fields
`one-SEED` from 0 to 39, and only curve 0 is a late bloomer, as good as the best of the others.
"""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

EXAMPLES = 1000
NOISE = 0.01
KINDS = ("slow", "flat", "dead", "usual")
MANY = "many"
BELOW = {"slow": 0.12, "flat": 0.20, "dead": 0.32}  # a curve's number, from 0 to 1, says of which kind it is
BELOW_OF_ONE = {"slow": 1, "dead": 6}  # of 40
BEST = (0.90, 0.96)  # what many late bloomers come to
USUAL = (0.45, 0.88)
AMONG_THE_BEST = (0.80, 0.88)  # what one late bloomer comes to: else nothing would be lost with it


def kind_of(field: str, curve: float) -> str:
    """Of late bloomers those that gain slowly at first, and those that gain nothing; the dead ones; the usual ones."""
    limits = BELOW if field == MANY else BELOW_OF_ONE
    return next((kind for kind, below in limits.items() if curve < below), "usual")


def accuracies(field: str, curve: float, epochs: int) -> Sequence[float]:
    """The dev accuracy after each epoch."""
    kind, chance = kind_of(field, curve), Random(f"curve {curve:.6g}" if field == MANY else f"{field} {curve:.6g}")
    heights = USUAL if kind == "usual" else BEST if field == MANY else AMONG_THE_BEST
    ceiling, speed = chance.uniform(*heights), chance.uniform(0.05, 0.3) * epochs
    found = []
    for epoch in range(1, epochs + 1):
        part = epoch / epochs
        value = {
            "slow": ceiling * part**2,
            "flat": ceiling / (1 + math.exp(-(part - 0.7) * 16)),
            "dead": 0.02,
            "usual": ceiling * (1 - math.exp(-epoch / speed)),
        }[kind]
        found.append(min(1.0, max(0.0, round(value + chance.gauss(0, NOISE), 3))))
    return found


def train(out: Path, planted: Sequence[float], seconds: float) -> None:
    """What a framework does."""
    best = -1.0
    for epoch, accuracy in enumerate(planted, start=1):
        time.sleep(seconds)
        best = max(best, accuracy)
        (out / "model.new").write_text(str(round(best * EXAMPLES)))
        (out / "model.new").replace(out / "model.txt")
        print(f"epoch {epoch} done dev_accuracy {accuracy}", flush=True)
        print(f"saved epoch {epoch}", flush=True)


def predict(out: Path, source: Path, output: Path) -> None:
    """So many are right as the best epoch's accuracy says."""
    right, lines = int((out / "model.txt").read_text()), source.read_text().splitlines()
    lemmas = [line.removesuffix(" n") if number < right else "x" for number, line in enumerate(lines)]
    output.write_text("".join(f"{lemma}\n" for lemma in lemmas))


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]), accuracies(sys.argv[3], float(sys.argv[4]), int(sys.argv[5])), float(sys.argv[6]))
    else:
        predict(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
