"""Accuracy, edit distance and their intervals against counting by hand and against what statisticians print."""

from __future__ import annotations

import functools
import json
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daisy.errors import TrainingFailed
from daisy.score import Score, score, wilson

LINES = st.lists(st.lists(st.sampled_from(["a", "b", "ä", "<s>", "ab"]), max_size=6).map(" ".join), min_size=1, max_size=12)


def edits(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """Levenshtein's distance from its definition."""

    @functools.cache
    def between(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        return min(between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (first[i - 1] != second[j - 1]))

    return between(len(first), len(second))


@settings(deadline=None)
@given(LINES, st.data())
def test_scores_are_what_one_counts_by_hand(targets: list[str], data: st.DataObject) -> None:
    predictions = [data.draw(st.just(target) | LINES.map(lambda lines: lines[0])) for target in targets]
    found = score(targets, predictions)
    distances = [edits(tuple(a.split()), tuple(b.split())) for a, b in zip(targets, predictions, strict=True)]
    right = sum(a.split() == b.split() for a, b in zip(targets, predictions, strict=True))
    assert (found.examples, found.correct) == (len(targets), right)
    assert found.accuracy == right / len(targets)
    assert found.edit_distance == pytest.approx(sum(distances) / len(distances))
    low, high = found.accuracy_interval
    assert 0 <= low <= found.accuracy <= high <= 1
    low, high = found.edit_distance_interval
    assert 0 <= low <= found.edit_distance <= high or math.isclose(low, high)
    json.dumps(found.to_json(), allow_nan=False)


def test_blanks_around_tokens_do_not_count_and_tokens_do() -> None:
    assert score(["t a l o"], [" t  a l o "]).correct == 1
    assert score(["t a l o"], ["talo"]) == Score(1, 0, 0.0, wilson(0, 1), 4.0, (4.0, 4.0))
    assert score(["t a l o"], ["t ä l o"]).edit_distance == 1
    assert score(["t a l o"], [""]).edit_distance == 4
    assert score([""], [""]).correct == 1
    assert score(["T"], ["t"]).correct == 0


@pytest.mark.parametrize(
    ("correct", "examples", "low", "high"),
    [
        (62, 100, 0.5221, 0.7090),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval(correct: int, examples: int, low: float, high: float) -> None:
    found = wilson(correct, examples)
    assert found[0] == pytest.approx(low, abs=6e-5)
    assert found[1] == pytest.approx(high, abs=6e-5)


@given(st.integers(1, 5000), st.data())
def test_its_bounds_solve_wilsons_equation(examples: int, data: st.DataObject) -> None:
    """The bounds are those shares p from which what was seen lies just 1.96 standard errors away."""
    correct = data.draw(st.integers(0, examples))
    z = 1.959964
    for bound in wilson(correct, examples):
        if 1e-9 < bound < 1 - 1e-9:
            away = abs(correct / examples - bound) / math.sqrt(bound * (1 - bound) / examples)
            assert away == pytest.approx(z, rel=1e-4)
        else:
            assert correct in (0, examples)


def test_the_interval_of_the_edit_distance() -> None:
    """Distances 0, 1, 2, 3: mean 1.5, variance 5/3, half 1.96 times the root of 5/12."""
    found = score(["a", "a", "a b", "a b c"], ["a", "b", "c d", "d e f"])
    half = 1.959964 * math.sqrt(Fraction(5, 12))
    assert found.edit_distance == 1.5
    assert found.edit_distance_interval == pytest.approx((1.5 - half, 1.5 + half), abs=1e-5)


def test_as_it_is_kept() -> None:
    kept = score(["a", "b", "c"], ["a", "b", "x"]).to_json()
    assert kept["accuracy"] == 0.666667
    assert kept["accuracy_interval"] == [0.20766, 0.938508]
    assert (kept["correct"], kept["examples"], kept["scorer"]) == (2, 3, 2)
    assert set(kept) == {
        "accuracy", "accuracy_interval", "correct", "examples", "edit_distance", "edit_distance_interval", "scorer",
    }  # fmt: skip


def test_only_a_blank_separates_tokens() -> None:
    """A no-break space is a token or part of one, whatever else Unicode calls white space."""
    found = score(["a\xa0b", "\xa0", "a b"], ["a b", "", " a  b "])
    assert (found.correct, found.edit_distance) == (1, 1.0)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 400])
def test_counts_that_differ_are_both_named(count: int) -> None:
    with pytest.raises(TrainingFailed, match=f"^{count} predictions for 3 examples: ") as caught:
        score(["a", "b", "c"], ["a"] * count)
    assert caught.value.exit_code == 1


def test_nothing_to_score() -> None:
    with pytest.raises(TrainingFailed, match="no examples"):
        score([], [])
