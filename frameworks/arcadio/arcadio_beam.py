"""Beam search: the likeliest target that is found when the likeliest few beginnings are followed at every step.

A target's score is the logarithm of its probability, that of its <eos> included, divided by its number of tokens (with
<eos>) to the power of `normalize`, as in Marian: 0 compares probabilities, which favours short targets; 1 compares the mean
logarithm a token.

At every step the `width` likeliest continuations of a source's hypotheses stay. The greedy prediction is the best target
from the beginning, so that no search ends with a worse one; a source is done when none of its hypotheses can become better
than the best target any more.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from arcadio_corpus import BOS, EOS, padded
from arcadio_decoder import Memory
from arcadio_network import NEVER_EMITTED, Network, longest_predictions
from arcadio_parameters import Array


def beam_search(network: Network, source: Array, width: int, normalize: float = 1.0) -> list[list[int]]:
    """Sources (time, batch), ended by <eos>, to target tokens, none of them special, as long as in greedy decoding."""
    search = _Search(network, source, width, normalize)
    while len(search.open):
        search.step()
    return search.best


def target_scores(network: Network, source: Array, targets: list[list[int]], normalize: float) -> Array:
    """The scores (batch) of whole targets, one for each source (time, batch); see the module's docstring."""
    logarithms = _log_softmax(network.score(source, padded([[BOS, *target] for target in targets])))
    wanted = padded([[*target, EOS] for target in targets])
    chosen = np.take_along_axis(logarithms, wanted[:, :, None], axis=2)[:, :, 0]
    lengths = np.array([len(target) + 1 for target in targets])
    within = np.arange(len(wanted))[:, None] < lengths
    scores: Array = np.where(within, chosen, 0).sum(axis=0) / lengths**normalize
    return scores


class _Search:
    """The hypotheses of the sources that are not done: a row for each of those, a column for each hypothesis."""

    def __init__(self, network: Network, source: Array, width: int, normalize: float) -> None:
        self.network = network
        self.width = width
        self.normalize = normalize
        self.memory = network.remember(source)
        self.longest = longest_predictions(source)
        self.best = network.predict(source)
        self.best_scores = target_scores(network, source, self.best, normalize)
        self.open = np.arange(len(self.longest))
        self.tokens = np.full((len(self.open), 1, 1), BOS)  # (open, hypotheses, time)
        self.logarithms = np.zeros((len(self.open), 1))  # of the hypotheses' probabilities; -inf: there is none
        self.states = self.memory.first_state[:, None]  # (open, hypotheses, size)

    def step(self) -> None:
        """Continue all hypotheses by one token, keep the likeliest, take out what has ended."""
        continuations, states = self._continuations()
        totals = self.logarithms[:, :, None] + continuations
        # a stable order: of equals the first one, as in greedy decoding
        chosen = np.argsort(-totals.reshape(len(self.open), -1), axis=1, kind="stable")[:, : self.width]
        parents, tokens = np.divmod(chosen, totals.shape[2])
        rows = np.arange(len(self.open))[:, None]
        self.logarithms = totals[rows, parents, tokens]
        self.states = states[rows, parents]
        self.tokens = np.concatenate([self.tokens[rows, parents], tokens[:, :, None]], axis=2)
        self._take_out_ended()
        self._take_out_done()

    def _continuations(self) -> tuple[Array, Array]:
        """Logarithms (open, hypotheses, tokens) of the probabilities of next tokens, and the following states."""
        shape = self.states.shape
        memory = _rows(self.memory, self.open.repeat(shape[1]))
        scores, states = self.network.follow(self.tokens[:, :, -1].reshape(-1), self.states.reshape(-1, shape[2]), memory)
        logarithms = _log_softmax(scores)
        logarithms[:, NEVER_EMITTED] = -np.inf
        logarithms = logarithms.reshape(*shape[:2], -1)
        must_end = self.longest[self.open] < self.tokens.shape[2]
        logarithms[must_end, :, :EOS] = logarithms[must_end, :, EOS + 1 :] = -np.inf
        return logarithms, states.reshape(shape)

    def _take_out_ended(self) -> None:
        """Remember the best target of every source; the likeliest of those that end here comes first."""
        ended = self.tokens[:, :, -1] == EOS
        length = self.tokens.shape[2] - 1
        first = ended.argmax(axis=1)
        scores = self.logarithms[np.arange(len(self.open)), first] / length**self.normalize
        for row in np.flatnonzero(ended.any(axis=1) & (scores > self.best_scores[self.open])):
            place = self.open[row]
            self.best[place] = self.tokens[row, first[row], 1:-1].tolist()
            self.best_scores[place] = scores[row]
        self.logarithms[ended] = -np.inf

    def _take_out_done(self) -> None:
        """Keep the sources whose likeliest hypothesis would be the best target if it went on, surely, to the longest length."""
        most = self.logarithms.max(axis=1) / (self.longest[self.open] + 1.0) ** self.normalize
        kept = most > self.best_scores[self.open]
        self.open, self.tokens, self.logarithms = self.open[kept], self.tokens[kept], self.logarithms[kept]
        self.states = self.states[kept]


def _rows(memory: Memory, rows: Array) -> Memory:
    """The memory of a batch that is made of these rows of another."""
    fields = {field.name: getattr(memory, field.name) for field in dataclasses.fields(Memory)}
    return Memory(**{name: None if value is None else value[rows] for name, value in fields.items()})


def _log_softmax(scores: Array) -> Array:
    """Over the last axis, in float64: what differs in float32 must not become equal."""
    scores = scores.astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return scores
