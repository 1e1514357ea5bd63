"""What an installed framework says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Description:
    """What an installed framework says of itself: its version, and the names of its options where it lists them."""

    version: str
    options: frozenset[str] | None = None
