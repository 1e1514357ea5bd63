"""Values and texts as they are typed on a command line, for those who do without Hydra: it takes a fifth of a second."""

import re
import unicodedata
from typing import Any

MOST_MODELS = 100_000  # of one command
BARE = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
NO_TEXTS = ("true", "false", "null", "nan", "inf")  # what these are without quotes, in whatever case


def one_line(text: str) -> str:
    """Text as a message shows it: line breaks, control characters and broken UTF-8 are written out."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)


def quoted(text: str) -> str:
    """A text in quotes, as Hydra reads it back."""
    # Backslashes count only before what they could escape: `${` for OmegaConf, then a quote for Hydra.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"


def plain(value: Any) -> str:
    """A value as it is typed in an override."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(plain(entry) for entry in value)}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{plain(entry)}" for key, entry in value.items()) + "}"
    return quoted(value) if isinstance(value, str) else repr(value)


def bare(value: Any) -> str:
    """The same for people: a text has quotes only where without them it would be something else."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(bare(entry) for entry in value)}]"
    is_bare = isinstance(value, str) and BARE.fullmatch(value) is not None and value.lower() not in NO_TEXTS
    return str(value) if is_bare else plain(value)
