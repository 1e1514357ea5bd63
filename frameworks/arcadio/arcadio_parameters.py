"""All weights of a network in one flat array, so that Adam and the clipping of gradients are a few large operations."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Initializer = Callable[[np.random.Generator, tuple[int, ...]], Array]


class Weight:
    """A named view into the flat arrays of `Parameters`; `value` and `gradient` exist after `allocate`."""

    value: Array
    gradient: Array

    def __init__(self, name: str, shape: tuple[int, ...], initializer: Initializer) -> None:
        self.name = name
        self.shape = shape
        self.initializer = initializer


class Parameters:
    """The weights of a network: layers declare theirs, then `allocate` makes two flat arrays that hold them all."""

    values: Array
    gradients: Array

    def __init__(self) -> None:
        self.weights: list[Weight] = []

    def declare(self, name: str, shape: tuple[int, ...], initializer: Initializer) -> Weight:
        """Reserve a place for one weight and return the handle to it."""
        weight = Weight(name, shape, initializer)
        self.weights.append(weight)
        return weight

    def allocate(self, generator: np.random.Generator, dtype: npt.DTypeLike = np.float32) -> None:
        """Make the flat arrays and draw the first value of every weight, in the order of declaration."""
        sizes = [int(np.prod(weight.shape)) for weight in self.weights]
        self.values = np.zeros(sum(sizes), dtype)
        self.gradients = np.zeros(sum(sizes), dtype)
        start = 0
        for weight, size in zip(self.weights, sizes):
            weight.value = self.values[start : start + size].reshape(weight.shape)
            weight.gradient = self.gradients[start : start + size].reshape(weight.shape)
            weight.value[...] = weight.initializer(generator, weight.shape)
            start += size

    def named_values(self) -> dict[str, Array]:
        """Every weight by its name (views, not copies)."""
        return {weight.name: weight.value for weight in self.weights}


def zeros(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """All zero: for biases."""
    return np.zeros(shape)


def normal(scale: float) -> Initializer:
    """Normally distributed with standard deviation `scale`: for embeddings."""

    def draw(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return scale * generator.standard_normal(shape)

    return draw


def glorot(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniform within sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010); shape (inputs, outputs)."""
    bound = float(np.sqrt(6.0 / (shape[-2] + shape[-1])))
    return generator.uniform(-bound, bound, shape)


def orthogonal_blocks(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Square orthogonal matrices side by side: for recurrent weights; shape (..., size, blocks * size)."""
    size = shape[-2]
    flat = np.empty((int(np.prod(shape[:-2])), size, shape[-1]))
    for matrix in flat:
        for start in range(0, shape[-1], size):
            matrix[:, start : start + size] = np.linalg.qr(generator.standard_normal((size, size)))[0]
    return flat.reshape(shape)
