"""The encoders: convolutions over time, and bidirectional GRUs.

Both take vectors (time, batch, inputs), zero at padding, and a mask (time, batch), true at tokens and false at padding.
They give the memory (time, shorter if pooled; batch; outputs), zero at padding, and the memory's mask.
"""

from __future__ import annotations

import numpy as np

from arcadio_components import ConvEncoderDescription, RecurrentEncoderDescription
from arcadio_layers import GruTrace, flat
from arcadio_parameters import Array, Parameters, glorot, orthogonal_blocks, zeros


class Convolution:
    """A convolution over time with an output as long as its input, and a rectifier.

    An even kernel reaches one position further to the right than to the left. If inputs and filters have the same
    size, the input is added to the output (a residual connection).
    """

    def __init__(self, parameters: Parameters, name: str, kernel: int, inputs: int, filters: int) -> None:
        self.kernel = kernel
        self.inputs = inputs
        self.residual = inputs == filters
        self.weight = parameters.declare(f"{name}.weight", (kernel * inputs, filters), glorot)
        self.bias = parameters.declare(f"{name}.bias", (filters,), zeros)
        self._windows: Array
        self._active: Array

    def forward(self, values: Array, mask: Array) -> Array:
        """Values (time, batch, inputs), zero at padding, to (time, batch, filters), zero at padding."""
        time, batch, size = values.shape
        left = (self.kernel - 1) // 2
        windows = np.zeros((time, batch, self.kernel * size), values.dtype)
        for tap in range(self.kernel):
            shift = tap - left
            first, last = max(0, -shift), min(time, time - shift)
            if first < last:
                windows[first:last, :, tap * size : (tap + 1) * size] = values[first + shift : last + shift]
        outputs = flat(windows) @ self.weight.value
        outputs += self.bias.value
        outputs = outputs.reshape(time, batch, -1)
        self._windows = windows
        self._active = (outputs > 0) & mask[:, :, None]
        outputs *= self._active
        if self.residual:
            outputs += values
        return outputs

    def backward(self, gradient: Array) -> Array:
        """Gradient (time, batch, filters) to (time, batch, inputs)."""
        time, batch, _ = gradient.shape
        size = self.inputs
        active = flat(gradient * self._active)
        np.matmul(flat(self._windows).T, active, out=self.weight.gradient)
        active.sum(axis=0, out=self.bias.gradient)
        windows = (active @ self.weight.value.T).reshape(time, batch, -1)
        values = gradient.copy() if self.residual else np.zeros((time, batch, size), gradient.dtype)
        left = (self.kernel - 1) // 2
        for tap in range(self.kernel):
            shift = tap - left
            first, last = max(0, -shift), min(time, time - shift)
            if first < last:
                values[first + shift : last + shift] += windows[first:last, :, tap * size : (tap + 1) * size]
        return values


class MaxPool:
    """The largest value of every `width` positions in a row; padding never wins, an all-padding window gives zero."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._winner: Array
        self._mask: Array
        self._time: int

    def forward(self, values: Array, mask: Array) -> tuple[Array, Array]:
        """Values (time, batch, size), mask (time, batch) to the same with time / width, rounded up."""
        time, batch, size = values.shape
        windows = -(-time // self.width)
        padded = np.full((windows * self.width, batch, size), -np.inf, values.dtype)
        padded[:time] = np.where(mask[:, :, None], values, -np.inf)
        padded_mask = np.zeros((windows * self.width, batch), bool)
        padded_mask[:time] = mask
        split = padded.reshape(windows, self.width, batch, size)
        self._time = time
        self._mask = np.asarray(padded_mask.reshape(windows, self.width, batch).any(axis=1))
        self._winner = split.argmax(axis=1)[:, None]
        largest = np.take_along_axis(split, self._winner, axis=1)[:, 0]
        return np.where(self._mask[:, :, None], largest, 0), self._mask

    def backward(self, gradient: Array) -> Array:
        """Gradient (shorter time, batch, size) to (time, batch, size): all to the position that won."""
        windows, batch, size = gradient.shape
        split = np.zeros((windows, self.width, batch, size), gradient.dtype)
        np.put_along_axis(split, self._winner, (gradient * self._mask[:, :, None])[:, None], axis=1)
        return split.reshape(-1, batch, size)[: self._time]


class ConvEncoder:
    """Convolutions one after the other, then a max-pool over time if its width is more than 1."""

    def __init__(self, parameters: Parameters, description: ConvEncoderDescription, inputs: int) -> None:
        sizes = (inputs, *description.filters)
        self.layers = [
            Convolution(parameters, f"encoder.{index}", kernel, sizes[index], sizes[index + 1])
            for index, kernel in enumerate(description.kernel)
        ]
        self.pool = MaxPool(description.pool) if description.pool > 1 else None
        self.outputs = sizes[-1]
        self.window = description.pool  # positions of the source that one of the memory is made of

    def forward(self, values: Array, mask: Array) -> tuple[Array, Array]:
        """See the module's docstring."""
        for layer in self.layers:
            values = layer.forward(values, mask)
        return self.pool.forward(values, mask) if self.pool else (values, mask)

    def backward(self, gradient: Array) -> Array:
        """Gradient of the memory (time, batch, outputs) to that of the vectors (time, batch, inputs)."""
        if self.pool:
            gradient = self.pool.backward(gradient)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient


