"""predict.py: as many lines as it was given, in their order."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bench = Any  # the fixture of conftest.py


def test_lines_stay_in_order_whatever_the_batches(bench: Bench) -> None:
    bench.train(epochs=15, learning_rate=0.02)
    sources = ["a b c d e f", "a", "", "b c", "Ω a ß", "g g g g g g g g g", "<pad> <eos>", "a\u00a0 b", "c d e"]
    together = bench.predict(sources)
    assert len(together) == len(sources)
    assert len(set(together)) > 3
    for size in (1, 4):
        assert bench.predict(sources, "--batch-size", str(size)) == together
    assert bench.predict(sources[::-1]) == together[::-1]
    assert not {"<pad>", "<bos>", "<eos>", "<unk>"} & set(" ".join(together).split())


def test_predictions_are_those_that_training_counted(bench: Bench) -> None:
    done = bench.train(epochs=25, learning_rate=0.02)
    best = max(float(line.split()[6]) for line in done.stdout.splitlines() if " done " in line)
    assert best > 0.2
    sources = (bench.folder / "dev source").read_text(encoding="utf-8").splitlines()
    targets = (bench.folder / "dev target").read_text(encoding="utf-8").splitlines()
    right = sum(given == wanted for given, wanted in zip(bench.predict(sources), targets, strict=True))
    assert right / len(targets) == pytest.approx(best, abs=1e-4)


def test_the_models_of_single_epochs_predict_too(bench: Bench) -> None:
    bench.train("--keep-epochs", epochs=2)
    assert len(bench.predict(["a b", "c"], model=bench.model / "epoch-001.npz")) == 2


def test_nothing_to_predict_is_no_error(bench: Bench) -> None:
    bench.train(epochs=1)
    assert bench.predict([]) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "there is no"), (b"PK but no archive", "is damaged"), (b"", "is damaged")],
    ids=["missing", "damaged", "empty"],
)
def test_a_broken_model_is_told_in_one_line(
    content: bytes | None, told: str, tmp_path: Path, predict_raw: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    model, source = tmp_path / "best.npz", tmp_path / "source"
    source.write_text("a b\n", encoding="utf-8")
    if content is not None:
        model.write_bytes(content)
    done = predict_raw("--model", model, "--source", source, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("arcadio: error: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_last_is_not_for_prediction(bench: Bench, predict_raw: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    bench.train(epochs=1)
    source = bench.write("source", ["a"])
    done = predict_raw("--model", bench.model / "last.npz", "--source", source, "--output", bench.folder / "out")
    assert done.returncode == 2
    assert "best.npz" in done.stderr
