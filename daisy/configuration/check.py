"""The checks that plain Hydra lacks: unknown keys with the nearest known ones, types, bounds, what is left over."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType

from daisy.configuration.keys import KEYS, KINDS, SLURM, SLURM_COLLECTIONS, as_kind, kind_of
from daisy.configuration.model import leaves
from daisy.configuration.nearest import ALIKE, MISSPELT, nearest_keys
from daisy.configuration.overrides import OPEN_SECTIONS, SECTION_OF_GROUP, in_open_section, of_every_env, text_of
from daisy.configuration.typed import one_line
from daisy.errors import ConfigurationError

GROUP_OF_SECTION = {section: group for group, section in SECTION_OF_GROUP.items()}
OPEN_FOR_NEW = "framework.options"  # what one framework alone knows: its adapter checks the names
JUDGED_ELSEWHERE = "dataset."  # each task knows what its keys take: a number or a name, one address or a list
LONGEST_NAME = 60  # characters
KEPT = "a finite number, true or false, null, a text in UTF-8 without NUL, or a list of such"
SECTION = object()
LEFT_OVER = "???"


def keys(overrides: Sequence[Override], base: Mapping[str, Any]) -> None:
    """Each key that is overridden exists, or is really a new one. Raises ConfigurationError naming the nearest keys."""
    known = [key for key, _ in leaves(base)]
    for override in overrides:
        key, text = override.key_or_group, one_line(text_of(override))
        text = text.removeprefix("++") if of_every_env(key) else text
        if key.startswith(f"{SLURM}.") and not isinstance(_node(base, SLURM), Mapping):
            raise ConfigurationError(f"{text}: this env has no section slurm: add env=slurm, or another one that runs on Slurm")
        if in_open_section(key) or of_every_env(key) or (key in OPEN_SECTIONS and isinstance(override.value(), dict)):
            continue
        node = _node(base, key)
        if isinstance(node, Mapping) and override.type != OverrideType.DEL:
            _check_section(override, node, known)
            continue
        if node is not None:
            continue
        is_own = key.startswith(f"{OPEN_FOR_NEW}.")
        adds = override.type in (OverrideType.ADD, OverrideType.FORCE_ADD)
        # A framework has options whose names are alike (batch_size, beam_size); its adapter knows whether it has this one.
        alike = MISSPELT if is_own and adds else ALIKE
        close = nearest_keys(key, [name for name in known if name.startswith(f"{OPEN_FOR_NEW}.")] if is_own else known, alike)
        if adds and not close:
            continue
        if close:
            raise ConfigurationError(f"{text}: there is no key {key} - did you mean {' or '.join(close)}?")
        way_out = f"write +{text} if the framework has it" if is_own else "`--cfg job` shows all keys"
        raise ConfigurationError(f"{text}: there is no key {key}{_siblings(key, base)}; {way_out}")


def _check_section(override: Override, node: Mapping[str, Any], known: list[str]) -> None:
    key, text, value = override.key_or_group, one_line(text_of(override)), override.value()
    if not isinstance(value, dict):
        group = GROUP_OF_SECTION.get(key, key)
        way_out = f"set one of its keys: {', '.join(node)}" if node else f"write {key}.NAME=VALUE"
        if "." not in key and isinstance(value, str):
            way_out = one_line(f"did you mean {group}={value}?")
        raise ConfigurationError(f"{text}: {key} is a section of the configuration, not a value - {way_out}")
    for part, _ in leaves(value, f"{key}."):
        if part in known:
            continue
        close = " or ".join(nearest_keys(part, known))
        if close or override.type == OverrideType.CHANGE:
            raise ConfigurationError(
                f"{text}: there is no key {part}" + (f" - did you mean {close}?" if close else "; `--cfg job` shows all keys")
            )


def _siblings(key: str, base: Mapping[str, Any]) -> str:
    section = key.rpartition(".")[0]
    node = _node(base, section) if section else base
    return f"; {section or 'the configuration'} has {', '.join(node)}" if isinstance(node, Mapping) and node else ""


def _node(tree: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, SECTION-like mappings as they are; None where there is none; null is a value."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return SECTION if node is None else node


def values(tree: dict[str, Any], base: Mapping[str, Any], set_by: Mapping[str, str], *, resolved: bool = True) -> dict[str, Any]:
    """The tree with each value in its key's type. Raises ConfigurationError naming key, value and what is wanted.

    Before it is `resolved` a value may be an expression or left over (`???`), and is not judged then.
    """
    for section in ("framework", "dataset", "arch", "train", "env"):
        if not isinstance(tree.get(section), dict):
            raise ConfigurationError(f"the configuration has no section {section}: its group's YAML must make one")
    return _checked(tree, base, set_by, "", resolved)


def env(node: dict[str, Any]) -> dict[str, Any]:
    """The section env alone, resolved, with each value in its key's type; raises as `values` does."""
    if left_over := [f"env.{key}" for key, value in leaves(node) if value == "???"]:
        raise ConfigurationError(f"{left_over[0]} is not set (???): set it in conf/env/")
    return _checked(node, {}, {}, "env.", True)


