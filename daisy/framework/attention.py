"""Attention weights as frameworks write them for Daisy: JSON lines, one an example, in the order of the sources.

    {"source": ["k", "a", "n", "<eos>"], "prediction": ["k", "a", "<eos>"], "weights": [[0.9, 0.05, 0.03, 0.02], ...]}

`source` and `prediction` are tokens as they stand in canonical files, each with END as its last, which the network reads and
predicts too. `weights` has a row for each token of the prediction, with a number for each token of the source: how much the
network looked at it to predict that token. Each row sums to 1.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

END = "<eos>"
ROUNDED = 0.01  # how far from 1 the sum of a row of rounded weights may be


@dataclass(frozen=True)
class AttentionWeights:
    """The weights of one example: a row for each token of the prediction, a column for each token of the source."""

    source: tuple[str, ...]
    prediction: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]

    @classmethod
    def from_json(cls, line: str) -> "AttentionWeights":
        """From one line. Raises ValueError that says what is wrong with it."""
        content = json.loads(line)
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        source, prediction = (_tokens(content, name) for name in ("source", "prediction"))
        rows = content.get("weights")
        if not isinstance(rows, list) or len(rows) != len(prediction):
            raise ValueError("weights must be a list with a row for each token of the prediction")
        return cls(source, prediction, tuple(_row(row, len(source)) for row in rows))

    def to_json(self) -> str:
        """One line, without its end."""
        content = {"source": self.source, "prediction": self.prediction, "weights": self.weights}
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def read_attention(text: str, sources: Sequence[str], predictions: Sequence[str]) -> list[AttentionWeights]:
    """What a framework wrote for these canonical sources and these predictions of it. Raises ValueError with the line."""
    lines = text.removesuffix("\n").split("\n") if text else []
    if len(lines) != len(sources):
        raise ValueError(f"there are {len(lines)} lines for {len(sources)} examples")
    return [
        _of_example(number, *example) for number, example in enumerate(zip(lines, sources, predictions, strict=True), start=1)
    ]


def _of_example(number: int, line: str, source: str, prediction: str) -> AttentionWeights:
    try:
        found = AttentionWeights.from_json(line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    if " ".join(found.source[:-1]) != source:
        raise ValueError(f"line {number}: source is not the example's source")
    if " ".join(found.prediction[:-1]).strip() != prediction:  # as predictions are read
        raise ValueError(f"line {number}: prediction is not the one that was predicted")
    return found


def _tokens(content: dict[str, object], name: str) -> tuple[str, ...]:
    tokens = content.get(name)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens) or tokens[-1:] != [END]:
        raise ValueError(f"{name} must be a list of tokens that ends in {END}")
    return tuple(tokens)


def _row(row: object, length: int) -> tuple[float, ...]:
    if not isinstance(row, list) or len(row) != length:
        raise ValueError("each row of weights must have a number for each token of the source")
    if not all(isinstance(weight, (int, float)) and 0 <= weight <= 1 for weight in row):
        raise ValueError("weights must be numbers from 0 to 1")
    if not math.isclose(sum(row), 1, abs_tol=ROUNDED):
        raise ValueError("each row of weights must sum to 1")
    return tuple(float(weight) for weight in row)
