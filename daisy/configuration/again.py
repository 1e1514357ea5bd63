"""A saved configuration as overrides: to train a model like an old one, with a modification."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from daisy.configuration.compose import REFERENCE_GROUPS, chosen_options, chosen_values
from daisy.configuration.keys import KEPT_BY_DAISY, READ_BY_DAISY
from daisy.configuration.model import Configuration, from_json, leaves
from daisy.configuration.overrides import SECTION_OF_GROUP, parse, text_of
from daisy.configuration.project import Project
from daisy.configuration.typed import plain
from daisy.errors import ConfigurationError


def overrides_of(project: Project, saved: Mapping[str, Any], changes: Sequence[str], cwd: Path) -> list[str]:
    """The overrides that compose to the saved configuration with `changes`, whatever conf/ says by now.

    `saved` is the content of a config.json. A group that the changes choose anew starts from that choice; what was set by
    hand in it before stays set where the new choice has the key. A change `~KEY` takes back what the saved configuration
    had set: the key has its default again. Raises ConfigurationError as composing does.
    """
    old, unused = from_json(saved), set(saved.get("unused", ()))
    new = parse(changes, project, cwd)
    chosen_anew = {override.key_or_group for override in new.choices}
    known = project.groups()
    choices = [
        f"{group}={option}"
        for group, option in old.choices.items()
        if group not in chosen_anew and group != "env" and group in known and _matters(group, old, unused)
    ]
    for choice in choices:
        group, _, option = choice.partition("=")
        if option not in known[group]:
            raise ConfigurationError(f"the saved configuration has {choice}, which is no longer in conf/: choose {group}=NAME")
    # What is the default anyway is not chosen: a framework that does not use it would have to refuse it.
    reference = [text_of(override) for override in new.choices if override.key_or_group in REFERENCE_GROUPS]
    reference += [choice for choice in choices if choice.partition("=")[0] in REFERENCE_GROUPS]
    default = chosen_options(project, reference)
    choices = [
        choice for choice in choices if choice in reference or default.get(choice.partition("=")[0]) != choice.partition("=")[2]
    ]
    choices += [text_of(override) for override in new.choices]
    sections_anew = {SECTION_OF_GROUP.get(group, group) for group in chosen_anew}
    carried = _carried(old, unused, sections_anew, dict(leaves(chosen_values(project, choices))))
    changed = {override.key_or_group for override in new.values}
    kept = [f"++{key}={plain(value)}" for key, value in carried.items() if key not in changed]
    taken_back = {override.key_or_group for override in new.values if override.is_delete() and override.key_or_group in carried}
    return [*choices, *kept, *(text_of(override) for override in new.values if override.key_or_group not in taken_back)]


def _matters(group: str, old: Configuration, unused: set[str]) -> bool:
    """Whether the framework used anything of a choice: one that it did not use counts as set if it is made again."""
    section = SECTION_OF_GROUP.get(group, group)
    keys = [key for key in old.flat() if key.startswith(f"{section}.") and key not in (*READ_BY_DAISY, KEPT_BY_DAISY)]
    return group in REFERENCE_GROUPS or not keys or not unused.issuperset(keys)


def _carried(old: Configuration, unused: set[str], sections_anew: set[str], now: Mapping[str, Any]) -> dict[str, Any]:
    """The saved values that the choices alone do not give."""
    carried = {}
    for key, value in old.flat().items():
        if (key in unused and key != KEPT_BY_DAISY) or key == "framework.name":
            continue
        if key.split(".")[0] in sections_anew:
            by_hand = old.set_by.get(key, "").lstrip("+").startswith(f"{key}=")
            if not by_hand or key not in now:
                continue
        if key not in now or now[key] != value:
            carried[key] = value
    return carried
