"""The best points of a search as a named sweep of its own: a list, to be kept in sweeps/."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daisy.configuration.project import SWEEP
from daisy.configuration.typed import plain
from daisy.sweep.definition import Listed
from daisy.sweep.origin import Origin, says_only_where

OVERRIDE = "override "


@dataclass(frozen=True)
class Kept:
    """A point to be kept: the overrides of its base, and the value of each key."""

    base: Sequence[str]
    point: Mapping[str, Any]


def as_list(origin: Origin, kept: Sequence[Kept], groups: Collection[str], about: str) -> str:
    """The text of a file: what the search's file says beside its definition, and a list with a job for each point.

    `groups` are the keys that choose from groups: of a base that all points share they become the file's own choices. `about`
    is the comment that it begins with.
    """
    import yaml  # type: ignore[import-untyped]

    content = {key: value for key, value in origin.content.items() if key != SWEEP}
    bases = [[text for text in one.base if not says_only_where(text)] for one in kept]
    shared = bases[0] if all(base == bases[0] for base in bases) else []
    choices = {_key(text): text.partition("=")[2].strip("'\"") for text in shared if _key(text) in groups}
    defaults = _with_choices(content.pop("defaults", None), choices)
    jobs = [
        [*(text for text in base if not (shared and _key(text) in choices)), *_typed(one.point, groups)]
        for base, one in zip(bases, kept, strict=True)
    ]
    node: dict[str, Any] = {"kind": Listed.kind, "jobs": [_job(texts) for texts in jobs]}
    if repeat := origin.content[SWEEP].get("repeat"):
        node["repeat"] = repeat
    whole = {**({"defaults": defaults} if defaults else {}), SWEEP: node, **content}
    dumped = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)
    return f"# {' '.join(about.split())}\n{dumped}"


def _typed(point: Mapping[str, Any], groups: Collection[str]) -> list[str]:
    """A point as overrides, the choices from groups first. The space may be another one by now: this is what was trained."""
    chosen = [f"{key}={value}" for key, value in point.items() if key in groups]
    return [*chosen, *(f"{key}={plain(value)}" for key, value in point.items() if key not in groups)]


def _job(texts: Sequence[str]) -> "str | list[str]":
    """One job as people write it, where no text in it has blanks or quotes of its own."""
    return list(texts) if any(mark in text for text in texts for mark in " \t\"'\\") else " ".join(texts)


def _with_choices(defaults: Any, choices: Mapping[str, str]) -> list[Any]:
    """A defaults list with other choices in it."""
    kept = [entry for entry in defaults or () if not (isinstance(entry, dict) and any(_group(key) in choices for key in entry))]
    return [*kept, *({f"{OVERRIDE}/{group}": name} for group, name in choices.items())]


def _group(key: object) -> str:
    return str(key).removeprefix(OVERRIDE).strip().lstrip("/").partition("@")[0]


def _key(text: str) -> str:
    return text.partition("=")[0].lstrip("+~")
