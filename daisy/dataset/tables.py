"""Reading a user's own files: two files with as many lines, or columns of one file."""

import csv
from dataclasses import dataclass
from pathlib import Path

from daisy.dataset.task import Example
from daisy.dataset.text import canonical, lines_of
from daisy.errors import DatasetError

Column = int | str  # a number from 1, or a name in the header


@dataclass(frozen=True)
class Columns:
    """How a line of a file with columns is read."""

    delimiter: str
    quote: str | None
    header: bool
    source: Column
    target: Column


@dataclass(frozen=True)
class Reader:
    """Reads examples in the order of the file. Raises DatasetError that names file and line."""

    tokens: str
    columns: Columns

    def from_pair(self, source_file: Path, target_file: Path) -> list[Example]:
        """Line N of one file belongs to line N of the other."""
        sources, targets = lines_of(source_file), lines_of(target_file)
        if len(sources) != len(targets):
            raise DatasetError(
                f"{source_file} has {len(sources):,} lines and {target_file} has {len(targets):,}: "
                "line N of one must belong to line N of the other; correct the files"
            )
        pairs = enumerate(zip(sources, targets, strict=True), start=1)
        return [
            (self._line(source, f"{source_file}, line {number}"), self._line(target, f"{target_file}, line {number}"))
            for number, (source, target) in pairs
        ]

    def from_columns(self, file: Path) -> list[Example]:
        """Source and target are two columns of each line."""
        lines = enumerate(lines_of(file), start=1)
        rows = [(number, self._cells(line, f"{file}, line {number}")) for number, line in lines]
        header = rows.pop(0)[1] if self.columns.header and rows else None
        source = _index(self.columns.source, "source_column", header, file)
        target = _index(self.columns.target, "target_column", header, file)
        return [
            (self._cell(cells, source, f"{file}, line {number}"), self._cell(cells, target, f"{file}, line {number}"))
            for number, cells in rows
        ]

    def _cells(self, line: str, where: str) -> list[str]:
        if not line:
            raise DatasetError(f"{where}: the line is empty: remove it")
        if self.columns.quote is None:
            return line.split(self.columns.delimiter)
        try:
            return next(csv.reader([line], delimiter=self.columns.delimiter, quotechar=self.columns.quote, strict=True))
        except csv.Error as error:
            raise DatasetError(f"{where}: {error}: cells end on their line; correct it, or set dataset.quote=null") from error

    def _cell(self, cells: list[str], index: int, where: str) -> str:
        if index >= len(cells):
            raise DatasetError(
                f"{where}: there is no column {index + 1}, the line has {len(cells)}: correct the line, "
                "or set dataset.delimiter, dataset.source_column and dataset.target_column"
            )
        return self._line(cells[index], f"{where}, column {index + 1}")

    def _line(self, text: str, where: str) -> str:
        return canonical(text, self.tokens, where)


def _index(column: Column, key: str, header: list[str] | None, file: Path) -> int:
    if isinstance(column, int):
        return column - 1
    if column not in (header or []):
        there = f"its first line has {', '.join(header)}" if header else "it is empty"
        raise DatasetError(f"{file}: there is no column named {column}, {there}: set dataset.{key} to one of these")
    return (header or []).index(column)
