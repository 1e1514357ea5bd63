"""Options as words of a command line."""

from collections.abc import Mapping
from typing import Any


def flags(options: Mapping[str, Any], spelled_out: bool = False) -> list[object]:
    """`--name value` for each: a list is several words, null is left out.

    True is `--name` alone and false is left out; with `spelled_out` they are `--name=true` and `--name=false`.
    """
    words: list[object] = []
    for name, value in options.items():
        if isinstance(value, bool) and spelled_out:
            words.append(f"--{name}={'true' if value else 'false'}")
        elif value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            words += [f"--{name}", *(value if isinstance(value, list) else [value])]
    return words
