"""Chance that is the same on every machine: not even Python's version, its hash seed or the input's order matter."""

import hashlib


def rank(seed: int, text: str) -> bytes:
    """Where `text` stands in the order that `seed` makes: the SHA-256 of `SEED TAB TEXT`.

    Taking what stands first is a random sample without replacement. What is added to the texts later does not change
    the order of those that were there.
    """
    return hashlib.sha256(f"{seed}\t{text}".encode()).digest()
