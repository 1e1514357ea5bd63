"""Lines out of whatever a framework prints: bounded in memory, and harmless on a terminal."""

import re
from collections.abc import Iterator

LONGEST_LINE = 16_384  # bytes: what is longer is cut for the reader; run.out has it whole
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class LineSplitter:
    """Bytes in, decoded lines out. A line ends at a newline, or at a carriage return (progress bars)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that `data` completes, at most LONGEST_LINE bytes of each."""
        if b"\r" in data:
            data = data.replace(b"\r", b"\n")
        *whole, rest = data.split(b"\n")
        for piece in whole:
            line = self._rest + piece[: LONGEST_LINE - len(self._rest)]
            self._rest = b""
            if line:
                yield line.decode("utf-8", "replace")
        if len(self._rest) < LONGEST_LINE:
            self._rest += rest[: LONGEST_LINE - len(self._rest)]

    def end(self) -> Iterator[str]:
        """A last line without an end."""
        if self._rest:
            yield self._rest.decode("utf-8", "replace")
            self._rest = b""


def visible(text: str) -> str:
    """Text that can't control a terminal: control characters, and those that turn its direction, are written out."""
    return CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text)