class BidirectionalGru:
    """One GRU forwards and one backwards, run in one loop as a stack of two."""

    def __init__(self, parameters: Parameters, name: str, inputs: int, size: int) -> None:
        self.size = size
        self.input_weight = parameters.declare(f"{name}.input_weight", (2, inputs, 3 * size), glorot)
        self.input_bias = parameters.declare(f"{name}.input_bias", (2, 1, 3 * size), zeros)
        self.state_weight = parameters.declare(f"{name}.state_weight", (2, size, 3 * size), orthogonal_blocks)
        self.state_bias = parameters.declare(f"{name}.state_bias", (2, 1, 3 * size), zeros)
        self._inputs: Array
        self._mask: Array
        self._trace: GruTrace

    def forward(self, values: Array, mask: Array) -> Array:
        """Values (time, batch, inputs) to (time, batch, 2 * size), zero at padding."""
        time, batch, _ = values.shape
        inputs = np.stack([values, values[::-1]])
        from_input = inputs.reshape(2, time * batch, -1) @ self.input_weight.value
        from_input += self.input_bias.value
        from_input = from_input.reshape(2, time, batch, -1)
        # the state is set to zero at padding: backwards, padding comes first, and must leave no trace
        both_masks = np.stack([mask, mask[::-1]], axis=1)[:, :, :, None].astype(values.dtype)
        trace = GruTrace(time, (2, batch), self.size, values.dtype)
        trace.states[0] = 0
        for index in range(time):
            from_state = trace.states[index] @ self.state_weight.value
            from_state += self.state_bias.value
            trace.step(index, trace.states[index], from_input[:, index], from_state, trace.states[index + 1])
            trace.states[index + 1] *= both_masks[index]
        self._inputs, self._mask, self._trace = inputs, both_masks, trace
        return np.concatenate([trace.states[1:, 0], trace.states[:0:-1, 1]], axis=-1)

    def backward(self, gradient: Array) -> Array:
        """Gradient (time, batch, 2 * size) to (time, batch, inputs)."""
        time, batch, _ = gradient.shape
        size = self.size
        both = np.stack([gradient[:, :, :size], gradient[::-1, :, size:]], axis=1)
        to_input = np.empty((2, time, batch, 3 * size), gradient.dtype)
        to_state = np.empty_like(to_input)
        factors = self._trace.factors()
        carried = np.zeros((2, batch, size), gradient.dtype)
        back = self.state_weight.value.transpose(0, 2, 1)
        for index in range(time - 1, -1, -1):
            carried += both[index]
            carried *= self._mask[index]
            carried = factors.step(index, carried, to_input[:, index], to_state[:, index])
            carried += to_state[:, index] @ back
        flat_input, flat_state = to_input.reshape(2, time * batch, -1), to_state.reshape(2, time * batch, -1)
        inputs = self._inputs.reshape(2, time * batch, -1)
        states = np.ascontiguousarray(self._trace.states[:-1].transpose(1, 0, 2, 3)).reshape(2, time * batch, -1)
        np.matmul(inputs.transpose(0, 2, 1), flat_input, out=self.input_weight.gradient)
        np.matmul(states.transpose(0, 2, 1), flat_state, out=self.state_weight.gradient)
        flat_input.sum(axis=1, keepdims=True, out=self.input_bias.gradient)
        flat_state.sum(axis=1, keepdims=True, out=self.state_bias.gradient)
        to_values = (flat_input @ self.input_weight.value.transpose(0, 2, 1)).reshape(self._inputs.shape)
        to_values[0] += to_values[1, ::-1]
        first: Array = to_values[0]
        return first


class RecurrentEncoder:
    """Bidirectional GRUs one after the other."""

    def __init__(self, parameters: Parameters, description: RecurrentEncoderDescription, inputs: int) -> None:
        self.outputs = 2 * description.size
        self.window = 1
        self.layers = [
            BidirectionalGru(parameters, f"encoder.{index}", self.outputs if index else inputs, description.size)
            for index in range(description.layers)
        ]

    def forward(self, values: Array, mask: Array) -> tuple[Array, Array]:
        """See the module's docstring."""
        for layer in self.layers:
            values = layer.forward(values, mask)
        return values, mask

    def backward(self, gradient: Array) -> Array:
        """Gradient of the memory (time, batch, outputs) to that of the vectors (time, batch, inputs)."""
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient
