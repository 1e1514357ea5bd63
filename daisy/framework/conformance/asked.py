"""Checks of what an adapter answers to configurations: its set-up, its refusals, the dataset's form, the keys."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from daisy.configuration import to_json
from daisy.errors import ConfigurationError
from daisy.framework.check import check_adapter
from daisy.framework.conformance.commands import wrong_words, wrong_words_of
from daisy.framework.conformance.finding import Finding
from daisy.framework.conformance.subject import Answers, Case, Subject, answers, asked_for, clear, plain
from daisy.framework.conformance.touch import watched
from daisy.framework.conformance.variations import changed, keys_of, per_layer, variations
from daisy.framework.contract import Adapter, Command, Setup
from daisy.framework.description import Description

VERSION = re.compile(r"\d+\.\d+")
PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])?\s*(==|@)\s*\S+")
JUNK = ("", "loss", "epoch 1 step 2/3 loss nan", "Traceback (most recent call last):", "\ufffd" * 20)
ATTENTION = "arch.attention"


def setup(subject: Subject) -> Iterator[Finding]:
    """It says how its Python is made, with pinned packages, and how its version is found."""
    adapter, companion = subject.adapter(), subject.file.companion
    described = adapter.describe(subject.paths)
    if isinstance(described, Command):
        yield from wrong_words_of("describe", "its command", plain("describe", described))
    elif not (isinstance(described, Description) and isinstance(described.version, str) and described.version):
        yield Finding("describe", f"it gives {described!r}: give a Description with a version, or the Command that prints one")
    wanted: object = adapter.setup(companion)
    if isinstance(wanted, Setup):
        yield from _wrong_setup(wanted)
    elif wanted is not None:
        yield Finding("setup", f"it gives {type(wanted).__name__}: give a Setup, or None where Daisy's own Python will do")


def _wrong_setup(wanted: Setup) -> Iterator[Finding]:
    if not _texts(wanted.python) or not wanted.python or not all(map(VERSION.fullmatch, wanted.python)):
        yield Finding("setup.python", f'it is {wanted.python!r}: name versions of Python, the best first: ("3.11", "3.10")')
    for name in ("download", "disk"):
        if isinstance(megabytes := getattr(wanted, name), bool) or not isinstance(megabytes, (int, float)):
            yield Finding(f"setup.{name}", f"it is {megabytes!r}: give megabytes, a number")
    if not isinstance(wanted.requirements, Path):
        yield Finding("setup.requirements", f"it is {wanted.requirements!r}: give the file's Path")
        return
    if not wanted.requirements.is_file():
        yield Finding("setup.requirements", f"there is no file {wanted.requirements}")
        return
    lines = [line.split("#")[0].strip() for line in wanted.requirements.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line and not line.startswith("-") and not PINNED.match(line):
            pinned = f"{line.split('>')[0].split('<')[0].strip()}==VERSION"
            yield Finding(wanted.requirements.name, f"{line} is not pinned: write {pinned}")


def _texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(entry, str) for entry in value)


def default(subject: Subject) -> Iterator[Finding]:
    """framework=NAME alone can be trained."""
    case = subject.cases[0]
    refused = _refusal(subject, case)
    if refused:
        yaml = f"conf/framework/{subject.file.name}.yaml"
        yield Finding(case.name, f"it is refused ({refused}): let {yaml} choose an architecture that it has")


def supports(subject: Subject) -> Iterator[Finding]:
    """The encoders and the attention that it says it has are those that it does not refuse."""
    adapter = subject.adapter()
    if not isinstance(adapter.encoders, (tuple, list)) or not _texts(adapter.encoders):
        yield Finding("encoders", f'it is {adapter.encoders!r}: it must be a tuple of texts: ("conv",)')
        return
    for case in subject.cases[1:]:
        encoder = str(case.configuration.value("arch.encoder"))
        refused = _refusal(subject, case)
        of_the_encoder = refused is not None and ("arch.encoder" in refused or f"architecture={_option(case)}" in refused)
        if of_the_encoder and encoder in adapter.encoders:
            yield Finding(case.name, f"encoders has {encoder}, and it is refused: {refused}")
        if refused is None and encoder not in adapter.encoders:
            yield Finding(case.name, f"it can be trained, and encoders does not have {encoder}")
    yield from _wrong_attention(subject, adapter)


def _option(case: Case) -> str:
    chosen = [word for word in case.original.overrides if word.startswith("architecture=")]
    return chosen[-1].partition("=")[2] if chosen else "?"


def _wrong_attention(subject: Subject, adapter: Adapter) -> Iterator[Finding]:
    """Attention that it does not have is refused or never asked for; attention that it has is not refused everywhere."""
    refused: list[Finding] = []
    taken = False
    for case in subject.cases:
        if ATTENTION not in case.original.flat():
            continue
        found = answers(adapter, changed(case.configuration, {ATTENTION: True}), subject.paths)
        if found.refused is None:
            taken = True
            if not adapter.attention and ATTENTION in found.read:
                yield Finding(
                    case.name, f"attention is False, and {ATTENTION}=true is read and not refused: say attention = True"
                )
        elif ATTENTION in found.refused:
            refused.append(Finding(case.name, f"attention is True, and {ATTENTION}=true is refused: {found.refused}"))
    if adapter.attention and not taken:
        yield from refused


def keys(subject: Subject) -> Iterator[Finding]:
    """Each key either changes a command, or is refused, or is not read (and refused where it is set)."""
    for case in subject.cases:
        adapter = subject.adapter()
        if _refusal(subject, case):
            continue
        base = answers(adapter, case.configuration, subject.paths)
        right = not any(wrong_words("", base.said))
        for key in keys_of(case.configuration):
            yield from _wrong_key(subject, adapter, case, base, key, words=right)
            yield from _wrong_layers(subject, adapter, case, key)


def _wrong_key(subject: Subject, adapter: Adapter, case: Case, base: Answers, key: str, words: bool) -> Iterator[Finding]:
    """What is wrong with other values of a key; their commands' `words` too, where those of the base are right."""
    heeded, last = False, None
    for override, configuration in variations(case.configuration, key):
        where = f"{case.name} {override}"
        try:
            last = answers(adapter, configuration, subject.paths)
        except (Exception, SystemExit) as error:
            yield Finding(where, subject.raised(error))
            return
        if last.refused is not None:
            heeded = True
            yield from _wrong_refusal(where, key, last.refused)
            continue
        if words:
            yield from wrong_words(where, last.said)
        if last.said != base.said:
            heeded = True
            if last.said["written"] != base.said["written"] and last.said["form"] == base.said["form"]:
                yield Finding(where, "write_form writes something else, and Form.key is the same: put it there")
    if last is not None and key in last.read and not heeded:
        yield Finding(case.name, f"{key} is read, and changes nothing: use it, or leave it unread (then it is refused)")


