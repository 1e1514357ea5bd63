"""A picture of a terminal: runs commands in a pseudo-terminal and writes what they print as SVG.

    python docs/picture.py FILE.svg TITLE COMMAND [COMMAND ...]

A command is split at its blanks. What a live line overwrites is left out, as on a screen. A command that begins with `@` is run
and not shown.
"""

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 128  # characters


def printed(command: list[str]) -> str:
    """What a command prints on a terminal of this width."""
    os.environ.update(COLUMNS=str(WIDTH), LINES="60", TERM="xterm-256color")
    output = bytearray()

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65_536)
        output.extend(data)
        return data

    pty.spawn(command, read)
    return output.decode("utf-8", "replace")


def settled(text: str) -> list[str]:
    """The lines as they stand in the end: of a line that was drawn anew, its last state."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        states = [state for state in line.split("\r") if Text.from_ansi(state).plain.strip()]
        lines.append(states[-1] if states else "")
    return lines


def main() -> None:
    path, title, *commands = sys.argv[1:]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for command in commands:
        if command.startswith("@"):
            printed(command[1:].split())
            continue
        console.print(Text(f"$ {command}", style="bold cyan"))
        for line in settled(printed(command.split())):
            console.print(Text.from_ansi(line), soft_wrap=True)
    # Without the fonts that rich would have fetched from elsewhere: the reader's own monospaced one does.
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title), flags=re.DOTALL)
    Path(path).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
