"""arcadio's training: a character-level sequence-to-sequence network in NumPy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from arcadio_command_line import Parser, at_least_one, at_least_zero, positive
from arcadio_process import prepare, run


def main() -> None:
    """Read the command line and train."""
    arguments = read_arguments()
    prepare()
    from arcadio_training import Order, train  # after `prepare`, as it imports NumPy

    train(Order(**vars(arguments)))


def read_arguments() -> argparse.Namespace:
    """The command line; a wrong one ends the process."""
    parser = Parser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    for part in ("train", "dev"):
        for side in ("source", "target"):
            add(f"--{part}-{side}", type=Path, required=True, help="one example a line, tokens separated by blanks")
    for side in ("source", "target"):
        add(f"--vocabulary-{side}", type=Path, required=True, help="JSON, {token: index}, special entries first")
    add("--components", required=True, help="JSON text that describes the network")
    add("--model", type=Path, required=True, help="existing folder for the checkpoints")
    add("--epochs", type=at_least_one, required=True, help="end after so many passes over the examples")
    add("--seconds", type=positive, help="or end after so many processor seconds, whichever comes first")
    add("--batch-size", type=at_least_one, default=20, help="examples a step (20)")
    add("--learning-rate", type=positive, default=0.003, help="the highest; it rises first, then falls (0.003)")
    add("--patience", type=at_least_zero, default=0, help="or end after so many epochs without a better one (0: never)")
    add("--seed", type=at_least_zero, default=1, help="of everything random (1)")
    add("--keep-epochs", action="store_true", help="keep the weights of every epoch")
    add("--resume", action="store_true", help="go on from last.npz if it is there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(main))
