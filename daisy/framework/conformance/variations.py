"""Configurations that differ from a given one in one key."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from daisy.configuration import Configuration
from daisy.configuration.keys import KEPT_BY_DAISY, KEYS, READ_BY_DAISY
from daisy.errors import ConfigurationError

SECTIONS = ("arch.", "train.", "framework.options.")
DECIDES_THE_CASE = "arch.encoder"  # each architecture is a case of its own


def keys_of(configuration: Configuration) -> list[str]:
    """The keys that an adapter may read."""
    left_out = (*READ_BY_DAISY, KEPT_BY_DAISY, DECIDES_THE_CASE)
    return [key for key in configuration.flat() if key not in left_out and (key == "seed" or key.startswith(SECTIONS))]


def variations(configuration: Configuration, key: str) -> Iterator[tuple[str, Configuration]]:
    """The override that sets the key to another value that Daisy accepts, and what it gives."""
    known = KEYS.get(key)
    for value in _others(configuration.value(key), known.choices if known is not None else ()):
        try:
            accepted = known.accepted(value) if known is not None else value
            yield f"{key}={_text(accepted)}", _with(configuration, key, accepted)
        except (ValueError, ConfigurationError):
            continue  # no value of this key


def _others(value: Any, choices: tuple[str, ...]) -> list[Any]:
    if choices:
        return [choice for choice in choices if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 2 or 2, value + 1]
    if isinstance(value, float):
        return [value / 2 or 0.25]
    if isinstance(value, list):
        return [[other for entry in value for other in _others(entry, ())[:1]]]
    return [1] if value is None else [f"{value}-other"]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with(configuration: Configuration, key: str, value: Any) -> Configuration:
    from daisy.configuration import check  # imports Hydra, which the process of `elsewhere` can do without

    tree = copy.deepcopy(dict(configuration.values))
    *sections, last = key.split(".")
    node = tree
    for section in sections:
        node = node[section]
    node[last] = value
    set_by = {**configuration.set_by, key: f"{key}={_text(value)}"}
    return replace(configuration, values=check.heads(tree), set_by=set_by)
