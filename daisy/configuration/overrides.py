"""Overrides as people type them: parsed by Hydra, told apart into choices and values, and refused before anything is composed."""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException

from daisy.configuration.keys import KEYS
from daisy.configuration.nearest import did_you_mean
from daisy.configuration.project import Project, at_home
from daisy.errors import ConfigurationError

SECTION_OF_GROUP = {"architecture": "arch"}
PATH_KEYS = ("env.models_dir", "env.data_dir", "env.environments_dir", "env.mirror", "framework.source")
NOT_A_PATH = ("://", "git@")  # in a value that may be a path or an address
IMAGES = ("conda:", "docker:", "apptainer:")  # an env.python that begins so is no path
LONGEST_SHOWN = 200  # characters of an override that can't be read
OPEN_SECTIONS = ("env.python",)  # mappings whose keys are free: no `+` is needed to add one


@dataclass(frozen=True)
class Overrides:
    """The command line's overrides: `choices` of groups, and `values` of keys."""

    choices: tuple[Override, ...]
    values: tuple[Override, ...]

    def texts(self) -> list[str]:
        """All of them as Hydra takes them."""
        return [text_of(override) for override in (*self.choices, *self.values)]


def text_of(override: Override) -> str:
    """An override as it was typed."""
    return str(override.input_line)


def one_line(text: str) -> str:
    """Text as a message shows it: line breaks, control characters and broken UTF-8 are written out."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)


def parse(texts: Sequence[str], project: Project, cwd: Path) -> Overrides:
    """Parse overrides. Raises ConfigurationError for one that can't be read or chooses what is not there."""
    options = project.groups()
    parser = OverridesParser.create()
    choices, values = [], []
    for typed in texts:
        override = _parse_one(parser, typed)
        key, text = override.key_or_group, one_line(typed)
        if key == "hydra" or key.startswith(("hydra.", "hydra/")):
            raise ConfigurationError(
                f"{text}: Daisy decides where models go and how they are launched; set env.models_dir instead of hydra's keys"
            )
        if override.is_sweep_override():
            per_layer = key in KEYS and KEYS[key].per_layer
            way_out = f"give one, or a list in brackets for a value per layer ({key}=[2,4,6])" if per_layer else "give one"
            raise ConfigurationError(f"{text} names several values: {way_out}")
        if override.package is not None:
            raise ConfigurationError(f"{text}: Daisy's groups have one place each; leave out @{override.package}")
        if key in options:
            _check_choice(override, options[key], text)
            choices.append(override)
            continue
        if override.value() == "":
            none = f", or {key}=null for none" if key not in KEYS or KEYS[key].optional else ""
            raise ConfigurationError(f"{text} has no value: write {key}=VALUE{none}")
        values.append(_adapted(parser, override, cwd))
    return Overrides(tuple(choices), tuple(values))


def _parse_one(parser: OverridesParser, text: str) -> Override:
    try:
        return parser.parse_override(text)
    except (HydraException, ValueError):  # ValueError: a number of more digits than Python reads
        way_out = "write KEY=VALUE, with quotes around blanks and special characters: 'KEY=\"a value\"'"
        raise ConfigurationError(f"{text[:LONGEST_SHOWN]!r} is no override that Hydra can read: {way_out}") from None


def _check_choice(override: Override, options: list[str], text: str) -> None:
    group, choice = override.key_or_group, override.value()
    if override.type == OverrideType.DEL:
        raise ConfigurationError(f"{text}: {group} can't be left out; choose another with {group}=NAME")
    if not isinstance(choice, str):
        raise ConfigurationError(
            f"{text}: {group} takes the name of one option ({_some(options)}); single keys are set as {group}.KEY=VALUE"
        )
    if choice not in options:
        near = did_you_mean(choice, options, f"{group}=")
        raise ConfigurationError(one_line(f"there is no {group}={choice}{near}{_some(options)}"))


def _some(options: list[str]) -> str:
    shown = ", ".join(options[:12])
    return f"{shown}, ... ({len(options)} in all)" if len(options) > 12 else shown


def _adapted(parser: OverridesParser, override: Override, cwd: Path) -> Override:
    """Paths typed on a command line start where it was typed; keys of open sections need no `+`."""
    key, value = override.key_or_group, override.value()
    if isinstance(value, str) and "${" in value:
        return parser.parse_override(f"++{text_of(override)}") if _is_open(override) else override
    if key in PATH_KEYS and isinstance(value, str) and not any(mark in value for mark in NOT_A_PATH):
        path = os.path.normpath(cwd / at_home(str(value)))
        return parser.parse_override(f"{key}={_quoted(path)}")
    if _is_open(override) and value is None:
        return parser.parse_override(f"++{key}=null")  # takes back what the env's YAML names
    if _is_open(override):
        path = str(value)
        if "/" in path and not path.startswith(IMAGES):
            path = os.path.normpath(cwd / at_home(path))
        return parser.parse_override(f"++{key}={_quoted(path)}")
    return override


def _is_open(override: Override) -> bool:
    in_section = any(override.key_or_group.startswith(f"{section}.") for section in OPEN_SECTIONS)
    return in_section and override.type == OverrideType.CHANGE


def _quoted(text: str) -> str:
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
    return _quoted(value) if isinstance(value, str) else repr(value)
