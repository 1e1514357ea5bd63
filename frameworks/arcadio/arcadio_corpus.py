"""Reading of examples and vocabularies, and batches of examples of similar length.

Examples: UTF-8 text, one example a line, tokens separated by blanks (U+0020 and nothing else: any other character can
be a token).

Vocabulary: one JSON object {token: index}, UTF-8, indices 0, 1, 2, ... without a gap. The four special entries come
first: {"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3}; then the tokens of the training file by falling frequency,
ties by the token itself (in order of code points). A token of the data that is not there, or is spelled like a special
entry, is read as <unk>. The blank inside a form, <s>, is an ordinary token.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from arcadio_errors import ArcadioError
from arcadio_parameters import Array

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)

Tokens = list[str]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens in the order of their indices, the special ones first."""

    tokens: tuple[str, ...]

    def encode(self, lines: Sequence[Tokens]) -> list[list[int]]:
        """Indices of every line's tokens."""
        indices = {token: index for index, token in enumerate(self.tokens) if index >= len(SPECIALS)}
        return [[indices.get(token, UNK) for token in line] for line in lines]

    def decode(self, indices: Sequence[int]) -> Tokens:
        """The tokens with these indices."""
        return [self.tokens[index] for index in indices]


@dataclasses.dataclass(frozen=True)
class Batch:
    """Indices of tokens, time-major and padded; every source ends with <eos>, so that none is empty."""

    source: Array  # (source time, batch)
    target_inputs: Array  # (target time, batch): <bos> and the target
    target_outputs: Array  # (target time, batch): the target and <eos>


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Pairs of indexed sources and targets."""

    sources: list[list[int]]
    targets: list[list[int]]

    def __len__(self) -> int:
        return len(self.sources)

    def batches(self, size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """All examples once, in batches of similar lengths; which examples share one and their order are random."""
        jitter = generator.random(len(self))
        lengths = [(len(source), len(target)) for source, target in zip(self.sources, self.targets)]
        order = sorted(range(len(self)), key=lambda index: (*lengths[index], jitter[index]))
        starts = generator.permutation(range(0, len(self), size))
        for start in starts:
            chosen = order[start : start + size]
            targets = [self.targets[index] for index in chosen]
            yield Batch(
                source=padded_sources([self.sources[index] for index in chosen]),
                target_inputs=padded([[BOS, *target] for target in targets]),
                target_outputs=padded([[*target, EOS] for target in targets]),
            )


def padded(sequences: Sequence[Sequence[int]]) -> Array:
    """Sequences side by side, filled up with <pad>: (longest, number of sequences)."""
    indices = np.full((len(sequences), max(map(len, sequences))), PAD)
    for row, sequence in zip(indices, sequences):
        row[: len(sequence)] = sequence
    return np.ascontiguousarray(indices.T)


def padded_sources(sources: Sequence[Sequence[int]]) -> Array:
    """Like `padded`, with <eos> at the end of each."""
    return padded([[*source, EOS] for source in sources])


def sorted_chunks(sources: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Places of the sources in chunks of similar length, for decoding with little padding."""
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def read_lines(path: Path) -> list[Tokens]:
    """The tokens of every line, none of an empty file; a missing or wrongly encoded one is an ArcadioError."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ArcadioError(f"can't read {path} ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise ArcadioError(f"{path} is not UTF-8 at byte {error.start}; convert it") from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [[token for token in line.split(" ") if token] for line in lines]


def read_pairs(source: Path, target: Path) -> tuple[list[Tokens], list[Tokens]]:
    """Sources and targets, as many of one as of the other and not without any token."""
    sources, targets = read_lines(source), read_lines(target)
    for path, lines in ((source, sources), (target, targets)):
        if not any(lines):
            raise ArcadioError(f"{path} is empty; give a file with one example a line")
    if len(sources) != len(targets):
        raise ArcadioError(
            f"{source} has {len(sources)} lines and {target} has {len(targets)}; line n of both must be one example"
        )
    return sources, targets


def read_vocabulary(path: Path) -> Vocabulary:
    """Read the format of the module's docstring; anything else is an ArcadioError."""
    try:
        indices = json.loads(path.read_bytes())
    except OSError as error:
        raise ArcadioError(f"can't read {path} ({error.strerror}); check the path") from None
    except ValueError as error:
        raise ArcadioError(f"{path} is not JSON ({error}); write the vocabulary as {{token: index}}") from None
    if not isinstance(indices, dict) or sorted(map(repr, indices.values())) != sorted(map(repr, range(len(indices)))):
        raise ArcadioError(f"{path} must be one JSON object {{token: index}} with the indices 0, 1, 2, ... without a gap")
    tokens = tuple(sorted(indices, key=lambda token: int(indices[token])))
    if tokens[: len(SPECIALS)] != SPECIALS:
        raise ArcadioError(f"{path} must begin with {', '.join(SPECIALS)} at the indices 0 to {len(SPECIALS) - 1}")
    if len(tokens) == len(SPECIALS):
        raise ArcadioError(f"{path} has only special entries; add the tokens of the training file")
    return Vocabulary(tokens)


def fingerprint(paths: Sequence[Path]) -> str:
    """A hash of the files' contents, to notice that a resumed run is given other data."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
