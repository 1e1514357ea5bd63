"""Checks of how an adapter reads the log of its framework, on what real runs printed."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from daisy.framework.conformance.subject import Subject
from daisy.framework.contract import Adapter, Progress
from daisy.framework.lines import LineSplitter

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


def log(subject: Subject) -> Iterator[str]:
    """It finds something in its own log, counts epochs from 1, and reads each line by itself."""
    for printed in subject.evidence.logs:
        lines = lines_of(printed)
        adapter = subject.adapter()
        found = [adapter.read_line(line) for line in lines]
        facts = [progress for progress in found if isinstance(progress, Progress)]
        if not any(progress is not None for progress in found):
            yield "it finds nothing in the log: no step, no loss, no end"
            continue
        for line, progress in zip(lines, found, strict=True):
            yield from _wrong_types(line, progress)
        if any(progress.epoch == 0 or progress.saved_epoch == 0 for progress in facts):
            yield "it gives epoch 0: epochs are counted from 1"
        again = [adapter.read_line(line) for line in reversed(lines)][::-1]
        changed = [line for line, one, two in zip(lines, found, again, strict=True) if not _same(one, two)]
        if changed:
            yield f"{_shown(changed[0])}: read in another order it says something else: read_line keeps nothing between lines"


def any_line(subject: Subject) -> Iterator[str]:
    """No line raises, whatever is in it."""
    adapter = subject.adapter()
    for line in GENERIC:
        yield from _tried(subject, adapter, line)


def cut_lines(subject: Subject) -> Iterator[str]:
    """Each line of the log, cut off at every byte, raises nothing."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        data = line.encode("utf-8", "surrogateescape")[:LONGEST]
        for length in range(len(data)):
            yield from _tried(subject, adapter, data[:length].decode("utf-8", "replace"))


def not_a_number(subject: Subject) -> Iterator[str]:
    """A loss of NaN is read as such; no number, however big or odd, raises."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        progress = adapter.read_line(line)
        loss = progress.measures.get("loss") if isinstance(progress, Progress) else None
        spans = [match.span() for match in NUMBER.finditer(line)]
        for start, end in spans:
            for extreme in EXTREMES:
                yield from _tried(subject, adapter, line[:start] + extreme + line[end:])
        if loss is not None and math.isfinite(loss) and not _tells_nan(adapter, line, spans, loss):
            yield f"{_shown(line)}: with nan in the place of the loss it tells no loss, and training would go on for nothing"


def line_ends(subject: Subject) -> Iterator[str]:
    """Lines that end in CRLF, or that a carriage return begins, say the same."""
    adapter = subject.adapter()
    for printed in subject.evidence.logs:
        plain = [progress for line in lines_of(printed) if (progress := adapter.read_line(line)) is not None]
        crlf = printed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        read = [progress for line in lines_of(crlf) if (progress := adapter.read_line(line)) is not None]
        if len(plain) != len(read) or not all(map(_same, plain, read)):
            yield "the log with CRLF at the ends of lines says something else"
    for line in _shapes(subject):
        yield from _tried(subject, adapter, f"{line}\r")
        yield from _tried(subject, adapter, f"{line}\r\n")


def broken_text(subject: Subject) -> Iterator[str]:
    """Bytes that are no UTF-8, in any place of a line, raise nothing."""
    adapter = subject.adapter()
    for line in _shapes(subject):
        data = line.encode("utf-8", "replace")[:LONGEST]
        for place in range(0, len(data) + 1, max(1, len(data) // 50)):
            for broken in (b"\xff", b"\xc3", b"\0", b"\xed\xa0\x80"):
                yield from _tried(subject, adapter, (data[:place] + broken + data[place:]).decode("utf-8", "replace"))


def other_versions(subject: Subject) -> Iterator[str]:
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


def _shapes(subject: Subject) -> list[str]:
    """Some lines of each shape, with those that say something before those that do not."""
    seen: dict[str, int] = {}
    chosen = []
    for printed in subject.evidence.logs:
        for line in lines_of(printed):
            shape = NUMBER.sub("0", line)
            seen[shape] = seen.get(shape, 0) + 1
            if seen[shape] <= LINES_OF_A_SHAPE:
                chosen.append(line)
    return chosen


def _tried(subject: Subject, adapter: Adapter, line: str) -> Iterator[str]:
    try:
        yield from _wrong_types(line, adapter.read_line(line))
    except (Exception, SystemExit) as error:
        yield f"{_shown(line)}: read_line {subject.raised(error)}"


def _wrong_types(line: str, progress: Any) -> Iterator[str]:
    if progress is None:
        return
    if not isinstance(progress, Progress):
        yield f"{_shown(line)}: read_line gives {type(progress).__name__}: give a Progress, or None for nothing"
        return
    for name in COUNTS:
        value = getattr(progress, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            yield f"{_shown(line)}: Progress.{name} is {value!r}: it must be a whole number or None"
    measures = progress.measures
    right = isinstance(measures, Mapping) and all(
        isinstance(name, str) and isinstance(value, (int, float)) and not isinstance(value, bool)
        for name, value in measures.items()
    )
    if not right:
        yield f"{_shown(line)}: Progress.measures is {measures!r}: it must map names to numbers"
    if progress.ended is not None and not isinstance(progress.ended, str):
        yield f"{_shown(line)}: Progress.ended is {progress.ended!r}: it must be a text or None"


def _tells_nan(adapter: Adapter, line: str, spans: list[tuple[int, int]], loss: float) -> bool:
    """Whether NaN in the place of the number that is the loss is read as the loss."""
    places = [(start, end) for start, end in spans if _is(line[start:end], loss)]
    for start, end in places or spans:
        progress = adapter.read_line(f"{line[:start]}nan{line[end:]}")
        if progress is not None and math.isnan(progress.measures.get("loss", 0.0)):
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
