"""Attention weights: how much the decoder looks at each position of the source when it predicts each token.

They are written as JSON lines, one an example in the order of the sources:

    {"source": ["k", "a", "n", "<eos>"], "prediction": ["k", "a", "<eos>"], "weights": [[0.9, 0.05, 0.03, 0.02], ...]}

`source` are the tokens as they were given, `prediction` those that were predicted, each with the <eos> that the network reads
and predicts as a token of its own (also where the longest length, not an <eos>, has ended the prediction). `weights` has a row
for each token of the prediction with a number for each of the source; each row sums to 1, but for its rounding to six
decimals. Where the encoder pools, a weight is that of a whole window: it is divided evenly among the window's positions.
"""

from __future__ import annotations

import json

import numpy as np

from arcadio_corpus import BOS, EOS, SPECIALS, Tokens, padded
from arcadio_errors import ArcadioError
from arcadio_network import Network
from arcadio_parameters import Array

DECIMALS = 6


def attention_line(source: Tokens, prediction: Tokens, weights: Array) -> str:
    """One example's line of JSON."""
    end = SPECIALS[EOS]
    rows = [[round(weight, DECIMALS) for weight in row] for row in weights.tolist()]
    example = {"source": [*source, end], "prediction": [*prediction, end], "weights": rows}
    return json.dumps(example, ensure_ascii=False) + "\n"


def check_attention(network: Network) -> None:
    """ArcadioError for a network that has none."""
    if not network.decoder.attention:
        raise ArcadioError("the model has no attention (decoder.attention is false); leave out --attention")


def attention_weights(network: Network, source: Array, lengths: list[int], targets: list[list[int]]) -> list[Array]:
    """For each source (time, batch), of so many tokens, and its target: (target tokens + 1, source tokens + 1)."""
    network.score(source, padded([[BOS, *target] for target in targets]))
    weights = network.decoder.weights  # (target time, batch, memory time)
    return [
        _spread(weights[: len(target) + 1, place], length + 1, network.encoder.window)
        for place, (length, target) in enumerate(zip(lengths, targets))
    ]


def _spread(weights: Array, positions: int, width: int) -> Array:
    """Weights (rows, windows) of windows of `width` positions to (rows, positions); the last window may be shorter."""
    windows = np.arange(positions) // width
    shares: Array = weights[:, windows].astype(np.float64) / np.bincount(windows)[windows]
    return shares
