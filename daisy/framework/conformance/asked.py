"""Checks of what an adapter answers to configurations: its commands, the dataset's form, its refusals."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from daisy.configuration import to_json
from daisy.errors import ConfigurationError
from daisy.framework.check import check_adapter
from daisy.framework.conformance.subject import PREDICTIONS, WEIGHTS, Answers, Case, Subject, answers, asked_for, clear
from daisy.framework.conformance.touch import watched
from daisy.framework.conformance.variations import keys_of, variations
from daisy.framework.contract import Adapter, Command, Setup
from daisy.framework.description import Description

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "csh", "fish")
VERSION = re.compile(r"\d+\.\d+")
PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])?\s*(==|@)\s*\S+")
JUNK = ("", "loss", "epoch 1 step 2/3 loss nan", "Traceback (most recent call last):", "\ufffd" * 20)


def setup(subject: Subject) -> Iterator[str]:
    """It says how its Python is made, with pinned packages, and how its version is found."""
    adapter, companion = subject.adapter(), subject.file.companion
    described = adapter.describe(subject.paths)
    if isinstance(described, Command):
        yield from _wrong_words("describe", {"describe": _plain(described)})
    elif not (isinstance(described, Description) and isinstance(described.version, str) and described.version):
        yield f"describe gives {described!r}: give a Description with a version, or the Command that prints one"
    wanted = adapter.setup(companion)
    if wanted is not None:
        yield from _wrong_setup(wanted)


def _wrong_setup(wanted: Setup) -> Iterator[str]:
    if not wanted.python or not all(isinstance(version, str) and VERSION.fullmatch(version) for version in wanted.python):
        yield f'setup.python is {wanted.python!r}: name versions of Python, the best first: ("3.11", "3.10")'
    if not wanted.requirements.is_file():
        yield f"setup.requirements: there is no file {wanted.requirements}"
        return
    lines = [line.split("#")[0].strip() for line in wanted.requirements.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line and not line.startswith("-") and not PINNED.match(line):
            yield f"{wanted.requirements.name}: {line} is not pinned: write {line.split('>')[0].split('<')[0].strip()}==VERSION"


def default(subject: Subject) -> Iterator[str]:
    """framework=NAME alone can be trained."""
    case = subject.cases[0]
    refused = _refusal(subject, case)
    if refused:
        yaml = f"conf/framework/{subject.file.name}.yaml"
        yield f"{case.name} is refused ({refused}): let {yaml} choose an architecture that it has"


def commands(subject: Subject) -> Iterator[str]:
    """Commands are argument lists of texts that name what they must, without a shell, and the same each time."""
    for case in subject.cases:
        adapter = subject.adapter()
        first = answers(adapter, case.configuration, subject.paths)
        if first.refused is not None:
            continue
        named = ("train", "resume", "predict", "attention weights")
        yield from _wrong_words(case.name, {name: first.said[name] for name in named if name in first.said})
        if first.said["form"] is not None:
            forms = first.said["form"]["commands"]
            yield from _wrong_words(case.name, {f"form command {number}": one for number, one in enumerate(forms, 1)})
        yield from _nothing_named(case.name, first.said, subject)
        for told, other in (("asked again", adapter), ("loaded anew", subject.adapter())):
            again = answers(other, case.configuration, subject.paths)
            if again.said != first.said:
                yield f"{case.name}: {told}, {_difference(first.said, again.said)}: the same question has one answer"


def _wrong_words(case: str, said: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, command in said.items():
        words, variables = command["arguments"], command["environment"]
        if not words:
            yield f"{case}: the {name} command is empty"
            continue
        if Path(str(words[0])).name in SHELLS:
            yield f"{case}: the {name} command goes through a shell ({words[0]}): give the program and its arguments"
        for word in (*words, *variables, *variables.values()):
            if not isinstance(word, str):
                yield f"{case}: {word!r} in the {name} command is no text: Command.of makes texts of its arguments"
            elif "\0" in word:
                yield f"{case}: {word!r} in the {name} command has a NUL byte"
        if "None" in words:
            yield f"{case}: the {name} command has the word None: leave the option out where its value is null"


def _nothing_named(case: str, said: Mapping[str, Any], subject: Subject) -> Iterator[str]:
    paths = subject.paths
    given = {"source": paths.canonical("dev", "source"), "output": paths.model_out / PREDICTIONS}
    wanted = {
        "train": {"paths.model_out": paths.model_out},
        "predict": given,
        "attention weights": {**given, "weights": paths.model_out / WEIGHTS},
    }
    for name, places in wanted.items():
        if name not in said:
            continue
        text = json.dumps(said[name], ensure_ascii=False)
        for place, path in places.items():
            works_there = place == "paths.model_out" and said[name]["folder"] is None  # commands run in model_out
            if not works_there and path.name not in text:
                yield f"{case}: the {name} command does not name {place}"


def supports(subject: Subject) -> Iterator[str]:
    """The encoders and the attention that it says it has are those that it does not refuse."""
    adapter = subject.adapter()
    for case in subject.cases[1:]:
        encoder = str(case.configuration.value("arch.encoder"))
        refused = _refusal(subject, case)
        if refused and encoder in adapter.encoders:
            yield f"encoders has {encoder}, and {case.name} is refused: {refused}"
        if not refused and encoder not in adapter.encoders:
            yield f"{case.name} can be trained, and encoders does not have {encoder}"


def keys(subject: Subject) -> Iterator[str]:
    """Each key either changes a command, or is refused, or is not read (and refused where it is set)."""
    for case in subject.cases:
        adapter = subject.adapter()
        if _refusal(subject, case):
            continue
        base = answers(adapter, case.configuration, subject.paths)
        for key in keys_of(case.configuration):
            yield from _wrong_key(subject, adapter, case, base, key)


def _wrong_key(subject: Subject, adapter: Adapter, case: Case, base: Answers, key: str) -> Iterator[str]:
    heeded, last = False, None
    for override, configuration in variations(case.configuration, key):
        try:
            last = answers(adapter, configuration, subject.paths)
        except Exception as error:
            yield f"{case.name} {override}: {subject.raised(error)}"
            return
        if last.refused is not None:
            heeded = True
            if key.rsplit(".", 1)[-1] not in last.refused:
                yield f"{case.name} {override} is refused without a word of {key} ({last.refused}): name it and the way out"
        elif last.said != base.said:
            heeded = True
            if last.said["written"] != base.said["written"] and last.said["form"] == base.said["form"]:
                yield f"{case.name} {override}: write_form writes something else, and Form.key is the same: put it there"
    if last is not None and key in last.read and not heeded:
        yield f"{case.name}: {key} is read, and changes nothing: use it, or leave it unread (then it is refused)"


def form(subject: Subject) -> Iterator[str]:
    """The form has a key that JSON can keep, and write_form writes the same each time."""
    for case in subject.cases:
        said = answers(subject.adapter(), case.configuration, subject.paths).said
        if not said or said["form"] is None:
            continue
        try:
            json.dumps(said["form"]["key"])
        except (TypeError, ValueError) as error:
            yield f"{case.name}: Form.key can't be kept as JSON ({error})"
        if not said["written"] and not said["form"]["commands"]:
            yield f"{case.name}: form is not None, and neither write_form nor a command makes anything"


def purity(subject: Subject) -> Iterator[str]:
    """It runs nothing, asks nobody, prints nothing, changes nothing, and touches only the folders that it is given."""
    paths = subject.paths
    given = (subject.folder, subject.file.companion, subject.file.path)
    compiled = subject.file.path.parent / "__pycache__"  # Python's own, where the adapter is loaded
    for case in subject.cases:
        configuration = case.configuration
        clear(paths)
        with watched(given, (paths.form, compiled)) as touched:
            asked_for(subject.adapter(), configuration, paths)
        yield from touched.told
        if to_json(configuration) != to_json(case.original):
            yield f"{case.name}: it changes the configuration that it is asked about"
    adapter = subject.adapter()
    questions: list[Callable[[], object]] = [
        *(partial(ask, text) for ask in (adapter.read_line, adapter.hint, adapter.read_predictions) for text in JUNK),
        *(partial(ask, paths) for ask in (adapter.best_checkpoint, adapter.resume_checkpoint, adapter.describe)),
        partial(adapter.epoch_checkpoint, paths, 1),
        partial(adapter.setup, subject.file.companion),
    ]
    with watched(given) as touched:
        for question in questions:
            with contextlib.suppress(Exception):  # what raises is found by other checks
                question()
    yield from touched.told


def _refusal(subject: Subject, case: Case) -> str | None:
    """Why Daisy would not train this case; None where it would."""
    try:
        check_adapter(subject.adapter(), case.configuration, subject.file.companion)
    except ConfigurationError as refusal:
        return str(refusal)
    return None


def _plain(command: Command) -> dict[str, Any]:
    return {"arguments": list(command.arguments), "environment": dict(command.environment)}


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first part of two answers that differs."""
    part = next((name for name in one if one[name] != other.get(name)), "refusal")
    return f"its {part} command is another one" if part not in ("form", "written") else f"its {part} is another one"
