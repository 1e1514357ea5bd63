"""Checks of the commands that an adapter gives: their words, and what they name."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from daisy.framework.conformance.finding import Finding
from daisy.framework.conformance.subject import Subject, answers, asked_in

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "csh", "fish")
NAMED = ("train", "resume", "predict", "attention weights")


def commands(subject: Subject) -> Iterator[Finding]:
    """Commands are argument lists of texts that name what they must, without a shell, and the same each time."""
    for case in subject.cases:
        adapter = subject.adapter()
        first = answers(adapter, case.configuration, subject.paths)
        if first.refused is not None:
            continue
        yield from wrong_words(case.name, first.said)
        yield from _nothing_named(case.name, first.said, subject)
        for told, other in (("asked again", adapter), ("loaded anew", subject.adapter())):
            again = answers(other, case.configuration, subject.paths)
            if again.said != first.said:
                yield Finding(case.name, f"{told}, {_difference(first.said, again.said)}: the same question has one answer")


def wrong_words(where: str, said: Mapping[str, Any]) -> Iterator[Finding]:
    """What no command may have in it, in any of the commands of an answer."""
    for name in NAMED:
        if name in said:
            yield from wrong_words_of(where, f"the {name} command", said[name])
    for number, command in enumerate(said["form"]["commands"] if said.get("form") else (), 1):
        yield from wrong_words_of(where, f"the form command {number}", command)


def wrong_words_of(where: str, name: str, command: Mapping[str, Any]) -> Iterator[Finding]:
    """What no command may have in it."""
    words, variables = command["arguments"], command["environment"]
    if not words:
        yield Finding(where, f"{name} is empty")
        return
    if Path(str(words[0])).name in SHELLS:
        yield Finding(where, f"{name} goes through a shell ({words[0]}): give the program and its arguments")
    for word in (*words, *variables, *variables.values()):
        if not isinstance(word, str):
            yield Finding(where, f"{word!r} in {name} is no text: Command.of makes texts of its arguments")
        elif "\0" in word:
            yield Finding(where, f"{word!r} in {name} has a NUL byte")
    if "None" in words:
        yield Finding(where, f"{name} has the word None: leave the option out where its value is null")


def _nothing_named(case: str, said: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    """Each command has the whole paths that it was asked with; a training those of the dataset, as it is or in its form."""
    paths, asked = subject.paths, asked_in(subject.paths)
    given = {"source": asked.source, "output": asked.output, "checkpoint.path": asked.checkpoint.path}
    wanted = {"predict": given, "attention weights": {**given, "weights": asked.weights}}
    for name, places in wanted.items():
        for place, path in places.items() if name in said else ():
            if not names(said[name], path):
                yield Finding(case, f"the {name} command does not name {place}: what it is asked with ({path.name}) is not in it")
    train = said["train"]
    works_there = train["folder"] in (None, str(paths.model_out))  # commands run in model_out
    if not works_there and not names(train, paths.model_out):
        yield Finding(case, "the train command does not name paths.model_out")
    if not names(train, paths.dataset) and not names(train, paths.form):
        yield Finding(case, "the train command names neither paths.dataset nor paths.form: what would it train with?")


def names(command: Mapping[str, Any], path: Path) -> bool:
    """Whether a whole path is in a command: as a word, within one, in a JSON text, in a variable, as its folder."""
    whole = re.compile(rf"(?<![\w.]){re.escape(str(path))}(?!\w)")
    texts = [*command["arguments"], *command["environment"].values(), command["folder"] or ""]
    return any(whole.search(piece) for text in texts for piece in _pieces(text))


def _pieces(word: Any) -> Iterator[str]:
    """The word, and the texts in it where it, or what it sets, is JSON, which may escape what a path has in it."""
    if not isinstance(word, str):
        return
    yield word
    for text in (word, word.partition("=")[2]):
        if text[:1] in ("{", "[", '"'):
            with contextlib.suppress(ValueError):  # it only looks like JSON
                yield from _leaves(json.loads(text))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _leaves(entry)


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first part of two answers that differs."""
    part = next((name for name in one if one[name] != other.get(name)), "refusal")
    return f"its {part} command is another one" if part not in ("form", "written") else f"its {part} is another one"
