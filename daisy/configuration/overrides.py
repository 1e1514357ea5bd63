"""Overrides as people type them: parsed by Hydra, told apart into choices and values, and refused before anything is composed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType
from hydra.errors import HydraException

from daisy.configuration.keys import KEYS, SLURM_COLLECTIONS
from daisy.configuration.nearest import did_you_mean
from daisy.configuration.offering import check_key, choices, offered, parsed
from daisy.configuration.offers import Offer
from daisy.configuration.project import SWEEP, Project, at_home
from daisy.configuration.typed import MOST_MODELS, one_line, quoted
from daisy.errors import ConfigurationError

SECTION_OF_GROUP = {"architecture": "arch"}
PATH_KEYS = ("env.models_dir", "env.data_dir", "env.environments_dir", "env.mirror", "framework.source")
NOT_A_PATH = ("://", "git@")  # in a value that may be a path or an address
IMAGES = ("conda:", "docker:", "apptainer:")  # an env.python that begins so is no path
LONGEST_SHOWN = 200  # characters of an override that can't be read
PYTHONS = "env.python"
OPEN_SECTIONS = (PYTHONS, "env.slurm.additional_parameters")  # mappings whose keys are free: no `+` is needed to add one


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


def parse(texts: Sequence[str], project: Project, cwd: Path) -> Overrides:
    """Parse overrides. Raises ConfigurationError for one that can't be read or chooses what is not there."""
    return Parser(project, cwd).overrides(texts)


class Parser:
    """Parses the overrides of one command line. A text that many models share is read once: reading takes a quarter of a
    millisecond, and looking which options there are asks the file system.
    """

    def __init__(self, project: Project, cwd: Path) -> None:
        self._project, self._cwd = project, cwd
        self._parser = OverridesParser.create()
        self._known: dict[str, tuple[bool, Override]] = {}

    def overrides(self, texts: Sequence[str]) -> Overrides:
        """The overrides of one configuration. Raises ConfigurationError."""
        read = [self._one(text) for text in texts]
        choices = tuple(override for is_choice, override in read if is_choice)
        return Overrides(choices, tuple(override for is_choice, override in read if not is_choice))

    def expanded(self, texts: Sequence[str]) -> list[list[str]]:
        """The overrides of each model that `-m` asks for: the product of the values that are given for each key.

        The last key's values change fastest, as in Hydra. Raises ConfigurationError.
        """
        values = [self._values_of(text) for text in texts]
        if (count := prod(map(len, values))) > MOST_MODELS:
            raise ConfigurationError(
                f"these are {count:,} models, and at most {MOST_MODELS:,} can be launched at once: give fewer values"
            )
        return [list(chosen) for chosen in product(*values)]

    def for_sweeper(self, text: str) -> Override:
        """An override as a sweeper of somebody else's is given it: what names several values is the sweeper's to understand."""
        override = self._parsed(text)
        if not override.is_sweep_override():
            return self._one(text)[1]
        if override.key_or_group in self.options and override.is_discrete_sweep():
            for value in self._values_of(text):
                self._one(value)
        return override

    def offer(self, key: str, text: str) -> Offer:
        """What a key of a search's space offers, as `text` says it in Hydra's syntax. Raises ConfigurationError."""
        typed = one_line(f"{key}={text}")
        check_key(key, typed)
        override = parsed(key, text, typed)
        if key not in self.options and not isinstance(override.value(), Glob):
            return offered(override, typed)
        options: list[Any] = [self._one(choice)[1].value() for choice in self._values_of(f"{key}={text}")]
        return choices(options, typed)

    @cached_property
    def options(self) -> Mapping[str, list[str]]:
        """The groups, and what can be chosen of each; named sweeps are one, too."""
        return {**self._project.groups(), SWEEP: list(self._project.sweeps())}

    def _one(self, typed: str) -> tuple[bool, Override]:
        """Whether it is a choice of a group, and the override."""
        if typed not in self._known:
            self._known[typed] = self._checked(self._parsed(typed), one_line(typed))
        return self._known[typed]

    def _parsed(self, text: str) -> Override:
        try:
            override = self._parser.parse_override(text)
        except (HydraException, ValueError):  # ValueError: a number of more digits than Python reads
            way_out = "write KEY=VALUE, with quotes around blanks and special characters: 'KEY=\"a value\"'"
            raise ConfigurationError(f"{text[:LONGEST_SHOWN]!r} is no override that Hydra can read: {way_out}") from None
        key = override.key_or_group
        if key == "hydra" or key.startswith(("hydra.", "hydra/")):
            raise ConfigurationError(
                f"{one_line(text)}: Daisy decides where models go and how they are launched; set env.models_dir instead of "
                "hydra's keys"
            )
        return override

    def _checked(self, override: Override, text: str) -> tuple[bool, Override]:
        key = override.key_or_group
        if override.is_sweep_override():
            per_layer = key in KEYS and KEYS[key].per_layer
            in_brackets = f", or a list in brackets for a value per layer ({key}=[2,4,6])" if per_layer else ""
            raise ConfigurationError(f"{text} names several values: give one{in_brackets}; with -m each is a model")
        if override.package is not None:
            raise ConfigurationError(f"{text}: Daisy's groups have one place each; leave out @{override.package}")
        if key in self.options:
            _check_choice(override, self.options[key], text)
            return True, override
        if override.value() == "":
            none = f", or {key}=null for none" if key not in KEYS or KEYS[key].optional else ""
            raise ConfigurationError(f"{text} has no value: write {key}=VALUE{none}")
        return False, _adapted(self._parser, override, self._cwd)

    def _values_of(self, text: str) -> list[str]:
        """An override for each value that is given."""
        override = self._parsed(text)
        if not override.is_sweep_override():
            return [text]
        shown, key = one_line(text), override.get_key_element()
        if isinstance(pattern := override.value(), Glob):
            return [f"{key}={option}" for option in self._matching(override.key_or_group, pattern, shown)]
        if not override.is_discrete_sweep():
            raise ConfigurationError(f"{shown} has no end of values: give some of them (1,2,3), or range(FROM,TO,STEP)")
        try:
            values = list(islice(override.sweep_string_iterator(), MOST_MODELS + 1))
        except (HydraException, ValueError, TypeError, ZeroDivisionError) as error:
            raise ConfigurationError(one_line(f"{shown} gives no values ({error}): write them out (1,2,3)")) from None
        if not values:
            raise ConfigurationError(f"{shown} gives no values: write them out (1,2,3)")
        return [f"{key}={value}" for value in values]

    def _matching(self, group: str, pattern: Glob, text: str) -> list[str]:
        """The options of a group that a glob(...) is meant for."""
        if group not in self.options:
            raise ConfigurationError(f"{text}: glob() chooses among a group's options; groups are {', '.join(self.options)}")
        if not (found := pattern.filter(self.options[group])):
            raise ConfigurationError(f"{text} fits no option: there are {_some(self.options[group])}")
        return sorted(found)