def _wrong_refusal(where: str, key: str, refused: str) -> Iterator[Finding]:
    if key.rsplit(".", 1)[-1] not in refused:
        yield Finding(where, f"it is refused without a word of {key} ({refused}): name it and the way out")


def _wrong_layers(subject: Subject, adapter: Adapter, case: Case, key: str) -> Iterator[Finding]:
    """What is wrong with a list of one value per layer: the second one counts too."""
    said = []
    for override, configuration in per_layer(case.configuration, key):
        where = f"{case.name} {override}"
        try:
            found = answers(adapter, configuration, subject.paths)
        except (Exception, SystemExit) as error:
            yield Finding(where, subject.raised(error))
            return
        if found.refused is not None:
            if "layers" not in found.refused:
                yield from _wrong_refusal(where, key, found.refused)
            return
        if key in found.read:
            said.append((where, found.said))
    if len(said) > 1 and said[0][1] == said[1][1]:
        yield Finding(said[1][0], f"{key} is one value per layer, and that of the second layer changes nothing: use all of them")


def form(subject: Subject) -> Iterator[Finding]:
    """The form has a key that JSON can keep, and something that makes it."""
    for case in subject.cases:
        said = answers(subject.adapter(), case.configuration, subject.paths).said
        if not said or said["form"] is None:
            continue
        try:
            json.dumps(said["form"]["key"])
        except (TypeError, ValueError) as error:
            yield Finding(case.name, f"Form.key can't be kept as JSON ({error})")
        if not said["written"] and not said["form"]["commands"]:
            yield Finding(case.name, "form is not None, and neither write_form nor a command makes anything")


def purity(subject: Subject) -> Iterator[Finding]:
    """It runs nothing, asks nobody, prints nothing, changes nothing, and touches only the folders that it is given."""
    paths = subject.paths
    compiled = subject.file.path.parent / "__pycache__"  # Python's own, where the adapter is loaded
    given = (subject.folder, subject.file.companion, subject.file.path, compiled)
    for case in subject.cases:
        configuration = case.configuration
        clear(paths)
        with watched(given) as touched, contextlib.suppress(Exception):  # what raises is found by other checks
            asked_for(subject.adapter(), configuration, paths)
        yield from (Finding("", told) for told in touched.told)
        if to_json(configuration) != to_json(case.original):
            yield Finding(case.name, "it changes the configuration that it is asked about")
    adapter = subject.adapter()
    questions: list[Callable[[], object]] = [
        *(partial(ask, text) for ask in (adapter.read_line, adapter.hint, adapter.read_predictions) for text in JUNK),
        *(partial(ask, paths) for ask in (adapter.best_checkpoint, adapter.resume_checkpoint, adapter.describe)),
        partial(adapter.epoch_checkpoint, paths, 1),
        partial(adapter.setup, subject.file.companion),
    ]
    with watched(given) as touched:
        for question in questions:
            with contextlib.suppress(Exception):
                question()
    yield from (Finding("", told) for told in touched.told)


def _refusal(subject: Subject, case: Case) -> str | None:
    """Why Daisy would not train this case; None where it would."""
    try:
        check_adapter(subject.adapter(), case.configuration, subject.file.companion)
    except ConfigurationError as refusal:
        return str(refusal)
    return None
