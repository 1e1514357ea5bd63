"""All checks, one after the other, and what came of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from daisy.framework import lookup
from daisy.framework.conformance import asked, elsewhere, left, read
from daisy.framework.conformance.subject import Subject

MOST = 5  # findings of one check that are told
NO_LOG = "no log: train a model, or give one with --log"
NO_MODEL = "no model_out: train a model, or give one with --model-out"


@dataclass(frozen=True)
class Check:
    """One thing that the contract asks for; the docstring of `findings` says what, in a line."""

    name: str
    findings: Callable[[Subject], Iterator[str]]
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
    Check("commands", asked.commands),
    Check("supports", asked.supports),
    Check("keys", asked.keys),
    Check("form", asked.form),
    Check("purity", asked.purity),
    Check("elsewhere", elsewhere.elsewhere),
    Check("log", read.log, NO_LOG),
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


def examine(subject: Subject) -> Iterator[Verdict]:
    """Each check's verdict, as soon as it is known. Raises FrameworkError where the adapter can't even be loaded."""
    subject.adapter()
    for check in CHECKS:
        if check.needs == NO_LOG and not subject.evidence.logs:
            yield Verdict(check, not_made=NO_LOG)
        elif check.needs == NO_MODEL and subject.evidence.model_out is None:
            yield Verdict(check, not_made=NO_MODEL)
        else:
            yield Verdict(check, _found(check, subject))


def _found(check: Check, subject: Subject) -> tuple[str, ...]:
    """The check's findings, each once; what the adapter raises ends it and is one."""
    found: dict[str, None] = {}
    try:
        found.update(dict.fromkeys(check.findings(subject)))
    except (Exception, SystemExit) as error:
        if lookup.blamed(error, subject.file) is None:
            raise
        found[subject.raised(error)] = None
    told = list(found)
    more = [f"and {len(told) - MOST} more"] if len(told) > MOST else []
    return (*told[:MOST], *more)
