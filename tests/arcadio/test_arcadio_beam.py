"""Beam search: exact where nothing is cut off, greedy with one hypothesis, never worse than greedy."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from arcadio_beam import beam_search, target_scores
from arcadio_components import read_components
from arcadio_corpus import BOS, EOS, PAD, UNK, Batch, padded, padded_sources
from arcadio_network import Network

Bench = Any  # the fixture of conftest.py

SOURCES = [[4, 5], [7, 8, 9, 10, 11, 4, 5, 6, 4], [], [6], [4, 4, 4, 9], [11, 10]]
ENCODERS: list[dict[str, Any]] = [
    {"type": "conv", "kernel": [3], "filters": [7]},
    {"type": "conv", "kernel": [2], "filters": [7], "pool": 2},
    {"type": "rnn", "size": 4},
]


def network_of(seed: int = 1, tokens: int = 9, attention: bool = True, encoder: dict[str, Any] = ENCODERS[0]) -> Network:
    """An untrained network whose guesses are far from even, and where an end is as likely as a token."""
    description = {"embedding": {"size": 5}, "encoder": encoder, "decoder": {"size": 6, "attention": attention}}
    generator = np.random.default_rng(seed)
    network = Network(read_components(json.dumps(description)), 12, tokens, generator, np.float64)
    network.parameters.values[...] = generator.normal(0, 0.8, network.parameters.values.shape)
    return network


def score(network: Network, source: list[int], target: list[int], normalize: float) -> float:
    return float(target_scores(network, padded_sources([source]), [target], normalize)[0])


def test_the_score_of_a_target_is_what_training_made_smaller() -> None:
    network = network_of()
    target = [4, 6, 5]
    batch = Batch(padded_sources([[4, 5]]), padded([[BOS, *target]]), padded([[*target, EOS]]))
    loss = network.loss(batch)
    assert score(network, [4, 5], target, 1) == pytest.approx(-loss)
    assert score(network, [4, 5], target, 0) == pytest.approx(-4 * loss)
    beside_others = target_scores(network, padded_sources([[4, 5], SOURCES[1]]), [target, [4] * 9], 1)
    assert beside_others[0] == pytest.approx(-loss)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_one_hypothesis_is_greedy_decoding(encoder: dict[str, Any], attention: bool) -> None:
    for seed in range(10):
        network = network_of(seed, attention=attention, encoder=encoder)
        source = padded_sources(SOURCES)
        assert beam_search(network, source, 1) == network.predict(source)


@pytest.mark.parametrize("normalize", [0.0, 0.6, 1.0, 2.0])
def test_with_room_for_all_hypotheses_the_best_target_is_found(normalize: float) -> None:
    """Two tokens and at most ten of them: 2,047 targets, each scored by itself."""
    targets = [list(target) for length in range(11) for target in itertools.product((UNK + 1, UNK + 2), repeat=length)]
    lengths, better_than_greedy = set(), 0
    for seed in range(8):
        network = network_of(seed, tokens=UNK + 3)
        everywhere = padded_sources([[]] * len(targets))
        scores = target_scores(network, everywhere, targets, normalize)
        wanted = targets[int(scores.argmax())]
        assert beam_search(network, padded_sources([[]]), len(targets), normalize) == [wanted]
        lengths.add(len(wanted))
        better_than_greedy += network.predict(padded_sources([[]])) != [wanted]
    assert len(lengths) > 1
    assert better_than_greedy


def test_it_is_never_worse_than_greedy_decoding_and_often_better() -> None:
    better = 0
    for seed, width, normalize in itertools.product(range(25), (2, 3, 5), (0.0, 1.0)):
        network = network_of(seed)
        source = padded_sources(SOURCES)
        before = target_scores(network, source, network.predict(source), normalize)
        after = target_scores(network, source, beam_search(network, source, width, normalize), normalize)
        assert np.all(after >= before - 1e-12)
        better += int(np.count_nonzero(after > before + 1e-9))
    assert better > 50


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_a_prediction_does_not_depend_on_its_neighbours(encoder: dict[str, Any]) -> None:
    for seed in range(5):
        network = network_of(seed, encoder=encoder)
        together = beam_search(network, padded_sources(SOURCES), 4)
        assert together == [beam_search(network, padded_sources([source]), 4)[0] for source in SOURCES]
        assert together == beam_search(network, padded_sources(SOURCES[::-1]), 4)[::-1]


def test_without_normalisation_shorter_targets_win() -> None:
    lengths = {
        normalize: sum(
            len(target) for seed in range(20) for target in beam_search(network_of(seed), padded_sources(SOURCES), 8, normalize)
        )
        for normalize in (0.0, 1.0)
    }
    assert lengths[0.0] < lengths[1.0]


def test_a_prediction_has_no_special_token_and_an_end() -> None:
    network = network_of()
    bias = network.output.bias.value
    bias[[PAD, BOS, UNK]] = 1000.0
    bias[EOS] = -1000.0
    predictions = beam_search(network, padded_sources([[4, 5, 6], []]), 3)
    assert all(token > UNK for prediction in predictions for token in prediction)
    assert [len(prediction) for prediction in predictions] == [2 * 3 + 10, 10]


def test_predict_with_a_beam(bench: Bench) -> None:
    """The real network is float32: whatever is decoded together, the predictions are the same."""
    bench.train(epochs=15, learning_rate=0.02)
    sources = [*(bench.folder / "dev source").read_text(encoding="utf-8").splitlines(), "", "Ω a ß", "g g g g g g g g g"]
    greedy = bench.predict(sources)
    assert bench.predict(sources, "--beam", "1") == greedy
    together = bench.predict(sources, "--beam", "5")
    assert together != greedy
    for size in (1, 20):
        assert bench.predict(sources, "--beam", "5", "--batch-size", str(size)) == together
    assert bench.predict(sources[::-1], "--beam", "5") == together[::-1]
    assert bench.predict(sources, "--beam", "5", "--normalize", "1") == together
    assert bench.predict(sources, "--beam", "5", "--normalize", "0") != together
    assert bench.predict([], "--beam", "5") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--beam", "0"), "--beam: must be a whole number of at least 1, but got 0"),
        (("--beam", "x"), "--beam: must be a whole number of at least 1, but got x"),
        (("--beam", "5", "--normalize", "-1"), "--normalize: must be a number from 0, but got -1"),
        (("--beam", "5", "--normalize", "nan"), "--normalize: must be a number from 0, but got nan"),
    ],
)
def test_beams_that_are_none(words: tuple[str, ...], told: str, predict_raw: Any) -> None:
    done = predict_raw("--model", "m", "--source", "s", "--output", "o", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
