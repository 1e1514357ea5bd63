"""The small layers: embedding, dropout, one GRU step, softmax.

Sequences are time-major, (time, batch, size), so that one step of a recurrence is contiguous in memory and the
products with a weight are one large matrix product over all steps. A layer keeps what its backward pass needs from
its last forward pass; every weight is used once a step, so that gradients are written and not added up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arcadio_parameters import Array, Parameters, glorot, normal, zeros


class Embedding:
    """A vector per token."""

    def __init__(self, parameters: Parameters, name: str, tokens: int, size: int) -> None:
        self.table = parameters.declare(f"{name}.table", (tokens, size), normal(0.1))
        self._tokens: Array

    def forward(self, tokens: Array) -> Array:
        """Tokens (time, batch) to vectors (time, batch, size)."""
        self._tokens = tokens
        return self.table.value[tokens]

    def backward(self, gradient: Array) -> None:
        """Gradient (time, batch, size); a matrix product over the distinct tokens is faster than adding row by row."""
        distinct, place = np.unique(self._tokens, return_inverse=True)
        chosen = np.zeros((len(distinct), place.size), gradient.dtype)
        chosen[place.reshape(-1), np.arange(place.size)] = 1
        self.table.gradient[...] = 0
        self.table.gradient[distinct] = chosen @ gradient.reshape(place.size, -1)


class Linear:
    """A product with a weight, plus a bias."""

    def __init__(self, parameters: Parameters, name: str, inputs: int, outputs: int) -> None:
        self.weight = parameters.declare(f"{name}.weight", (inputs, outputs), glorot)
        self.bias = parameters.declare(f"{name}.bias", (outputs,), zeros)
        self._inputs: Array

    def forward(self, inputs: Array) -> Array:
        """Inputs (..., inputs) to (..., outputs)."""
        self._inputs = inputs
        outputs = flat(inputs) @ self.weight.value
        outputs += self.bias.value
        return outputs.reshape(*inputs.shape[:-1], -1)

    def backward(self, gradient: Array) -> Array:
        """Gradient (..., outputs) to (..., inputs)."""
        flat_gradient = flat(gradient)
        np.matmul(flat(self._inputs).T, flat_gradient, out=self.weight.gradient)
        flat_gradient.sum(axis=0, out=self.bias.gradient)
        return (flat_gradient @ self.weight.value.T).reshape(self._inputs.shape)


class Dropout:
    """Sets a share of the units to zero while training and scales up the others."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._factors: Array | None = None

    def forward(self, values: Array, generator: np.random.Generator | None) -> Array:
        """Values of any shape; without a generator nothing is dropped."""
        self._factors = None
        if generator is None or self.rate == 0:
            return values
        # 16 random bits a unit are enough, and twice as fast to draw as a float
        drawn = generator.integers(0, 1 << 16, size=values.shape, dtype=np.uint16)
        self._factors = (drawn >= round(self.rate * (1 << 16))).astype(values.dtype)
        self._factors *= 1 / (1 - self.rate)
        return values * self._factors

    def backward(self, gradient: Array) -> Array:
        """Gradient of the same shape."""
        return gradient if self._factors is None else gradient * self._factors


def flat(values: Array) -> Array:
    """All axes but the last as one: (..., size) to (rows, size)."""
    return values.reshape(-1, values.shape[-1])


def softmax_(scores: Array) -> Array:
    """Softmax over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


class GruTrace:
    """What a GRU's backward pass needs from every step of its forward pass.

    `gates` is (time, ..., 3 * size): update, reset and candidate after their non-linearities; `recurrent` is
    (time, ..., size): the candidate's part that came from the previous state; `states` is (time + 1, ..., size), the
    first being the state before the first step.
    """

    def __init__(self, time: int, shape: tuple[int, ...], size: int, dtype: npt.DTypeLike) -> None:
        self.size = size
        self.gates = np.empty((time, *shape, 3 * size), dtype)
        self.recurrent = np.empty((time, *shape, size), dtype)
        self.states = np.empty((time + 1, *shape, size), dtype)

    def step(self, index: int, previous: Array, from_input: Array, from_state: Array, following: Array) -> None:
        """One step (Cho et al. 2014; the reset gate is applied after the product, as in cuDNN).

        previous, following (written): (..., size); from_input, from_state: (..., 3 * size), biases included.
        """
        size = self.size
        gates, recurrent = self.gates[index], self.recurrent[index]
        update_reset, candidate = gates[..., : 2 * size], gates[..., 2 * size :]
        np.add(from_input[..., : 2 * size], from_state[..., : 2 * size], out=update_reset)
        # the logistic function by way of tanh, which can't overflow
        update_reset *= 0.5
        np.tanh(update_reset, out=update_reset)
        update_reset *= 0.5
        update_reset += 0.5
        recurrent[...] = from_state[..., 2 * size :]
        np.multiply(update_reset[..., size:], recurrent, out=candidate)
        candidate += from_input[..., 2 * size :]
        np.tanh(candidate, out=candidate)
        np.subtract(previous, candidate, out=following)
        following *= update_reset[..., :size]
        following += candidate

    def factors(self) -> GruFactors:
        """The backward pass's factors, for all steps at once."""
        return GruFactors(self)


class GruFactors:
    """The derivatives of a GRU's steps that don't depend on the gradient, computed for all steps at once."""

    def __init__(self, trace: GruTrace) -> None:
        size = trace.size
        self.size = size
        self.update = np.ascontiguousarray(trace.gates[..., :size])
        self.reset = np.ascontiguousarray(trace.gates[..., size : 2 * size])
        candidate = trace.gates[..., 2 * size :]
        keep = 1 - self.update
        self.to_update = (trace.states[:-1] - candidate) * self.update * keep
        self.to_candidate = keep * (1 - candidate * candidate)
        self.to_reset = trace.recurrent * self.reset * (1 - self.reset)

    def step(self, index: int, gradient: Array, to_input: Array, to_state: Array) -> Array:
        """Gradient (..., size) of one step's state; writes those of its two inputs, (..., 3 * size) each.

        Returns the part (..., size) that goes straight to the previous state.
        """
        size = self.size
        np.multiply(gradient, self.to_update[index], out=to_input[..., :size])
        candidate = to_input[..., 2 * size :]
        np.multiply(gradient, self.to_candidate[index], out=candidate)
        np.multiply(candidate, self.to_reset[index], out=to_input[..., size : 2 * size])
        to_state[..., : 2 * size] = to_input[..., : 2 * size]
        np.multiply(candidate, self.reset[index], out=to_state[..., 2 * size :])
        straight: Array = gradient * self.update[index]
        return straight
