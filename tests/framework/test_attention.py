"""Attention weights as frameworks write them: what is taken, and what is told of what is not."""

import json
from typing import Any

import pytest

from daisy.framework.attention import AttentionWeights, read_attention

GOOD: dict[str, Any] = {
    "source": ["k", "a", "<s>", "<eos>"],
    "prediction": ["k", "ä", "<eos>"],
    "weights": [[0.7, 0.1, 0.1, 0.1], [0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]],
}


def read(*examples: dict[str, Any]) -> list[AttentionWeights]:
    text = "".join(f"{json.dumps(example)}\n" for example in examples)
    return read_attention(text, ["k a <s>"] * len(examples), ["k ä"] * len(examples))


def test_a_line_an_example() -> None:
    first, second = read(GOOD, GOOD)
    assert first == second
    assert (first.source, first.prediction) == (("k", "a", "<s>", "<eos>"), ("k", "ä", "<eos>"))
    assert first.weights[1] == (0.0, 1.0, 0.0, 0.0)
    assert AttentionWeights.from_json(first.to_json()) == first
    assert "ä" in first.to_json()
    assert read_attention("", [], []) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"source": ["k", "a", "<s>"]}, "source must be a list of tokens that ends in <eos>"),
        ({"source": "k a <s> <eos>"}, "source must be a list of tokens"),
        ({"prediction": ["k", 5, "<eos>"]}, "prediction must be a list of tokens"),
        ({"source": ["k", "o", "<s>", "<eos>"]}, "source is not the example's source"),
        ({"prediction": ["k", "o", "<eos>"]}, "prediction is not the one that was predicted"),
        ({"weights": GOOD["weights"][:2]}, "a row for each token of the prediction"),
        ({"weights": None}, "a row for each token of the prediction"),
        ({"weights": [[0.5, 0.5]] * 3}, "a number for each token of the source"),
        ({"weights": [[0.5, 0.5, 0.5, 0.5]] * 3}, "must sum to 1"),
        ({"weights": [[1.5, -0.5, 0, 0]] * 3}, "numbers from 0 to 1"),
        ({"weights": [[float("nan"), 0, 0, 1]] * 3}, "numbers from 0 to 1"),
        ({"weights": [["1", 0, 0, 0]] * 3}, "numbers from 0 to 1"),
    ],
)
def test_what_is_wrong_with_a_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        read(GOOD, {**GOOD, **changes})
    assert str(caught.value).startswith("line 2: ")


@pytest.mark.parametrize("text", ["[]\n", "{\n", "5", "\n", "\0\n"])
def test_lines_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="line 1: "):
        read_attention(text, ["k"], ["k"])


def test_as_many_lines_as_examples() -> None:
    with pytest.raises(ValueError, match="there are 1 lines for 2 examples"):
        read_attention(json.dumps(GOOD), ["k a <s>"] * 2, ["k ä"] * 2)
