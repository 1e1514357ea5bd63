"""Predictions to accuracy and other measures: the same code for every framework."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daisy.errors import TrainingFailed

Z = 1.959963984540054  # the normal distribution's 97.5 % point: two-sided 95 %
SCORER_VERSION = 2  # 1 split at any white space


@dataclass(frozen=True)
class Score:
    """Exact match and edit distance over the examples of one split.

    `accuracy` is a fraction, with a 95 % Wilson interval (Wilson 1927, J. Am. Stat. Assoc. 22:209-212); `edit_distance` is
    the mean Levenshtein distance in tokens, with a 95 % normal interval.
    """

    examples: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    edit_distance: float
    edit_distance_interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """As it is kept in result.json."""
        return {
            "accuracy": round(self.accuracy, 6),
            "accuracy_interval": [round(bound, 6) for bound in self.accuracy_interval],
            "correct": self.correct,
            "examples": self.examples,
            "edit_distance": round(self.edit_distance, 6),
            "edit_distance_interval": [round(bound, 6) for bound in self.edit_distance_interval],
            "scorer": SCORER_VERSION,
        }


def score(targets: Sequence[str], predictions: Sequence[str]) -> Score:
    """Score predictions against targets, both as lines of tokens separated by blanks.

    Raises TrainingFailed where their counts differ, and where there is nothing to score.
    """
    from rapidfuzz.distance import Levenshtein

    if len(predictions) != len(targets):
        raise TrainingFailed(
            f"{len(predictions)} predictions for {len(targets)} examples: the framework must predict each line of the source"
        )
    if not targets:
        raise TrainingFailed("there are no examples to score: choose a dataset with a dev split")
    distances = [
        Levenshtein.distance(_tokens(target), _tokens(prediction))
        for target, prediction in zip(targets, predictions, strict=True)
    ]
    correct = distances.count(0)
    return Score(
        examples=len(targets),
        correct=correct,
        accuracy=correct / len(targets),
        accuracy_interval=wilson(correct, len(targets)),
        edit_distance=sum(distances) / len(distances),
        edit_distance_interval=_normal(distances),
    )


def _tokens(line: str) -> list[str]:
    """Only a blank separates tokens: a no-break space is one, or is part of one."""
    return [token for token in line.split(" ") if token]


def wilson(correct: int, examples: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share, as fractions."""
    share = correct / examples
    scale = 1 + Z * Z / examples
    middle = (share + Z * Z / (2 * examples)) / scale
    half = Z / scale * math.sqrt(share * (1 - share) / examples + Z * Z / (4 * examples * examples))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))  # rounding must not put it outside


def _normal(values: Sequence[int]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, mean
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = Z * math.sqrt(variance / len(values))
    return max(0.0, mean - half), mean + half
