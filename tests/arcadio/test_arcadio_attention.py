"""Attention weights: whose they are, that they sum to 1, and what becomes of pooled positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arcadio_attention import attention_weights
from arcadio_components import read_components
from arcadio_corpus import padded_sources
from arcadio_network import Network

Bench = Any  # the fixture of conftest.py


def network_of(encoder: dict[str, Any]) -> Network:
    description = {"embedding": {"size": 5}, "encoder": encoder, "decoder": {"size": 6}}
    generator = np.random.default_rng(2)
    network = Network(read_components(json.dumps(description)), 12, 11, generator, np.float64)
    network.parameters.values[...] = generator.normal(0, 0.7, network.parameters.values.shape)
    return network


def weights_of(network: Network, pairs: list[tuple[list[int], list[int]]]) -> list[np.ndarray]:
    sources = [source for source, _ in pairs]
    return attention_weights(network, padded_sources(sources), [len(source) for source in sources], [pair[1] for pair in pairs])


PAIRS = [([4, 5, 6, 7], [4, 5]), ([8, 9, 10, 11, 4, 5, 6, 7, 8], [6, 6, 6, 7, 8]), ([], []), ([7, 8], [9])]


@pytest.mark.parametrize("pool", [1, 2, 3])
def test_a_row_for_each_predicted_token_and_a_column_for_each_of_the_source(pool: int) -> None:
    network = network_of({"type": "conv", "kernel": [3], "filters": [7], "pool": pool})
    together = weights_of(network, PAIRS)
    for pair, weights in zip(PAIRS, together, strict=True):
        assert weights.shape == (len(pair[1]) + 1, len(pair[0]) + 1)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        np.testing.assert_allclose(weights, weights_of(network, [pair])[0], atol=1e-12)
    assert np.ptp(together[1], axis=0).max() > 0.02


def test_a_pooled_weight_is_divided_among_its_positions() -> None:
    """Five tokens and the end in windows of four: the second window has two positions."""
    network = network_of({"type": "conv", "kernel": [3], "filters": [7], "pool": 4})
    (weights,) = weights_of(network, [([4, 5, 6, 7, 8], [5, 6])])
    of_windows = network.decoder.weights[:, 0]
    assert of_windows.shape == (3, 2)
    expected = np.concatenate([of_windows[:, :1].repeat(4, axis=1) / 4, of_windows[:, 1:].repeat(2, axis=1) / 2], axis=1)
    np.testing.assert_allclose(weights, expected)
    assert np.ptp(of_windows) > 0.05


def test_they_are_those_that_decoding_had() -> None:
    """Step by step, as predictions are made, against all at once with the prediction known."""
    network = network_of({"type": "rnn", "size": 4})
    source = padded_sources([[4, 5, 6, 7], [8, 9]])
    predictions = network.predict(source)
    memory = network.remember(source)
    states, seen = memory.first_state, []
    plain = network.decoder._step

    def noting(index: int, trace: Any, from_input: Any, queries: Any, contexts: Any, weights: Any, memory: Any) -> None:
        plain(index, trace, from_input, queries, contexts, weights, memory)
        seen.append(weights[0].copy())

    network.decoder._step = noting  # type: ignore[method-assign]
    for inputs in zip(*([1, *prediction, *[0] * 20] for prediction in predictions), strict=False):
        _, states = network.follow(np.array(inputs), states, memory)
    network.decoder._step = plain  # type: ignore[method-assign]
    found = attention_weights(network, source, [4, 2], predictions)
    for place, (prediction, length) in enumerate(zip(predictions, (4, 2), strict=True)):
        expected = np.array(seen[: len(prediction) + 1])[:, place, : length + 1]
        np.testing.assert_allclose(found[place], expected, atol=1e-12)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


@pytest.mark.parametrize("beam", ["1", "4"])
def test_the_file(bench: Bench, beam: str) -> None:
    bench.train(epochs=15, learning_rate=0.02)
    sources = ["a b c d e f", "a", "", "Ω a ß", "g g g g g g g g g"]
    path = bench.folder / "weights"
    predictions = bench.predict(sources, "--beam", beam, "--attention", str(path))
    assert predictions == bench.predict(sources, "--beam", beam)
    found = lines_of(path)
    assert [" ".join(example["source"]) for example in found] == [f"{source} <eos>".strip() for source in sources]
    assert [" ".join(example["prediction"]) for example in found] == [f"{line} <eos>".strip() for line in predictions]
    for example in found:
        weights = np.array(example["weights"])
        assert weights.shape == (len(example["prediction"]), len(example["source"]))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    bench.predict(sources, "--beam", beam, "--attention", str(path), "--batch-size", "1")
    for example, alone in zip(found, lines_of(path), strict=True):
        np.testing.assert_allclose(example["weights"], alone["weights"], atol=1e-5)


def test_a_network_that_reverses_words_looks_at_them_from_behind(bench: Bench) -> None:
    done = bench.train(epochs=60, learning_rate=0.02)
    best = max(float(line.split()[6]) for line in done.stdout.splitlines() if " done " in line)
    assert best > 0.5
    path = bench.folder / "weights"
    bench.predict(["a b c d e"], "--attention", str(path))
    (example,) = lines_of(path)
    assert np.argmax(example["weights"][0]) >= 3
    assert np.argmax(example["weights"][4]) <= 1


def test_a_model_without_attention_has_none(bench: Bench, predict_raw: Any) -> None:
    components = {"encoder": {"type": "conv", "kernel": [3], "filters": [12]}, "decoder": {"size": 12, "attention": False}}
    bench.train(epochs=1, components=json.dumps(components))
    words = ("--model", bench.model / "best.npz", "--source", bench.write("source", ["a b"]), "--output", bench.folder / "out")
    done = predict_raw(*words, "--attention", bench.folder / "weights")
    assert done.returncode == 2
    assert done.stderr == "arcadio: error: the model has no attention (decoder.attention is false); leave out --attention\n"
    assert not (bench.folder / "out").exists()
