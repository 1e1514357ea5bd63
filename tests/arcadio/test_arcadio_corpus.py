"""Reading examples, and putting them into batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from arcadio_corpus import PAD, SPECIALS, UNK, Corpus, Vocabulary, read_lines


def test_only_the_blank_separates_tokens_and_only_the_line_feed_lines(tmp_path: Path) -> None:
    """No-break spaces, line separators and the like are characters of forms."""
    path = tmp_path / "source"
    path.write_bytes("a \u00a0 b\r\n\n  \u2028  c\u3000 \nlast".encode())
    assert read_lines(path) == [["a", "\u00a0", "b\r"], [], ["\u2028", "c\u3000"], ["last"]]
    path.write_bytes(b"a \r\n\r\n")
    assert read_lines(path) == [["a", "\r"], ["\r"]]
    path.write_bytes(b"")
    assert read_lines(path) == []


def test_what_is_not_in_the_vocabulary_is_unknown_and_so_is_a_special_token() -> None:
    vocabulary = Vocabulary((*SPECIALS, "a", "<s>"))
    assert vocabulary.encode([["<s>", "a", "Ω"], [*SPECIALS], []]) == [[5, 4, UNK], [UNK] * 4, []]
    assert vocabulary.decode([5, 4]) == ["<s>", "a"]


def test_batches_hold_every_example_once_and_lengths_are_similar() -> None:
    generator = np.random.default_rng(5)
    sources = [[4 + int(token) for token in generator.integers(0, 7, generator.integers(1, 20))] for _ in range(103)]
    corpus = Corpus(sources, [source[::-1] for source in sources])
    batches = list(corpus.batches(10, np.random.default_rng(1)))
    assert sorted(batch.source.shape[1] for batch in batches) == [3] + [10] * 10
    seen = [tuple(token for token in row if token > UNK) for batch in batches for row in batch.source.T.tolist()]
    assert sorted(seen) == sorted(map(tuple, sources))
    padding = np.mean([np.mean(batch.source == PAD) for batch in batches])
    assert padding < 0.1
    again = list(corpus.batches(10, np.random.default_rng(2)))
    assert any(not np.array_equal(first.source, second.source) for first, second in zip(batches, again, strict=True))
