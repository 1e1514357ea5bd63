"""What differs between two sides as aligned lines: a name, both values, the difference."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text

from daisy.framework.lines import visible
from daisy.monitor.columns import GAP, SHORTEST, Cell, Column
from daisy.monitor.columns import lines as aligned
from daisy.monitor.entries import NOWHERE, Entry, same
from daisy.monitor.words import lasting, percent, points, short

MOST_NAMES = 20
BEFORE = 3  # characters that are shown before the difference of two long values
Row = tuple[Cell, Cell, Cell, Cell]  # name, first, second, difference


@dataclass(frozen=True)
class Note:
    """A sentence below a section's lines, with names below it, a line each."""

    text: str
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """What is told below a title: entries, and notes; `none` is what stands beside the title where nothing differs."""

    title: str
    entries: Sequence[Entry]
    notes: Sequence[Note] = ()
    none: str = "the same"


def side_by_side(sections: Sequence[Section], titles: tuple[str, str], width: int, rule: str) -> Iterator[Text]:
    """All sections below one header, in lines that are no longer than `width`."""
    rows: list[Row] = []
    after: dict[int, list[Text]] = {}  # what stands behind so many rows
    for section in sections:
        if section.title:
            told = "" if section.entries else f": {section.none}"
            after.setdefault(len(rows), []).append(Text.assemble((section.title, "bold"), told))
        rows += map(_row, section.entries)
        after.setdefault(len(rows), []).extend(line for note in section.notes for line in _lines_of(note, width))
    header, beneath, *body = aligned(_columns(rows, titles, width), width, rule)
    if rows:
        yield from (header, beneath)
    yield from after.get(0, ())
    for number, line in enumerate(body, 1):
        yield line
        yield from after.get(number, ())


def _columns(rows: Sequence[Row], titles: tuple[str, str], width: int) -> list[Column]:
    names = Column("", [name for name, _, _, _ in rows])
    differences = Column("difference", [difference for _, _, _, difference in rows])
    compared = [differences] if any(cell.text for cell in differences.cells) else []
    room = width - names.width - sum(column.width + len(GAP) for column in compared)  # for both values
    names = replace(names, shrinks=room < 2 * (SHORTEST + len(GAP)))  # the last that is shortened
    apart = [_apart(first, second, room // 2 - len(GAP)) for _, first, second, _ in rows]
    values = [Column(title, [cells[place] for cells in apart], shrinks=True) for place, title in enumerate(titles)]
    return [names, *values, *compared]


def _apart(first: Cell, second: Cell, room: int) -> tuple[Cell, Cell]:
    """Two values; of long ones that begin alike what is before their difference goes, which would be cut out else."""
    differ = (place for place, (one, other) in enumerate(zip(first.text, second.text, strict=False)) if one != other)
    alike = next(differ, min(len(first.text), len(second.text)))
    if max(len(first.text), len(second.text)) <= room or alike <= BEFORE + 1:
        return first, second
    begin = alike - BEFORE
    return replace(first, text=f"…{first.text[begin:]}"), replace(second, text=f"…{second.text[begin:]}")


def _row(entry: Entry) -> Row:
    first, second = texts(entry)
    return (
        Cell(f"  {one_line(entry.name)}"),
        _value(first, entry.used[0]),
        _value(second, entry.used[1]),
        Cell(_difference(entry)),
    )


def _value(text: str, used: bool) -> Cell:
    return Cell(text) if used or text == "-" else Cell(f"{text} (not used)", "dim")


def one_line(text: str) -> str:
    """Text that can't leave its line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def texts(entry: Entry) -> tuple[str, str]:
    """Both values, as people read them; as exactly as it takes to see that they are two."""
    told = _text(entry.first, entry.kind), _text(entry.second, entry.kind)
    return told if told[0] != told[1] or same(entry.first, entry.second) else (_exact(entry.first), _exact(entry.second))


def _text(value: Any, kind: str) -> str:
    if value is NOWHERE:
        return "none" if kind == "hash" else "-"
    if kind == "share":
        return percent(value)
    if kind == "seconds":
        return lasting(value)
    if kind == "hash":
        return one_line(short(str(value)))
    if kind == "number":
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return plain(value)


def plain(value: Any) -> str:
    """A value of a configuration: a text as it is, unless it would be taken for something else, or for nothing."""
    if isinstance(value, str) and value.isprintable() and value == value.strip() and value not in ("", "-"):
        return one_line(value)
    return _exact(value)


def _exact(value: Any) -> str:
    return "-" if value is NOWHERE else one_line(json.dumps(value, ensure_ascii=False))


def _difference(entry: Entry) -> str:
    difference = entry.difference
    if difference is None:
        return ""
    sign = "-" if difference < 0 else "+"
    if entry.kind == "share":
        return f"{points(difference) if abs(difference) >= 0.0005 else f'{difference * 100:+.4f}'} points"
    if entry.kind == "seconds":
        return f"{sign}{lasting(abs(difference))}"
    return f"{difference:+,}" if isinstance(difference, int) else f"{difference:+.4g}"


def _lines_of(note: Note, width: int) -> Iterator[Text]:
    for line in textwrap.wrap(one_line(note.text), max(20, width - 2), break_on_hyphens=False):
        yield Text(f"  {line}", style="dim")
    for name in note.names[:MOST_NAMES]:
        yield Text(f"    {one_line(name)}")
    if len(note.names) > MOST_NAMES:
        yield Text(f"    and {len(note.names) - MOST_NAMES} more", style="dim")
