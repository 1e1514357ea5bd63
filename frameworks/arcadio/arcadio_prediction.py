"""Predictions for a whole file, and the attention weights that go with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from arcadio_attention import attention_line, attention_weights, check_attention
from arcadio_beam import beam_search
from arcadio_checkpoint import load_model, write_whole
from arcadio_corpus import padded_sources, read_lines, sorted_chunks
from arcadio_network import Network
from arcadio_parameters import Array


@dataclasses.dataclass(frozen=True)
class Order:
    """What predict.py's command line asks for."""

    model: Path
    source: Path
    output: Path
    attention: Path | None
    beam: int
    normalize: float
    batch_size: int


def predict(order: Order) -> None:
    """Decode every line of the source; the files are written whole, line n for line n."""
    lines = read_lines(order.source)
    network, source_vocabulary, target_vocabulary = load_model(order.model)
    if order.attention is not None:
        check_attention(network)
    sources = source_vocabulary.encode(lines)
    predictions = [""] * len(sources)
    attention = [""] * len(sources)
    # as many hypotheses at once as there would be sources without a beam
    for chunk in sorted_chunks(sources, max(1, order.batch_size // order.beam)):
        batch = padded_sources([sources[place] for place in chunk])
        decoded = _decoded(network, batch, order)
        tokens = [target_vocabulary.decode(indices) for indices in decoded]
        for place, prediction in zip(chunk, tokens):
            predictions[place] = f"{' '.join(prediction)}\n"
        if order.attention is None:
            continue
        lengths = [len(sources[place]) for place in chunk]
        for place, prediction, weights in zip(chunk, tokens, attention_weights(network, batch, lengths, decoded)):
            attention[place] = attention_line(lines[place], prediction, weights)
    write_whole(order.output, "".join(predictions).encode())
    if order.attention is not None:
        write_whole(order.attention, "".join(attention).encode())


def _decoded(network: Network, batch: Array, order: Order) -> list[list[int]]:
    return network.predict(batch) if order.beam == 1 else beam_search(network, batch, order.beam, order.normalize)
