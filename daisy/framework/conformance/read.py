"""Checks of how an adapter reads the log of its framework, on what real runs printed."""

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from daisy.framework.conformance.finding import Finding
from daisy.framework.conformance.subject import Subject
from daisy.framework.contract import Adapter, Progress
from daisy.framework.lines import LineSplitter
from daisy.framework.measure import DIRECTIONS, usual_direction

LINES_OF_A_SHAPE = 3  # of lines that differ in their numbers only
LONGEST = 600  # bytes of a line that are cut one by one
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?")
WORD = re.compile(r"[^\W\d_]+")
EXTREMES = ("nan", "inf", "-inf", "1e999", "-7", "9" * 30, "9" * 5000, "", "1.2.3", "1,2,3", ",", ".", "٣", "²")
GENERIC = (
    "", " ", "\t", "\0", ":", "=", "[", "{", "\\", "%s %d {} {0}", "loss", "loss:", "loss: nan", "loss=inf", "epoch", "epoch: ,",
    "step 0/0", "100%|##########| 3/3", "\x1b[31mred\x1b[0m", "ä\u2028\u200f𝒳", "\ufffd", "x" * 16_384, "9" * 16_384,
    "Traceback (most recent call last):", "KeyboardInterrupt", '{"loss": "nan", "epoch": null}', "<script>", "\u0661\u0662",
)  # fmt: skip
COUNTS = ("epoch", "epochs", "step", "steps", "saved_epoch")
DAISYS_OWN = ("accuracy", "epoch", "step", "seconds", "attempt", "judged")  # what Daisy itself writes beside the measures


def log(subject: Subject) -> Iterator[Finding]:
    """It finds something in its own log, counts epochs from 1, and reads each line by itself."""
    for printed in subject.evidence.logs:
        lines = lines_of(printed)
        adapter = subject.adapter()
        found = [adapter.read_line(line) for line in lines]
        facts = [progress for progress in found if isinstance(progress, Progress)]
        if not any(progress is not None for progress in found):
            yield Finding("", "it finds nothing in the log: no step, no loss, no end")
            continue
        for line, progress in zip(lines, found, strict=True):
            yield from _wrong_types(line, progress)
        if any(progress.epoch == 0 or progress.saved_epoch == 0 for progress in facts):
            yield Finding("", "it gives epoch 0: epochs are counted from 1")
        again = [adapter.read_line(line) for line in reversed(lines)][::-1]
        changed = [line for line, one, two in zip(lines, found, again, strict=True) if not _same(one, two)]
        if changed:
            why = "read in another order it says something else: read_line keeps nothing between lines"
            yield from (Finding(_shown(line), why) for line in changed)


def measures(subject: Subject) -> Iterator[Finding]:
    """The figures that pruning may go by are told in the log of a whole training, and are to go where their names say."""
    adapter = subject.adapter()
    declared: object = adapter.measures
    if not isinstance(declared, Mapping):
        yield Finding("measures", f"is {declared!r}: it must map names of figures to maximize or minimize")
        return
    for name, direction in declared.items():
        usual = usual_direction(name) if isinstance(name, str) else None
        if direction not in DIRECTIONS:
            yield Finding("measures", f"{name} has {direction!r}: say maximize or minimize")
        elif usual not in (None, direction):
            yield Finding("measures", f"{name} is to {direction}, where its name says {usual}: mend one of them")
        if name in DAISYS_OWN:
            yield Finding("measures", f"has {name}, which is Daisy's own word: give it another name")
    found = [progress for printed in subject.evidence.logs for progress in _all_read(adapter, printed)]
    if subject.evidence.went_well or any(progress.ended is not None for progress in found):
        told = {name for progress in found for name in progress.measures}
        for name in declared.keys() - told:
            yield Finding("measures", f"has {name}, which no line of the log tells: take it out, or give a log that tells it")


def any_line(subject: Subject) -> Iterator[Finding]:
    """No line raises, whatever is in it."""
    adapter = subject.adapter()
    for line in GENERIC:
        yield from _tried(subject, adapter, line)


def cut_lines(subject: Subject) -> Iterator[Finding]:
    """Each line of the log, cut off at every byte, raises nothing."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        data = line.encode("utf-8", "surrogateescape")[:LONGEST]
        for length in range(len(data)):
            yield from _tried(subject, adapter, data[:length].decode("utf-8", "replace"))


def not_a_number(subject: Subject) -> Iterator[Finding]:
    """A loss of NaN is read as such; no number, however big or odd, raises."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        progress = adapter.read_line(line)
        loss = _loss(progress)
        spans = [match.span() for match in NUMBER.finditer(line)]
        for start, end in spans:
            for extreme in EXTREMES:
                yield from _tried(subject, adapter, line[:start] + extreme + line[end:])
        if loss is not None and math.isfinite(loss) and not _tells_nan(adapter, line, spans, loss):
            why = "with nan in the place of the loss it tells no loss, and training would go on for nothing"
            yield Finding(_shown(line), why)


