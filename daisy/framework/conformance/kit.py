"""All checks, one after the other, and what came of each."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy.framework import lookup
from daisy.framework.conformance import asked, commands, elsewhere, left, read
from daisy.framework.conformance.finding import Finding, WrongAnswer, told
from daisy.framework.conformance.subject import Subject

MOST = 5  # findings of one check that are told
NO_LOG = "no log: train a model, or give one with --log"
NO_MODEL = "no model_out: train a model, or give one with --model-out"


@dataclass(frozen=True)
class Check:
    """One thing that the contract asks for; the docstring of `findings` says what, in a line."""

    name: str
    findings: Callable[[Subject], Iterator[Finding]]
    needs: str | None = None

    @property
    def asks(self) -> str:
        """What is checked, in words."""
        return (self.findings.__doc__ or "").split("\n")[0].rstrip(".")


@dataclass(frozen=True)
class Verdict:
    """What came of one check: nothing, findings, or why it could not be made."""

    check: Check
    findings: tuple[str, ...] = ()
    not_made: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was found; one that could not be made found nothing."""
        return not self.findings


CHECKS = (
    Check("setup", asked.setup),
    Check("default", asked.default),
    Check("commands", commands.commands),
    Check("supports", asked.supports),
    Check("keys", asked.keys),
    Check("form", asked.form),
    Check("purity", asked.purity),
    Check("elsewhere", elsewhere.elsewhere),
    Check("log", read.log, NO_LOG),
    Check("measures", read.measures),
    Check("any line", read.any_line),
    Check("cut lines", read.cut_lines, NO_LOG),
    Check("not a number", read.not_a_number, NO_LOG),
    Check("line ends", read.line_ends, NO_LOG),
    Check("broken text", read.broken_text, NO_LOG),
    Check("other versions", read.other_versions, NO_LOG),
    Check("nothing there", left.nothing_there),
    Check("checkpoints", left.checkpoints, NO_MODEL),
    Check("interrupted", left.interrupted, NO_MODEL),
    Check("predictions", left.predictions),
    Check("hints", left.hints),
)


def examine(subject: Subject, checks: Sequence[Check] = CHECKS) -> Iterator[Verdict]:
    """Each check's verdict, as soon as it is known. Raises FrameworkError where the adapter can't even be loaded."""
    subject.adapter()
    for check in checks:
        if check.needs == NO_LOG and not subject.evidence.logs:
            yield Verdict(check, not_made=NO_LOG)
        elif check.needs == NO_MODEL and subject.evidence.model_out is None:
            yield Verdict(check, not_made=NO_MODEL)
        else:
            yield Verdict(check, _found(check, subject))


def _found(check: Check, subject: Subject) -> tuple[str, ...]:
    """The check's findings, each once; what an answer of the adapter raises ends it and is one."""
    found: list[Finding] = []
    try:
        found.extend(check.findings(subject))  # one by one: what came before an exception counts
    except (Exception, SystemExit) as error:
        found.append(Finding("", _why(error, subject)))
    lines = told(found)
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return (*lines[:MOST], *more)


def _why(error: BaseException, subject: Subject) -> str:
    if isinstance(error, WrongAnswer) or lookup.blamed(error, subject.file) is not None:
        return subject.raised(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return f"its answer can't be looked at ({type(error).__name__}: {error}; {place}): give what the contract names"