def _check_choice(override: Override, options: list[str], text: str) -> None:
    group, choice = override.key_or_group, override.value()
    if group == SWEEP and not (override.is_add() and options):
        way_out = f"write +{text.lstrip('+~')}" if options else "there is none here, so write one into sweeps/NAME.yaml"
        raise ConfigurationError(f"{text}: a named sweep is added to a configuration: {way_out}")
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
        return parser.parse_override(f"{override.get_key_element()}={quoted(path)}")
    if _is_open(override) and value is None:
        return parser.parse_override(f"++{key}=null")  # takes back what the env's YAML names
    if of_every_env(key) and override.type == OverrideType.CHANGE:
        return parser.parse_override(f"++{text_of(override)}")
    if _is_open(override) and (not key.startswith(PYTHONS) or key == PYTHONS):
        return parser.parse_override(f"++{text_of(override)}")
    if _is_open(override):
        path = str(value)
        if "/" in path and not path.startswith(IMAGES):
            path = os.path.normpath(cwd / at_home(path))
        return parser.parse_override(f"++{key}={quoted(path)}")
    return override


def _is_open(override: Override) -> bool:
    key = override.key_or_group
    whole = key in OPEN_SECTIONS and isinstance(override.value(), dict)
    return override.type == OverrideType.CHANGE and (whole or in_open_section(key))


def in_open_section(key: str) -> bool:
    """Whether a key is one of a mapping whose keys are free."""
    return any(key.startswith(f"{section}.") for section in OPEN_SECTIONS)


def of_every_env(key: str) -> bool:
    """Whether a key is one that each env has, even if its YAML, which may be older, does not name it."""
    return key in SLURM_COLLECTIONS or (key in KEYS and key.startswith("env."))