def _checked(
    tree: dict[str, Any], base: Mapping[str, Any], set_by: Mapping[str, str], prefix: str, resolved: bool
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        default = base.get(name)
        _check_name(key, str(name))
        if isinstance(value, dict) and key not in KEYS:
            result[name] = _checked(value, default if isinstance(default, Mapping) else {}, set_by, f"{key}.", resolved)
        elif isinstance(value, str) and not resolved and (value == "???" or "${" in value):
            result[name] = value
        else:
            result[name] = _accepted(key, value, default, set_by)
    return result


def _check_name(key: str, name: str) -> None:
    """Of a YAML file's keys. A misspelt one of env, which no adapter reads, would be ignored."""
    if "." in name and not key.startswith(JUDGED_ELSEWHERE):
        raise ConfigurationError(f"{key!r}: there is a dot in the key {name!r} of a YAML file: write sections as nested keys")
    if key.startswith(f"{SLURM}.") and key.count(".") == 2 and key not in (*KEYS, *SLURM_COLLECTIONS):
        there_are = ", ".join(known.rpartition(".")[2] for known in (*KEYS, *SLURM_COLLECTIONS) if known.startswith(f"{SLURM}."))
        raise ConfigurationError(
            f"there is no key {key}; {SLURM} has {there_are}; what else sbatch takes goes into {SLURM}.additional_parameters"
        )
    if key.startswith("env.") and key.count(".") == 1 and key not in (*KEYS, *OPEN_SECTIONS, SLURM):
        env_keys = [known for known in (*KEYS, *OPEN_SECTIONS, SLURM) if known.startswith("env.")]
        if close := nearest_keys(key, env_keys):
            raise ConfigurationError(f"there is no key {key} - did you mean {' or '.join(close)}? Correct it in conf/env/")


def _accepted(key: str, value: Any, default: Any, set_by: Mapping[str, str]) -> Any:
    known = KEYS.get(key)
    kind = kind_of(default) if default != "???" and not key.startswith(JUDGED_ELSEWHERE) else None
    if "${" in str(default):
        kind = None  # an expression does not tell a type; a list and null do not either
    wanted = known.wanted() if known is not None else f"{KINDS[kind]} (its default is {default!r})" if kind else KEPT
    try:
        if known is not None:
            value = known.accepted(value)
        elif kind is not None and value is not None:
            value = as_kind(kind, value)
        wanted = KEPT
        _check_can_be_kept(value)
        return value
    except ValueError:
        origin = set_by.get(key)
        origin = origin.removeprefix("++") if origin and of_every_env(key) else origin  # Daisy itself has added them
        shown = origin if origin and origin.lstrip("+").startswith(f"{key}=") else f"{key}={value!r}"
        where = f" (from {origin})" if origin and shown != origin else ""
        raise ConfigurationError(one_line(f"{shown}{where}: {key} must be {wanted}")) from None


def _check_can_be_kept(value: Any) -> None:
    """Raise ValueError for what neither config.json nor an argument of a command can carry."""
    if isinstance(value, list):
        for entry in value:
            _check_can_be_kept(entry)
    elif isinstance(value, dict):
        _check_can_be_kept([*map(str, value), *value.values()])
    elif isinstance(value, str):
        value.encode("utf-8")  # broken UTF-8: UnicodeEncodeError is a ValueError
        if "\0" in value:
            raise ValueError
    elif not (value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))):
        raise ValueError


def layers(tree: dict[str, Any], set_by: Mapping[str, str]) -> dict[str, Any]:
    """Lists with one value per layer agree in length with each other and with arch.layers, which follows from them if not set."""
    arch = tree["arch"]
    lists = {name: value for name, value in arch.items() if isinstance(value, list) and f"arch.{name}" in KEYS}
    lengths = {name: len(value) for name, value in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"arch.{name} has {length}" for name, length in lengths.items())
        raise ConfigurationError(f"values per layer must be as many as the layers: {told}; give each one per layer")
    if not lengths:
        return tree
    name, count = next(iter(lengths.items()))
    if "layers" in arch and arch["layers"] != count:
        if "arch.layers" in set_by:
            raise ConfigurationError(
                f"arch.{name} has {count} values and arch.layers={arch['layers']}: give one value per layer, or one for all"
            )
        arch = {**arch, "layers": count}
    # The same network has one way to be written: equal values are one value.
    equal = {name: value[0] for name, value in lists.items() if len(set(value)) == 1}
    return {**tree, "arch": {**arch, **equal}}


def heads(tree: dict[str, Any]) -> dict[str, Any]:
    """A transformer's embeddings are divided among its attention heads."""
    arch = tree["arch"]
    size, count = arch.get("embedding"), arch.get("heads")
    if size is not None and count is not None and size % count:
        raise ConfigurationError(f"arch.embedding={size} can't be divided among arch.heads={count}: choose a multiple of it")
    return tree


def limits(tree: dict[str, Any], set_by: Mapping[str, str]) -> dict[str, Any]:
    """Training ends after its epochs or its seconds: seconds alone, where only they were asked for."""
    train = tree["train"]
    if train.get("seconds") is not None and "train.epochs" not in set_by:
        train = {**train, "epochs": None}
    if train.get("seconds") is None and train.get("epochs") is None:
        raise ConfigurationError("training would never end: set train.epochs or train.seconds")
    return {**tree, "train": train}


def nothing_missing(tree: Mapping[str, Any]) -> None:
    """No `???` is left over. Raises ConfigurationError with the keys."""
    missing = sorted(key for key, value in leaves(tree) if value == LEFT_OVER or (isinstance(value, list) and LEFT_OVER in value))
    if missing:
        raise ConfigurationError(f"{missing[0]} is not set ({LEFT_OVER}): add {' '.join(f'{key}=VALUE' for key in missing)}")


def names(values: Mapping[str, Any]) -> None:
    """The framework's name can be part of a folder's name. Raises ConfigurationError."""
    name = values["framework"].get("name")
    allowed = isinstance(name, str) and name.replace("_", "").replace("-", "").isalnum() and name.isascii()
    if not allowed or "__" in name or len(name) > LONGEST_NAME or name[0] in "_-":
        raise ConfigurationError(
            f"framework.name={name!r}: a framework's name has letters, digits, - and single _ only, at most {LONGEST_NAME}"
        )
