"""Files of lines that grow: one JSON object a line."""

import json
import os
from pathlib import Path
from typing import Any


def tail_json(path: Path, most: int, block: int = 8192) -> list[dict[str, Any]]:
    """The last whole JSON lines of a file that grows; a line that is half written is left out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - block * most))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return []
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue  # cut at the block's beginning, or damaged by a crash
        if isinstance(value, dict):
            found.append(value)
        if len(found) == most:
            break
    return found[::-1]
