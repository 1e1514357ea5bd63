"""What the layers compute: windows, pooling, and that padding changes nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from arcadio_components import ConvEncoderDescription, read_components
from arcadio_corpus import BOS, EOS, PAD, UNK, Batch, padded, padded_sources
from arcadio_encoders import ConvEncoder, Convolution, MaxPool
from arcadio_layers import Dropout
from arcadio_network import Network
from arcadio_parameters import Parameters

ENCODERS: list[dict[str, Any]] = [
    {"type": "conv", "kernel": [6], "filters": [7]},
    {"type": "conv", "kernel": [2, 3], "filters": [7, 7], "pool": 2},
    {"type": "conv", "kernel": [3], "filters": [5], "pool": 3},
    {"type": "rnn", "size": 4},
    {"type": "rnn", "size": 3, "layers": 2},
]


def network_of(encoder: dict[str, Any], attention: bool = True) -> Network:
    description = {"embedding": {"size": 5}, "encoder": encoder, "decoder": {"size": 6, "attention": attention}}
    generator = np.random.default_rng(2)
    network = Network(read_components(json.dumps(description)), 12, 11, generator, np.float64)
    network.parameters.values[...] = generator.normal(0, 0.4, network.parameters.values.shape)
    return network


def batch_of(pairs: list[tuple[list[int], list[int]]]) -> Batch:
    return Batch(
        source=padded_sources([source for source, _ in pairs]),
        target_inputs=padded([[BOS, *target] for _, target in pairs]),
        target_outputs=padded([[*target, EOS] for _, target in pairs]),
    )


SHORT = ([4, 5], [6])
LONG = ([7, 8, 9, 10, 11, 4, 5], [4, 5, 6, 7, 8, 9])


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_a_batch_is_the_sum_of_its_examples(encoder: dict[str, Any], attention: bool) -> None:
    """Beside a long example a short one is padded; neither its loss nor any gradient may notice."""
    network = network_of(encoder, attention)

    def total(*pairs: tuple[list[int], list[int]]) -> np.ndarray:
        tokens = sum(len(target) + 1 for _, target in pairs)
        loss = network.loss(batch_of(list(pairs)))
        return np.append(network.parameters.gradients, loss) * tokens

    together = total(SHORT, LONG)
    assert np.abs(together).max() > 0.1
    np.testing.assert_allclose(together, total(SHORT) + total(LONG), atol=1e-12)


@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_a_prediction_does_not_depend_on_its_neighbours(encoder: dict[str, Any]) -> None:
    network = network_of(encoder)
    sources = [[4, 5], [7, 8, 9, 10, 11, 4, 5, 6, 4], [], [6]]
    together = network.predict(padded_sources(sources))
    assert together == [network.predict(padded_sources([source]))[0] for source in sources]


def test_a_prediction_has_no_special_token_and_an_end() -> None:
    network = network_of(ENCODERS[0])
    bias = network.output.bias.value
    bias[[PAD, BOS, UNK]] = 1000.0
    bias[EOS] = -1000.0
    lengths = []
    for prediction in network.predict(padded_sources([[4, 5, 6], []])):
        assert all(token > UNK for token in prediction)
        lengths.append(len(prediction))
    assert lengths == [2 * 3 + 10, 10]


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 6])
def test_convolution_sees_its_window_and_nothing_else(kernel: int) -> None:
    """Position t depends on (kernel - 1) // 2 positions before it and kernel // 2 after it."""
    parameters = Parameters()
    layer = Convolution(parameters, "convolution", kernel, 1, 1)
    layer.residual = False
    parameters.allocate(np.random.default_rng(1), np.float64)
    layer.weight.value[:, 0] = np.arange(1, kernel + 1)
    time, middle = 15, 7
    values = np.zeros((time, 1, 1))
    values[middle] = 1
    outputs = layer.forward(values, np.ones((time, 1), bool))[:, 0, 0]
    expected = np.zeros(time)
    for tap in range(kernel):
        expected[middle - tap + (kernel - 1) // 2] = tap + 1
    np.testing.assert_array_equal(outputs, expected)


def test_max_pool_of_known_values() -> None:
    values = np.array([[1.0, -1], [3, -2], [2, 5], [-7, 5], [-4, 5]])[:, :, None]
    mask = np.array([[1, 1], [1, 1], [1, 0], [1, 0], [1, 0]], bool)
    pooled, pooled_mask = MaxPool(2).forward(values, mask)
    np.testing.assert_array_equal(pooled[:, :, 0], [[3, -1], [2, 0], [-4, 0]])
    np.testing.assert_array_equal(pooled_mask, [[1, 1], [1, 0], [1, 0]])


def test_dropout_keeps_the_mean() -> None:
    dropped = Dropout(0.3).forward(np.ones((300, 300), np.float32), np.random.default_rng(1))
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.01)
    assert np.mean(dropped) == pytest.approx(1, abs=0.01)


def test_pooling_shortens_the_memory() -> None:
    parameters = Parameters()
    encoder = ConvEncoder(parameters, ConvEncoderDescription((3,), (4,), pool=3), 2)
    parameters.allocate(np.random.default_rng(1))
    memory, mask = encoder.forward(np.ones((7, 2, 2), np.float32), np.ones((7, 2), bool))
    assert memory.shape == (3, 2, 4)
    assert mask.shape == (3, 2)
    assert memory.dtype == np.float32


def test_all_is_float32() -> None:
    """One float64 array in between would double the time of all that follows."""
    for encoder in ENCODERS:
        components = read_components(json.dumps({"encoder": encoder}))
        network = Network(components, 12, 11, np.random.default_rng(1))
        seen: set[str] = set()
        backward = network.encoder.backward

        def note(gradient: np.ndarray, backward: Any = backward, seen: set[str] = seen) -> np.ndarray:
            result: np.ndarray = backward(gradient)
            seen.update({str(gradient.dtype), str(result.dtype)})
            return result

        network.encoder.backward = note  # type: ignore[method-assign]
        network.loss(batch_of([SHORT, LONG]), np.random.default_rng(1))
        assert seen == {"float32"}
