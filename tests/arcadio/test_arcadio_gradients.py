"""Every backward pass against central finite differences, in float64."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from arcadio_components import read_components
from arcadio_corpus import BOS, EOS, Batch, padded, padded_sources
from arcadio_decoder import Decoder
from arcadio_encoders import BidirectionalGru, Convolution, MaxPool
from arcadio_layers import Dropout, Embedding, Linear
from arcadio_network import Network, cross_entropy
from arcadio_parameters import Parameters

TIME, BATCH = 5, 3
MASK = np.arange(TIME)[:, None] < np.array([5, 2, 4])


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def numeric(function: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Central finite differences of a function with respect to an array that it reads."""
    assert array.flags.c_contiguous  # or else `reshape` copies, and the function sees no change
    flat = array.reshape(-1)
    return np.array([slope(function, flat, index) for index in range(len(flat))]).reshape(array.shape)


def slope(function: Callable[[], float], array: np.ndarray, index: int) -> float:
    """The central finite difference at one place of the array."""
    value = array[index]
    array[index] = value + 1e-5
    above = function()
    array[index] = value - 1e-5
    below = function()
    array[index] = value
    return (above - below) / 2e-5


def allocate(parameters: Parameters, generator: np.random.Generator) -> None:
    parameters.allocate(generator, np.float64)
    # biases begin at zero, where a wrong gradient could hide
    parameters.values[...] = generator.normal(0, 0.5, parameters.values.shape)


def check(
    forward: Callable[[], np.ndarray],
    backward: Callable[[np.ndarray], Any],
    inputs: np.ndarray,
    parameters: Parameters,
    generator: np.random.Generator,
    masked: bool = False,
) -> None:
    """Compare both gradients of a random weighting of the outputs."""
    weights = generator.standard_normal(forward().shape)

    def value() -> float:
        return float((forward() * weights).sum())

    value()
    to_inputs = backward(weights.copy())
    to_parameters = parameters.gradients.copy()
    if to_inputs is not None:
        expected = numeric(value, inputs)
        where = MASK if masked else np.ones(inputs.shape[:-1], bool)
        np.testing.assert_allclose(to_inputs[where], expected[where], atol=1e-8)
    np.testing.assert_allclose(to_parameters, numeric(value, parameters.values), atol=1e-8)


def test_embedding_adds_up_the_places_of_a_token(generator: np.random.Generator) -> None:
    parameters = Parameters()
    layer = Embedding(parameters, "embedding", 9, 4)
    allocate(parameters, generator)
    tokens = np.array([[1, 2], [2, 2], [8, 1]])
    check(lambda: layer.forward(tokens), layer.backward, tokens, parameters, generator)


def test_linear(generator: np.random.Generator) -> None:
    parameters = Parameters()
    layer = Linear(parameters, "linear", 4, 3)
    allocate(parameters, generator)
    inputs = generator.standard_normal((TIME, BATCH, 4))
    check(lambda: layer.forward(inputs), layer.backward, inputs, parameters, generator)


def test_dropout(generator: np.random.Generator) -> None:
    layer = Dropout(0.4)
    inputs = generator.standard_normal((TIME, BATCH, 4))
    parameters = Parameters()
    parameters.allocate(generator, np.float64)
    check(lambda: layer.forward(inputs, np.random.default_rng(1)), layer.backward, inputs, parameters, generator)


@pytest.mark.parametrize("kernel", [1, 2, 3, 6, 9])
@pytest.mark.parametrize("filters", [4, 5], ids=["residual", "plain"])
def test_convolution(kernel: int, filters: int, generator: np.random.Generator) -> None:
    parameters = Parameters()
    layer = Convolution(parameters, "convolution", kernel, 4, filters)
    allocate(parameters, generator)
    inputs = generator.standard_normal((TIME, BATCH, 4)) * MASK[:, :, None]
    check(lambda: layer.forward(inputs, MASK), layer.backward, inputs, parameters, generator, masked=True)


@pytest.mark.parametrize("width", [2, 3, 7])
def test_max_pool(width: int, generator: np.random.Generator) -> None:
    layer = MaxPool(width)
    parameters = Parameters()
    parameters.allocate(generator, np.float64)
    inputs = generator.standard_normal((TIME, BATCH, 4))
    check(lambda: layer.forward(inputs, MASK)[0], layer.backward, inputs, parameters, generator)


def test_bidirectional_gru(generator: np.random.Generator) -> None:
    parameters = Parameters()
    layer = BidirectionalGru(parameters, "gru", 4, 3)
    allocate(parameters, generator)
    inputs = generator.standard_normal((TIME, BATCH, 4)) * MASK[:, :, None]
    check(lambda: layer.forward(inputs, MASK), layer.backward, inputs, parameters, generator)


@pytest.mark.parametrize("attention", [True, False])
def test_decoder(attention: bool, generator: np.random.Generator) -> None:
    parameters = Parameters()
    decoder = Decoder(parameters, inputs=4, memory=6, size=5, attention=attention)
    allocate(parameters, generator)
    inputs = generator.standard_normal((4, BATCH, 4))
    values = generator.standard_normal((TIME, BATCH, 6)) * MASK[:, :, None]

    def forward() -> np.ndarray:
        return decoder.forward(inputs, decoder.remember(values, MASK))

    check(forward, lambda gradient: decoder.backward(gradient)[0], inputs, parameters, generator)
    check(forward, lambda gradient: decoder.backward(gradient)[1], values, parameters, generator, masked=True)


def test_cross_entropy(generator: np.random.Generator) -> None:
    scores = generator.standard_normal((4, BATCH, 6))
    targets = np.array([[4, 5, 4], [5, 2, 1], [2, 0, 5], [0, 0, 2]])
    _, gradient = cross_entropy(scores.copy(), targets)
    np.testing.assert_allclose(gradient, numeric(lambda: cross_entropy(scores.copy(), targets)[0], scores), atol=1e-9)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(
    "encoder",
    [
        {"type": "conv", "kernel": [6], "filters": [7]},
        {"type": "conv", "kernel": [4, 3], "filters": [7, 7], "pool": 2},
        {"type": "rnn", "size": 4},
        {"type": "rnn", "size": 3, "layers": 2},
    ],
    ids=str,
)
def test_whole_network(encoder: dict[str, Any], attention: bool, generator: np.random.Generator) -> None:
    description = {
        "embedding": {"size": 5},
        "encoder": encoder,
        "decoder": {"size": 4, "attention": attention},
        "dropout": 0.2,
    }
    network = Network(read_components(json.dumps(description)), 9, 8, generator, np.float64)
    values = network.parameters.values
    values[...] = generator.normal(0, 0.5, values.shape)
    targets = [[4, 5, 6], [7], [5, 4]]
    batch = Batch(
        source=padded_sources([[4, 5, 6, 7, 8], [5, 6], []]),
        target_inputs=padded([[BOS, *target] for target in targets]),
        target_outputs=padded([[*target, EOS] for target in targets]),
    )

    def loss() -> float:
        return network.loss(batch, np.random.default_rng(3))

    loss()
    gradients = network.parameters.gradients.copy()
    assert np.abs(gradients).max() > 0.01
    places = generator.permutation(len(values))[:150]
    expected = [slope(loss, values, place) for place in places]
    np.testing.assert_allclose(gradients[places], expected, atol=2e-8)
