"""The whole network: embeddings, encoder, decoder and the softmax over the target's tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arcadio_components import Components, ConvEncoderDescription
from arcadio_corpus import BOS, EOS, PAD, UNK, Batch
from arcadio_decoder import Decoder, Memory
from arcadio_encoders import ConvEncoder, RecurrentEncoder
from arcadio_layers import Dropout, Embedding, Linear, flat
from arcadio_parameters import Array, Parameters

NEVER_EMITTED = (PAD, BOS, UNK)


class Network:
    """A sequence-to-sequence network made from a description; `parameters` holds every weight."""

    def __init__(
        self,
        components: Components,
        source_tokens: int,
        target_tokens: int,
        generator: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        parameters = Parameters()
        size = components.embedding_size
        self.source_embedding = Embedding(parameters, "source", source_tokens, size)
        self.target_embedding = Embedding(parameters, "target", target_tokens, size)
        description = components.encoder
        self.encoder: ConvEncoder | RecurrentEncoder
        if isinstance(description, ConvEncoderDescription):
            self.encoder = ConvEncoder(parameters, description, size)
        else:
            self.encoder = RecurrentEncoder(parameters, description, size)
        self.decoder = Decoder(parameters, size, self.encoder.outputs, components.decoder_size, components.attention)
        self.output = Linear(parameters, "output", components.decoder_size, target_tokens)
        self.source_dropout, self.target_dropout, self.memory_dropout, self.readout_dropout = (
            Dropout(components.dropout) for _ in range(4)
        )
        parameters.allocate(generator, dtype)
        self.components = components
        self.parameters = parameters

    def loss(self, batch: Batch, generator: np.random.Generator | None = None) -> float:
        """Mean cross-entropy in nats a target token; writes all gradients. Without a generator nothing is dropped."""
        mask = batch.source != PAD
        embedded = self.source_dropout.forward(self.source_embedding.forward(batch.source), generator)
        embedded = embedded * mask[:, :, None]
        values, memory_mask = self.encoder.forward(embedded, mask)
        memory = self.decoder.remember(self.memory_dropout.forward(values, generator), memory_mask)
        inputs = self.target_dropout.forward(self.target_embedding.forward(batch.target_inputs), generator)
        readouts = self.readout_dropout.forward(self.decoder.forward(inputs, memory), generator)
        loss, to_scores = cross_entropy(self.output.forward(readouts), batch.target_outputs)

        to_readouts = self.readout_dropout.backward(self.output.backward(to_scores))
        to_inputs, to_memory = self.decoder.backward(to_readouts)
        self.target_embedding.backward(self.target_dropout.backward(to_inputs))
        to_embedded = self.encoder.backward(self.memory_dropout.backward(to_memory)) * mask[:, :, None]
        self.source_embedding.backward(self.source_dropout.backward(to_embedded))
        return loss

    def remember(self, source: Array) -> Memory:
        """What the decoder reads of sources (time, batch), to predict from; nothing is dropped."""
        mask = source != PAD
        values, memory_mask = self.encoder.forward(self.source_embedding.forward(source) * mask[:, :, None], mask)
        return self.decoder.remember(values, memory_mask)

    def follow(self, tokens: Array, states: Array, memory: Memory) -> tuple[Array, Array]:
        """One step of predicting: the tokens before (batch), states (batch, size) to scores (batch, tokens), following states."""
        readouts, states = self.decoder.follow(self.target_embedding.forward(tokens), states, memory)
        return self.output.forward(readouts), states

    def score(self, source: Array, target_inputs: Array) -> Array:
        """Scores of every next token where the target is known: sources, inputs (time, batch) to (time, batch, tokens)."""
        readouts = self.decoder.forward(self.target_embedding.forward(target_inputs), self.remember(source))
        return self.output.forward(readouts)

    def predict(self, source: Array) -> list[list[int]]:
        """Greedy decoding of sources (time, batch), ended by <eos>: target tokens, none of them special."""
        memory = self.remember(source)
        states = memory.first_state
        longest = longest_predictions(source)
        tokens = np.full(len(longest), BOS)
        emitted = np.full((int(longest.max()) + 1, len(longest)), EOS)
        finished = np.zeros(len(longest), bool)
        for index in range(len(emitted) - 1):
            scores, states = self.follow(tokens, states, memory)
            scores[:, NEVER_EMITTED] = -np.inf
            finished |= index >= longest
            tokens = np.where(finished, EOS, scores.argmax(axis=1))
            emitted[index] = tokens
            finished |= tokens == EOS
            if finished.all():
                break
        return [row[: row.index(EOS)] for row in emitted.T.tolist()]


def longest_predictions(source: Array) -> Array:
    """Of sources (time, batch): a source of n tokens and <eos> gets at most 2 n + 10."""
    longest: Array = 2 * ((source != PAD).sum(axis=0) - 1) + 10
    return longest


def cross_entropy(scores: Array, targets: Array) -> tuple[float, Array]:
    """Mean cross-entropy of the softmax over scores (..., tokens) with targets (...), and its gradient.

    Targets that are <pad> don't count. The scores are overwritten.
    """
    rows, wanted = flat(scores), targets.reshape(-1)
    places = np.arange(len(wanted))
    weights = (wanted != PAD).astype(scores.dtype)
    weights /= weights.sum()
    rows -= rows.max(axis=1, keepdims=True)
    chosen = rows[places, wanted]
    np.exp(rows, out=rows)
    sums = rows.sum(axis=1)
    loss = float((np.log(sums) - chosen) @ weights)
    rows *= (weights / sums)[:, None]
    rows[places, wanted] -= weights
    return loss, scores
