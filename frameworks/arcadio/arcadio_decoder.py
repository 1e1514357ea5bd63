"""The decoder: a GRU that at every step looks at the memory through attention, or sees only its mean.

Step t, with the previous token's vector x, the previous state h and the memory m (one vector a position):
    scores    = (m K) . (h + x Q)        one a position; the product of Luong et al. 2015, but before the step
    context   = softmax(scores) . m      or, without attention, the mean of m, the same at every step
    h'        = GRU([x; context], h)     the first h is tanh(mean of m W + b)
    readout   = tanh([h'; context; x] R + b)
"""

from __future__ import annotations

import dataclasses

import numpy as np

from arcadio_layers import GruTrace, Linear, flat, softmax_
from arcadio_parameters import Array, Parameters, glorot, orthogonal_blocks, zeros


@dataclasses.dataclass
class Memory:
    """What the decoder reads of a batch of sources; the batch comes first, as attention is one product an example."""

    values: Array  # (batch, source time, memory size)
    padding: Array  # (batch, source time): 0 at tokens, -inf at padding
    mean: Array  # (batch, memory size)
    share: Array  # (batch, 1): 1 / the number of positions that are not padding
    keys: Array | None  # (batch, source time, state size); None without attention
    first_state: Array  # (batch, state size)


class Decoder:
    """See the module's docstring; sequences of targets are (target time, batch, size)."""

    def __init__(self, parameters: Parameters, inputs: int, memory: int, size: int, attention: bool) -> None:
        self.size = size
        self.attention = attention
        self.start = Linear(parameters, "decoder.start", memory, size)
        self.input = Linear(parameters, "decoder.input", inputs, 3 * size)
        self.context_weight = parameters.declare("decoder.context_weight", (memory, 3 * size), glorot)
        self.state_weight = parameters.declare("decoder.state_weight", (size, 3 * size), orthogonal_blocks)
        self.state_bias = parameters.declare("decoder.state_bias", (3 * size,), zeros)
        if attention:
            self.key_weight = parameters.declare("decoder.key_weight", (memory, size), glorot)
            self.query_weight = parameters.declare("decoder.query_weight", (inputs, size), glorot)
        self.readout = Linear(parameters, "decoder.readout", size + memory + inputs, size)
        self._memory: Memory
        self._inputs: Array
        self._trace: GruTrace
        self._queries: Array
        self._contexts: Array
        self._attention: Array
        self._readout: Array

    def remember(self, values: Array, mask: Array) -> Memory:
        """Values (source time, batch, memory size), zero at padding, and mask (source time, batch) to a `Memory`."""
        values = np.ascontiguousarray(values.transpose(1, 0, 2))
        padding = np.where(mask.T, 0, -np.inf).astype(values.dtype)
        share = (1 / mask.sum(axis=0)).astype(values.dtype)[:, None]
        mean = values.sum(axis=1) * share
        keys = values @ self.key_weight.value if self.attention else None
        return Memory(values, padding, mean, share, keys, np.tanh(self.start.forward(mean)))

    def forward(self, inputs: Array, memory: Memory) -> Array:
        """All steps with known inputs (time, batch, inputs); the readouts are (time, batch, size)."""
        time, batch, _ = inputs.shape
        from_input = self.input.forward(inputs)
        trace = GruTrace(time, (batch,), self.size, inputs.dtype)
        trace.states[0] = memory.first_state
        contexts = np.empty((time, batch, memory.values.shape[2]), inputs.dtype)
        queries = self._queries_from(inputs)
        weights = np.empty((time, batch, memory.values.shape[1]), inputs.dtype)
        for index in range(time):
            self._step(index, trace, from_input[index], queries, contexts, weights, memory)
        self._memory, self._inputs, self._trace = memory, inputs, trace
        self._queries, self._contexts, self._attention = queries, contexts, weights
        self._readout = np.tanh(self.readout.forward(np.concatenate([trace.states[1:], contexts, inputs], axis=2)))
        return self._readout

    @property
    def weights(self) -> Array:
        """The attention of the last `forward`: (time, batch, source time), zero at padding. Nothing without attention."""
        return self._attention

    def follow(self, inputs: Array, states: Array, memory: Memory) -> tuple[Array, Array]:
        """One step outside of training: inputs (batch, inputs), states (batch, size) to readouts, following states."""
        trace = GruTrace(1, states.shape[:1], self.size, states.dtype)
        trace.states[0] = states
        contexts = np.empty((1, len(states), memory.values.shape[2]), states.dtype)
        weights = np.empty((1, *memory.padding.shape), states.dtype)
        queries = self._queries_from(inputs[None])
        self._step(0, trace, self.input.forward(inputs), queries, contexts, weights, memory)
        readouts = np.tanh(self.readout.forward(np.concatenate([trace.states[1], contexts[0], inputs], axis=1)))
        return readouts, trace.states[1]

    def _queries_from(self, inputs: Array) -> Array:
        """The inputs' part of the queries, (time, batch, size); `_step` adds the states'. Empty without attention."""
        if not self.attention:
            return np.empty((0,), inputs.dtype)
        return (flat(inputs) @ self.query_weight.value).reshape(*inputs.shape[:-1], self.size)

    def _step(
        self,
        index: int,
        trace: GruTrace,
        from_input: Array,
        queries: Array,
        contexts: Array,
        weights: Array,
        memory: Memory,
    ) -> None:
        state = trace.states[index]
        if memory.keys is None:
            contexts[index] = memory.mean
        else:
            queries[index] += state
            scores = weights[index]
            np.matmul(memory.keys, queries[index][:, :, None], out=scores[:, :, None])
            scores += memory.padding
            softmax_(scores)
            np.matmul(scores[:, None, :], memory.values, out=contexts[index][:, None, :])
        from_state = state @ self.state_weight.value
        from_state += self.state_bias.value
        from_input = contexts[index] @ self.context_weight.value + from_input
        trace.step(index, state, from_input, from_state, trace.states[index + 1])

    def backward(self, gradient: Array) -> tuple[Array, Array]:
        """Gradient of the readouts (time, batch, size) to those of the inputs and of the memory, time-major both."""
        gradient = gradient * (1 - self._readout * self._readout)
        parts = self.readout.backward(gradient)
        memory, trace, size = self._memory, self._trace, self.size
        time, batch, _ = gradient.shape
        states = np.ascontiguousarray(parts[:, :, :size])
        contexts = np.ascontiguousarray(parts[:, :, size : size + memory.values.shape[2]])
        inputs = parts[:, :, size + memory.values.shape[2] :]
        to_input = np.empty((time, batch, 3 * size), gradient.dtype)
        to_state = np.empty_like(to_input)
        queries = np.empty_like(self._queries)
        scores = np.empty_like(self._attention)
        factors = trace.factors()
        carried = np.zeros((batch, size), gradient.dtype)
        for index in range(time - 1, -1, -1):
            carried += states[index]
            carried = factors.step(index, carried, to_input[index], to_state[index])
            carried += to_state[index] @ self.state_weight.value.T
            context = contexts[index]
            context += to_input[index] @ self.context_weight.value.T
            if memory.keys is not None:
                score, weights = scores[index], self._attention[index]
                np.matmul(memory.values, context[:, :, None], out=score[:, :, None])
                score *= weights
                score -= weights * score.sum(axis=1, keepdims=True)
                np.matmul(score[:, None, :], memory.keys, out=queries[index][:, None, :])
                carried += queries[index]
        np.matmul(flat(self._contexts).T, flat(to_input), out=self.context_weight.gradient)
        np.matmul(flat(trace.states[:-1]).T, flat(to_state), out=self.state_weight.gradient)
        flat(to_state).sum(axis=0, out=self.state_bias.gradient)
        to_inputs = self.input.backward(to_input)
        to_inputs += inputs
        mean = self.start.backward(carried * (1 - memory.first_state * memory.first_state))
        if memory.keys is None:
            mean += contexts.sum(axis=0)
            values = np.zeros_like(memory.values)
        else:
            np.matmul(flat(self._inputs).T, flat(queries), out=self.query_weight.gradient)
            to_inputs += (flat(queries) @ self.query_weight.value.T).reshape(to_inputs.shape)
            values = self._attention.transpose(1, 2, 0) @ contexts.transpose(1, 0, 2)
            keys = scores.transpose(1, 2, 0) @ self._queries.transpose(1, 0, 2)
            np.matmul(flat(memory.values).T, flat(keys), out=self.key_weight.gradient)
            values += (flat(keys) @ self.key_weight.value.T).reshape(values.shape)
        values += (mean * memory.share)[:, None, :]
        return to_inputs, values.transpose(1, 0, 2)