def line_ends(subject: Subject) -> Iterator[Finding]:
    """A line says the same with the carriage return that Windows, or a progress bar, leaves at its end."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        yield from _tried(subject, adapter, f"{line}\r\n")
        yield from _tried(subject, adapter, f"{line}\r")
        with contextlib.suppress(Exception):  # told just now
            if not _same(adapter.read_line(line), adapter.read_line(f"{line}\r")):
                yield Finding(_shown(line), "with a carriage return at its end it says something else: strip it")


def broken_text(subject: Subject) -> Iterator[Finding]:
    """Bytes that are no UTF-8, in any place of a line, raise nothing."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        data = line.encode("utf-8", "replace")[:LONGEST]
        for place in range(0, len(data) + 1, max(1, len(data) // 50)):
            for broken in (b"\xff", b"\xc3", b"\0", b"\xed\xa0\x80"):
                yield from _tried(subject, adapter, (data[:place] + broken + data[place:]).decode("utf-8", "replace"))


def other_versions(subject: Subject) -> Iterator[Finding]:
    """Lines as another version of the framework may word them raise nothing."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        for match in WORD.finditer(line[:LONGEST]):
            for other in ("", "unknown", match[0].upper(), f"{match[0]} {match[0]}"):
                yield from _tried(subject, adapter, line[: match.start()] + other + line[match.end() :])


def lines_of(printed: bytes) -> list[str]:
    """The lines as a job gives them to the adapter."""
    splitter = LineSplitter()
    return [*splitter.feed(printed), *splitter.end()]


def _all_read(adapter: Adapter, printed: bytes) -> list[Progress]:
    """What the lines of a log say, as far as it is well-formed: the rest is found by other checks."""
    found: list[Progress] = []
    for line in lines_of(printed):
        with contextlib.suppress(Exception):
            progress: object = adapter.read_line(line)
            if isinstance(progress, Progress) and _are_measures(progress.measures):
                found.append(progress)
    return found


def _shapes(subject: Subject) -> list[str]:
    """Some lines of each shape, in the order of the log."""
    seen: dict[str, int] = {}
    chosen = []
    for printed in subject.evidence.logs:
        for line in lines_of(printed):
            shape = NUMBER.sub("0", line)
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] <= LINES_OF_A_SHAPE:
                chosen.append(line)
    return chosen


def _tried(subject: Subject, adapter: Adapter, line: str) -> Iterator[Finding]:
    try:
        yield from _wrong_types(line, adapter.read_line(line))
    except (Exception, SystemExit) as error:
        yield Finding(_shown(line), f"read_line {subject.raised(error)}")


def _wrong_types(line: str, progress: Any) -> Iterator[Finding]:
    if progress is None:
        return
    if not isinstance(progress, Progress):
        yield Finding(_shown(line), f"read_line gives {type(progress).__name__}: give a Progress, or None for nothing")
        return
    for name in COUNTS:
        value: object = getattr(progress, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            yield _wrong_field(line, name, value, "a whole number or None")
    if progress.seconds is not None and not _is_number(progress.seconds):
        yield _wrong_field(line, "seconds", progress.seconds, "a number or None")
    if not isinstance(progress.epoch_done, bool):
        yield _wrong_field(line, "epoch_done", progress.epoch_done, "True or False")
    if progress.ended is not None and not isinstance(progress.ended, str):
        yield _wrong_field(line, "ended", progress.ended, "a text or None")
    if not _are_measures(progress.measures):
        yield Finding(_shown(line), f"Progress.measures is {progress.measures!r}: it must map names to numbers")
        return
    for name in DAISYS_OWN:
        if name in progress.measures:
            yield Finding(_shown(line), f"{name} is among Progress.measures, and is Daisy's own word: give it another name")


def _wrong_field(line: str, name: str, value: object, wanted: str) -> Finding:
    return Finding(_shown(line), f"Progress.{name} is {type(value).__name__} ({value!r}): it must be {wanted}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_measures(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) and _is_number(entry) for name, entry in value.items())


def _loss(progress: object) -> float | None:
    """The loss that a line told, where it told one."""
    if isinstance(progress, Progress) and _are_measures(progress.measures):
        return progress.measures.get("loss")
    return None


def _tells_nan(adapter: Adapter, line: str, spans: list[tuple[int, int]], loss: float) -> bool:
    """Whether NaN in the place of the number that is the loss is read as the loss."""
    places = [(start, end) for start, end in spans if _is(line[start:end], loss)]
    for start, end in places or spans:
        found = _loss(adapter.read_line(f"{line[:start]}nan{line[end:]}"))
        if found is not None and math.isnan(found):
            return True
    return False


def _is(text: str, number: float) -> bool:
    try:
        return float(text.replace(",", "")) == number
    except ValueError:
        return False


def _same(one: Progress | None, two: Progress | None) -> bool:
    return repr(one) == repr(two)  # NaN equals NaN here


def _shown(line: str) -> str:
    return repr(line if len(line) <= 70 else f"{line[:67]}...")
