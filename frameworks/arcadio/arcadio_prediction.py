"""Predictions for a whole file."""

from __future__ import annotations

from pathlib import Path

from arcadio_checkpoint import load_model, write_whole
from arcadio_corpus import Tokens, padded_sources, read_lines, sorted_chunks


def predict(model: Path, source: Path, output: Path, batch_size: int) -> None:
    """Decode every line of `source`; `output` is written whole, line n for line n."""
    lines = read_lines(source)
    network, source_vocabulary, target_vocabulary = load_model(model)
    sources = source_vocabulary.encode(lines)
    predictions: list[Tokens] = [[] for _ in sources]
    for chunk in sorted_chunks(sources, batch_size):
        decoded = network.predict(padded_sources([sources[place] for place in chunk]))
        for place, indices in zip(chunk, decoded):
            predictions[place] = target_vocabulary.decode(indices)
    write_whole(output, "".join(f"{' '.join(tokens)}\n" for tokens in predictions).encode())
