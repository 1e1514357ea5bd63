"""Configurations that differ from a given one in one key."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from daisy.configuration import Configuration
from daisy.configuration.keys import KEPT_BY_DAISY, KEYS, READ_BY_DAISY
from daisy.errors import ConfigurationError

SECTIONS = ("arch.", "train.", "framework.options.")
DECIDES_THE_CASE = "arch.encoder"  # each architecture is a case of its own
A_MINUTE = 60.0
NO_LIMIT = "train.epochs"


def keys_of(configuration: Configuration) -> list[str]:
    """The keys that an adapter may read."""
    left_out = (*READ_BY_DAISY, DECIDES_THE_CASE)
    return [key for key in configuration.flat() if key not in left_out and (key == "seed" or key.startswith(SECTIONS))]


def variations(configuration: Configuration, key: str) -> Iterator[tuple[str, Configuration]]:
    """The override that sets the key to another value that Daisy accepts, and what it gives."""
    known = KEYS.get(key)
    value = configuration.value(key)
    others = _others(value, known.choices if known is not None else ())
    if key == KEPT_BY_DAISY:
        others = [value * 2] if value else [A_MINUTE]
    for other in others:
        yield from _accepted(configuration, {key: other})
    if known is not None and known.optional and value is not None:
        more = {KEPT_BY_DAISY: A_MINUTE} if key == NO_LIMIT else {}  # training must end
        yield from _accepted(configuration, {key: None, **more})


def per_layer(configuration: Configuration, key: str) -> Iterator[tuple[str, Configuration]]:
    """Two that differ in the second layer's value alone, where the key takes one per layer."""
    known = KEYS.get(key)
    if known is None or not known.per_layer:
        return
    value = configuration.value(key)
    first, *rest = value if isinstance(value, list) else [value, value]
    for added in (2, 4):
        yield from _accepted(configuration, {key: [first, *(entry + added for entry in rest)]})


def changed(configuration: Configuration, values: Mapping[str, Any]) -> Configuration:
    """With other values, as if a person had set them. Raises ConfigurationError where they don't fit each other."""
    from daisy.configuration import check  # imports Hydra, which the process of `elsewhere` can do without

    tree = copy.deepcopy(dict(configuration.values))
    for key, value in values.items():
        *sections, last = key.split(".")
        node = tree
        for section in sections:
            node = node[section]
        node[last] = value
    set_by = {**configuration.set_by, **{key: f"{key}={_text(value)}" for key, value in values.items()}}
    # The epochs count as set: train.seconds would take them away, and nobody could tell which of the two changed a command.
    limited = check.limits(check.heads(check.layers(tree, set_by)), {**set_by, NO_LIMIT: ""})
    return replace(configuration, values=limited, set_by=set_by)


def _accepted(configuration: Configuration, values: Mapping[str, Any]) -> Iterator[tuple[str, Configuration]]:
    """The overrides and what they give; nothing where Daisy itself refuses them."""
    try:
        accepted = {key: KEYS[key].accepted(value) if key in KEYS else value for key, value in values.items()}
        overrides = " ".join(f"{key}={_text(value)}" for key, value in accepted.items())
        yield overrides, changed(configuration, accepted)
    except (ValueError, ConfigurationError):
        return


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
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
