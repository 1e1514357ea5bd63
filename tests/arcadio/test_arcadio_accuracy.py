"""The bars on real data: one thread, seconds of the processor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

Bench = Any  # the fixture of conftest.py

pytestmark = pytest.mark.slow


def characters(form: str) -> str:
    return " ".join("<s>" if character == " " else character for character in form)


@pytest.fixture
def finnish(data_folder: Path, empty_bench: Bench) -> Bench:
    """Inflected form to lemma: 10,000 pairs to learn from, 1,000 to be judged by."""
    parts = []
    for name in ("finnish-train-high", "finnish-dev"):
        text = (data_folder / "conll-sigmorphon-2017" / name).read_text(encoding="utf-8")
        rows = [line.split("\t") for line in text.split("\n") if line]
        parts.append([(characters(form), characters(lemma)) for lemma, form, _ in rows])
    empty_bench.set_data(*parts)
    return empty_bench


def best_accuracy(bench: Bench, seconds: int, kernel: int = 6, attention: str = "true", seed: int = 1) -> float:
    components = (
        f'{{"encoder": {{"type": "conv", "kernel": [{kernel}], "filters": [100]}}, "decoder": {{"attention": {attention}}}}}'
    )
    done = bench.train(components=components, epochs=100000, seconds=seconds, batch_size=20, learning_rate=0.002, seed=seed)
    assert done.returncode == 0, done.stderr
    return max(float(text) for text in re.findall(r"dev_accuracy (\S+)", done.stdout))


@pytest.mark.parametrize("seed", [1, 2])
def test_sixty_seconds(finnish: Bench, seed: int) -> None:
    assert best_accuracy(finnish, 60, seed=seed) >= 0.68


def test_three_minutes(finnish: Bench) -> None:
    assert best_accuracy(finnish, 180) >= 0.77


def test_a_short_kernel_and_no_attention_are_worse(finnish: Bench) -> None:
    wide = best_accuracy(finnish, 20)
    assert best_accuracy(finnish, 20, kernel=2) < wide - 0.2
    assert best_accuracy(finnish, 20, attention="false") < wide - 0.3
