"""What both command lines share: the parser's errors and the kinds of numbers."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Tells an error like all others of arcadio: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        """End the process with the message."""
        self.exit(2, f"arcadio: error: {message}; see --help\n")


def at_least_one(text: str) -> int:
    """A whole number from 1."""
    return _at_least(1, text)


def at_least_zero(text: str) -> int:
    """A whole number from 0."""
    return _at_least(0, text)


def positive(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, but got {text}")
    return value


def not_negative(text: str) -> float:
    """A number from 0."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number from 0, but got {text}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _at_least(smallest: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = smallest - 1
    if value < smallest:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {smallest}, but got {text}")
    return value
