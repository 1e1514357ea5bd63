"""arcadio's prediction: one line of target tokens for every line of source tokens, in the same order."""

from __future__ import annotations

import sys
from pathlib import Path

from arcadio_command_line import Parser, at_least_one, not_negative
from arcadio_process import prepare, run


def main() -> None:
    """Read the command line and predict."""
    parser = Parser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="best.npz or epoch-*.npz of a training")
    parser.add_argument("--source", type=Path, required=True, help="one example a line, tokens separated by blanks")
    parser.add_argument("--output", type=Path, required=True, help="file for the predictions")
    parser.add_argument("--attention", type=Path, help="file for the attention weights, as JSON lines")
    parser.add_argument("--beam", type=at_least_one, default=1, help="hypotheses that are followed (1: greedy)")
    parser.add_argument("--normalize", type=not_negative, default=1.0, help="power of the length that scores are divided by (1)")
    parser.add_argument("--batch-size", type=at_least_one, default=200, help="hypotheses decoded at once (200)")
    arguments = parser.parse_args()
    prepare()
    from arcadio_prediction import Order, predict  # after `prepare`, as it imports NumPy

    predict(Order(**vars(arguments)))


if __name__ == "__main__":
    sys.exit(run(main))
