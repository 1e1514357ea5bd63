"""What a person can get wrong is told in one line that names it and what to do; the exit code is 2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from arcadio_components import read_components
from arcadio_corpus import read_pairs, read_vocabulary
from arcadio_errors import ArcadioError

Bench = Any  # the fixture of conftest.py

CONV = {"type": "conv"}


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ({"encoder": {**CONV, "kernel": [0]}}, "encoder.kernel[0] must be a whole number of at least 1, but got 0"),
        ({"encoder": {**CONV, "kernel": 6}}, "encoder.kernel must be a list"),
        ({"encoder": {**CONV, "kernel": []}}, "encoder.kernel must be a list"),
        (
            {"encoder": {**CONV, "kernel": [6, 3], "filters": [100]}},
            "encoder.kernel has 2 entries and encoder.filters 1",
        ),
        ({"encoder": {**CONV, "pool": 1.5}}, "encoder.pool must be a whole number of at least 1, but got 1.5"),
        ({"encoder": {**CONV, "size": 100}}, "encoder has the unknown key size; known are type, kernel, filters, pool"),
        (
            {"encoder": {"type": "rnn", "kernel": [6]}},
            "encoder has the unknown key kernel; known are type, size, layers",
        ),
        ({"encoder": {"type": "rnn", "layers": True}}, "encoder.layers must be"),
        ({"encoder": {"type": "transformer"}}, 'encoder.type must be "conv" or "rnn", but got "transformer"'),
        ({}, 'encoder.type must be "conv" or "rnn", but got nothing'),
        ({"encoder": CONV, "decoder": {"attention": "yes"}}, 'decoder.attention must be true or false, but got "yes"'),
        ({"encoder": CONV, "decoder": 128}, "decoder must be a JSON object"),
        ({"encoder": CONV, "embedding": {"size": -1}}, "embedding.size must be"),
        ({"encoder": CONV, "dropout": 1}, "dropout must be a number from 0 up to, not including, 1, but got 1"),
        ({"encoder": CONV, "droput": 0.1}, "components has the unknown key droput; known are embedding, encoder"),
        ([], "components must be a JSON object"),
    ],
    ids=str,
)
def test_descriptions(description: object, told: str) -> None:
    with pytest.raises(ArcadioError) as caught:
        read_components(json.dumps(description))
    assert told in str(caught.value)


def test_a_description_reads_back_as_itself() -> None:
    for encoder in ({"type": "conv", "kernel": [4, 3], "filters": [10, 20], "pool": 2}, {"type": "rnn", "layers": 2}):
        components = read_components(json.dumps({"encoder": encoder, "decoder": {"attention": False}, "dropout": 0}))
        assert read_components(components.to_json()) == components


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("arcadio: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_broken_components_end_the_process(bench: Bench) -> None:
    assert "encoder.kernel[0]" in refused(bench.train(components='{"encoder": {"type": "conv", "kernel": [0]}}'))
    assert "--components is not JSON" in refused(bench.train(components="{encoder: conv}"))


def test_files_that_do_not_fit(bench: Bench) -> None:
    missing = refused(bench.train(dev_source=bench.folder / "nowhere"))
    assert "nowhere" in missing
    assert "check the path" in missing
    counts = refused(bench.train(dev_target=bench.write("short", ["a"] * 7)))
    assert "has 24 lines" in counts
    assert "has 7" in counts
    assert "is not a folder; make it first" in refused(bench.train(model=bench.folder / "nowhere"))


@pytest.mark.parametrize(("content", "told"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"\xe4\n", "not UTF-8")])
def test_contents_that_are_no_examples(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_text("a\n", encoding="utf-8")
    (tmp_path / "target").write_bytes(content)
    with pytest.raises(ArcadioError, match=told):
        read_pairs(tmp_path / "source", tmp_path / "target")


@pytest.mark.parametrize(
    ("vocabulary", "told"),
    [
        ("[]", "must be one JSON object"),
        ('{"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3, "a": 5}', "without a gap"),
        ('{"a": 0, "<pad>": 1, "<bos>": 2, "<eos>": 3, "<unk>": 4}', "must begin with <pad>, <bos>, <eos>, <unk>"),
        ('{"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3}', "only special entries"),
        ("{", "is not JSON"),
    ],
)
def test_vocabularies(vocabulary: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(vocabulary, encoding="utf-8")
    with pytest.raises(ArcadioError) as caught:
        read_vocabulary(path)
    assert told in str(caught.value)
    assert "broken.json" in str(caught.value)


def test_command_lines(bench: Bench) -> None:
    assert "--speed" in refused(bench.train("--speed"))
    assert "at least 1, but got 0" in refused(bench.train(epochs=0))
    assert "above 0, but got -1" in refused(bench.train(learning_rate=-1))
