"""Lines, and how a text becomes one: tokens separated by single blanks."""

import unicodedata
from pathlib import Path

from daisy.errors import DatasetError

BLANK = "<s>"  # a blank inside a form, where the tokens are characters
TOKENS = ("characters", "words")
_BREAKING = {"Cc", "Zl", "Zp"}  # control characters, line and paragraph separators: some reader ends a line at them


def canonical(text: str, tokens: str, where: str) -> str:
    """The canonical line of a text: its characters (a blank is `<s>`), or its words (between blanks or tabs).

    Characters stay as they are, unnormalised, no-break spaces and invisible marks too: read canonical files by
    splitting at `\\n` and at blanks only. Raises DatasetError for a character that could end a line; `where` says where
    it was.
    """
    line = " ".join(BLANK if character == " " else character for character in text)
    if tokens == "words":
        line = " ".join(word for word in text.replace("\t", " ").split(" ") if word)
    if not line:
        raise DatasetError(f"{where}: this is empty: fill it or remove the line")
    if not line.isprintable():  # a quick test that most lines pass
        _refuse_breaking(line, where)
    return line


def readable(line: str, tokens: str) -> str:
    """The text of a canonical line, as `canonical` took it."""
    if tokens == "words":
        return line
    return "".join(" " if token == BLANK else token for token in line.split(" "))


def lines_of(file: Path) -> list[str]:
    """The lines of a UTF-8 file, as `lines_in` gives them."""
    return lines_in(file.read_bytes(), str(file))


def lines_in(data: bytes, where: str) -> list[str]:
    """Lines in UTF-8: `\\n` ends a line, `\\r\\n` too, nothing else does; a byte order mark is dropped. Raises DatasetError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise DatasetError(
            f"{where}, line {line}, byte {byte}: 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        ) from error
    lines = text.removeprefix("\ufeff").split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _refuse_breaking(line: str, where: str) -> None:
    for character in line:
        if unicodedata.category(character) in _BREAKING:
            name = unicodedata.name(character, "a control character")
            raise DatasetError(
                f"{where}: the character U+{ord(character):04X} ({name}) could end a line: remove it from the file"
            )
