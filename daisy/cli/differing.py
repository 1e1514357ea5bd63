"""What `daisy diff` prints, and what `daisy again` says of the code before it trains."""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from daisy.cli.damage import told_of_damage
from daisy.cli.screen import console
from daisy.configuration import Project
from daisy.configuration.project import CODE_PARTS
from daisy.errors import ModelError
from daisy.folder import ModelFolder
from daisy.framework.history import Between, Unknown, between
from daisy.framework.lines import visible
from daisy.monitor.code import Code, History, Recorded, Uncommitted, since
from daisy.monitor.difference import Difference, difference, read
from daisy.monitor.entries import NOWHERE, Entry, same
from daisy.monitor.side_by_side import Note, Section, plain, side_by_side
from daisy.monitor.words import percent, short, some

if TYPE_CHECKING:  # it needs much that a comparison does not
    from daisy.launch.planning import Plan

PARTS = ", ".join(f"{part}/" for part in CODE_PARTS)
AB = ("A", "B")
THEN_NOW = ("then", "now")
MOST_IN_A_LINE = 6  # names


def print_difference(project: Project, first: ModelFolder, second: ModelFolder, as_data: bool) -> None:
    """`daisy diff A B`. Raises ModelError where both are one, FolderError where one is damaged."""
    if first.path == second.path:
        raise ModelError(f"both are {first.model_id}: name two models, `daisy list` shows them")
    with told_of_damage(first):
        one = read(first)
    with told_of_damage(second):
        other = read(second)
    with told_of_damage(first, second):
        found = difference(one, other, _history(project))
    if as_data:
        sys.stdout.write(json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n")
        return
    out = console()
    for letter, model in zip(AB, found.models, strict=True):
        out.print(Text.assemble((f"{letter}  ", "dim"), (visible(model), "bold")), soft_wrap=True)
    _print(out, list(_sections(found)), AB)


def print_since(project: Project, then: ModelFolder, now: "Plan") -> None:
    """What differs since a model was launched, in a short block; nothing where nothing does."""
    recorded = Recorded(then.read_config(), then.read_patches())
    code, data = since(recorded, Recorded(now.content, now.patches), _history(project))
    entries = [*code.entries, *data]
    if entries:
        out = console()
        notes = [*_of_history(code, THEN_NOW, in_a_line=True), *_of_patches(code.uncommitted, THEN_NOW)]
        out.print(Text.assemble("not the same as for ", (visible(then.model_id), "bold"), ":"), soft_wrap=True)
        _print(out, [Section("", entries, notes)], THEN_NOW)


def _history(project: Project) -> History:
    return partial(_between, project)


def _between(project: Project, first: str, second: str) -> Between | Unknown:
    return between(project.root, first, second, *CODE_PARTS)


def _print(out: Console, sections: Sequence[Section], titles: tuple[str, str]) -> None:
    rule = "─" if out.encoding.startswith("utf") else "-"
    for line in side_by_side(sections, titles, out.width, rule):
        out.print(line, no_wrap=True, overflow="ellipsis")
    sys.stdout.flush()


def _sections(found: Difference) -> Iterator[Section]:
    shown = [entry for entry in found.configuration if all(entry.used) or not same(entry.first, entry.second)]
    yield Section("configuration", shown, list(_used_by_one(found.configuration)))
    yield _of_code(found.code)
    yield Section("data", found.data)
    yield Section("env", found.env)
    accuracy = f"the accuracy is the same, {percent(found.accuracy)}" if found.accuracy is not None else ""
    notes = [Note(accuracy)] if accuracy and found.result else []
    if found.not_compared is not None:
        notes.append(Note(f"the accuracies can't be compared: {found.not_compared}"))
    yield Section("result", found.result, notes, none=accuracy or "the same")


def _of_code(code: Code) -> Section:
    notes = [*_of_history(code, AB), *_of_patches(code.uncommitted, AB)]
    if code.commit is None:
        return Section("code", code.entries, notes)
    commit = f"the project's commit is {short(code.commit)}{' with the same patch' if code.patch else ''}"
    if code.entries:
        notes.insert(0, Note(f"{commit} in both"))
    return Section("code", code.entries, notes, none=f"the same ({commit})")


def _used_by_one(entries: Sequence[Entry]) -> Iterator[Note]:
    """The keys that have one value in both, and that only one of them read."""
    for place, letter in enumerate(AB):
        alone = [entry for entry in entries if entry.used[place] and not all(entry.used) and same(entry.first, entry.second)]
        if alone:
            yield Note(f"used by {letter} alone: {', '.join(f'{entry.name}={plain(entry.first)}' for entry in alone)}")


def _of_history(code: Code, titles: tuple[str, str], in_a_line: bool = False) -> Iterator[Note]:
    """How many commits lie between the two, and which files differ."""
    history = code.history
    if isinstance(history, Unknown):
        yield Note(f"what lies between the project's two commits is not known: {history.reason}")
    if not isinstance(history, Between):
        return
    commits = f"the project: {_distance(history, titles)}"
    if not history.files:
        yield Note(f"{commits}; no file below {PARTS} differs")
        return
    count = "1 file differs" if len(history.files) == 1 else f"{len(history.files)} files differ"
    told = f"{commits}; below {PARTS} {count}:"
    yield Note(f"{told} {some(history.files, MOST_IN_A_LINE)}") if in_a_line else Note(told, history.files)


def _distance(history: Between, titles: tuple[str, str]) -> str:
    if history.ahead and history.behind:
        return f"{titles[0]} has {_count(history.behind)} that {titles[1]} has not, {titles[1]} has {_count(history.ahead)}"
    first, second = titles if history.ahead else titles[::-1]
    return f"{_count(history.ahead or history.behind)} from {first} to {second}"


def _count(commits: int) -> str:
    return "1 commit" if commits == 1 else f"{commits} commits"


def _of_patches(patches: Sequence[Uncommitted], titles: tuple[str, str]) -> Iterator[Note]:
    """What was not committed on either side."""
    for uncommitted in patches:
        files = zip(titles, (uncommitted.first, uncommitted.second), strict=True)
        told = "; ".join(f"{title}: {_names(names)}" for title, names in files)
        yield Note(f"not committed (daisy/{uncommitted.patch}) - {told}")


def _names(names: Sequence[str] | None) -> str:
    if names is None:
        return "unknown, there is no patch that tells"
    return some(names, MOST_IN_A_LINE) if names else "nothing"


def as_json(found: Difference) -> dict[str, Any]:
    """The difference for other programs: fractions, seconds, whole hashes; a value that is not there has no key."""
    history = found.code.history
    return {
        "models": list(found.models),
        "configuration": [{**_entry(entry), "used": list(entry.used)} for entry in found.configuration],
        "code": {
            "differs": list(map(_entry, found.code.entries)),
            "commit": found.code.commit,
            "history": {"unknown": history.reason} if isinstance(history, Unknown) else vars(history) if history else None,
            "uncommitted": list(map(vars, found.code.uncommitted)),
        },
        "data": list(map(_entry, found.data)),
        "env": list(map(_entry, found.env)),
        "result": {
            "differs": list(map(_entry, found.result)),
            "not_compared": found.not_compared,
            "accuracy": found.accuracy,
        },
    }


def _entry(entry: Entry) -> dict[str, Any]:
    values = {"first": entry.first, "second": entry.second}
    told = {"name": entry.name, **{name: value for name, value in values.items() if value is not NOWHERE}}
    return told if entry.difference is None else {**told, "difference": entry.difference}
