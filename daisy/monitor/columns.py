"""Aligned columns: as many as fit the screen. Much quicker than a full table layout, which four hundred rows need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = "  "
MATTERS = 5  # the rank from which on columns go before anything is shortened
READABLE = 32  # cells: a shortened id that still tells something
SHORTEST = 12


@dataclass(frozen=True)
class Cell:
    """A text and its style."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One column. Where the screen is too narrow those with the highest `rank` are left out first; rank 0 always stays.

    Before columns that matter (rank up to 4) go, and in the end, what `shrinks` is shortened.
    """

    name: str
    cells: Sequence[Cell]
    rank: int = 0
    right: bool = False
    shrinks: bool = False

    @property
    def width(self) -> int:
        """In terminal cells."""
        return max([cell_len(self.name), *(cell_len(cell.text) for cell in self.cells)])


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit into a width."""
    kept = _without(columns, width, from_rank=MATTERS)
    kept = _shrunk(kept, width, at_least=READABLE)
    kept = _without(kept, width, from_rank=1)
    return _shrunk(kept, width, at_least=SHORTEST)


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width + len(GAP) for column in columns) - len(GAP)


def _without(columns: Sequence[Column], width: int, from_rank: int) -> list[Column]:
    kept = list(columns)
    while _total(kept) > width and any(column.rank >= from_rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def _shrunk(columns: Sequence[Column], width: int, at_least: int) -> list[Column]:
    """With the long cells of columns that shrink cut in their middle: an id's beginning and end tell it from others."""
    over = _total(columns) - width
    if over <= 0:
        return list(columns)
    return [_cut(column, max(at_least, column.width - over)) if column.shrinks else column for column in columns]


def _cut(column: Column, width: int) -> Column:
    def cut(text: str) -> str:
        if cell_len(text) <= width:
            return text
        begin = (width - 1) * 2 // 3
        return f"{text[:begin]}…{text[begin - width + 1 :]}"

    return replace(column, cells=[replace(cell, text=cut(cell.text)) for cell in column.cells])


def lines(columns: Sequence[Column], width: int, rule: str = "─") -> Iterator[Text]:
    """The header, a rule, and a line for each row; a line that is still too long is cut."""
    kept = fitting(columns, width)
    widths = [column.width for column in kept]
    yield _line([(column, Cell(column.name, "bold")) for column in kept], widths, width)
    yield Text(rule * min(width, sum(widths) + len(GAP) * (len(kept) - 1)), style="dim")
    for row in range(len(kept[0].cells)):
        yield _line([(column, column.cells[row]) for column in kept], widths, width)


def _line(cells: Sequence[tuple[Column, Cell]], widths: Sequence[int], most: int) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for place, ((column, cell), width) in enumerate(zip(cells, widths, strict=True)):
        padding = " " * (width - cell_len(cell.text))
        line.append(GAP if place else "")
        line.append(padding if column.right else "")
        line.append(cell.text, cell.style or None)
        line.append("" if column.right else padding)
    line.rstrip()
    if line.cell_len > most:
        line = Text(set_cell_size(line.plain, most - 1) + "…")
    return line
