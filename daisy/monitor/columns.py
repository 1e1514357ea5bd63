"""Aligned columns: as many as fit the screen. Much quicker than a full table layout, which four hundred rows need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = "  "


@dataclass(frozen=True)
class Cell:
    """A text and its style."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One column. Where the screen is too narrow those with the highest `rank` are left out first; rank 0 always stays."""

    name: str
    cells: Sequence[Cell]
    rank: int = 0
    right: bool = False

    @property
    def width(self) -> int:
        """In terminal cells."""
        return max([cell_len(self.name), *(cell_len(cell.text) for cell in self.cells)])


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit into a width."""
    kept = list(columns)
    while sum(column.width + len(GAP) for column in kept) - len(GAP) > width and any(column.rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def lines(columns: Sequence[Column], width: int) -> Iterator[Text]:
    """The header, a rule, and a line for each row; a line that is still too long is cut."""
    kept = fitting(columns, width)
    widths = [column.width for column in kept]
    yield _line([(column, Cell(column.name, "bold")) for column in kept], widths, width)
    yield Text("─" * min(width, sum(widths) + len(GAP) * (len(kept) - 1)), style="dim")
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
