"""The task `files`: a user's own data, described in YAML alone. conf/dataset/_files.yaml explains every key."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daisy.dataset.canonical import SPLITS
from daisy.dataset.settings import MISSING, Settings
from daisy.dataset.splitting import Size, checked_sizes, split
from daisy.dataset.tables import Column, Columns, Reader
from daisy.dataset.task import Content, Example, Place, Task
from daisy.dataset.text import TOKENS
from daisy.errors import DatasetError
from daisy.files import sha256_of

DATA = "data"  # the key of what splits are made from; the other keys with files are called as the splits
TAB = {"\\t": "\t", "tab": "\t"}  # as people write it on a command line


@dataclass(frozen=True)
class Where:
    """Where examples are, as written: one file with columns, or a file of sources and one of targets."""

    key: str
    source: str
    target: str | None  # None: columns of `source`

    def files(self, root: Path) -> list[Path]:
        """The one or two files. Raises DatasetError for one that is not there."""
        names = [self.source] if self.target is None else [self.source, self.target]
        files = [root / Path(name).expanduser() for name in names]
        for file in files:
            if not file.is_file():
                raise DatasetError(
                    f"dataset.{self.key}: there is no file {file}: correct the path (a relative one starts at {root})"
                )
            if not os.access(file, os.R_OK):
                raise DatasetError(f"dataset.{self.key}: {file} can't be read: give yourself the right to")
        return files


@dataclass(frozen=True)
class OwnFiles:
    """A checked definition."""

    settings: Settings
    reader: Reader
    given: tuple[Where, ...]  # a split each
    data: Where | None  # what the other splits are made from
    sizes: Mapping[str, Size]
    split_seed: int
    origin: str | None
    licence: str | None

    def label(self) -> str:
        return self.reader.tokens

    def determinants(self, place: Place) -> dict[str, Any]:
        """The bytes of the files, how they are read, and how they are split."""
        files = {where.key: [sha256_of(file) for file in where.files(place.root)] for where in self._wheres()}
        making = {"sizes": dict(self.sizes), "split_seed": self.split_seed} if self.data else {}
        return {"tokens": self.reader.tokens, "columns": asdict(self.reader.columns), "files": files, **making}

    def content(self, place: Place) -> Content:
        splits = {where.key: self._examples(where, place) for where in self.given}
        if self.data:
            examples = self._examples(self.data, place)
            splits |= split(examples, self.sizes, self.split_seed, self.settings, place.report)
        files = [str(file) for where in self._wheres() for file in where.files(place.root)]
        return Content(splits, self.origin or ", ".join(files), self.licence or "not said")

    def _wheres(self) -> list[Where]:
        return [*self.given, *([self.data] if self.data else [])]

    def _examples(self, where: Where, place: Place) -> list[Example]:
        files = where.files(place.root)
        return self.reader.from_columns(*files) if len(files) == 1 else self.reader.from_pair(*files)


def _recipe(settings: Settings) -> OwnFiles:
    data = _where(settings, DATA)
    given = tuple(where for where in (_where(settings, name) for name in SPLITS) if where)
    to_make = [name for name in SPLITS if name not in {where.key for where in given}]
    _check_choice(settings, data, to_make)
    return OwnFiles(
        settings=settings,
        reader=Reader(settings.choice("tokens", TOKENS), _columns(settings)),
        given=given,
        data=data,
        sizes=checked_sizes(settings, to_make) if data else {},
        split_seed=settings.whole("split_seed", least=0),
        origin=settings.optional_text("origin"),
        licence=settings.optional_text("licence"),
    )


def _check_choice(settings: Settings, data: Where | None, to_make: list[str]) -> None:
    if data and "train" not in to_make:
        raise settings.error("train", "train is made from dataset.data, which is set too: remove one of the two")
    if not data and (missing := [name for name in ("train", "dev") if name in to_make]):
        raise DatasetError(
            f"{settings.name}: dataset.{missing[0]} has no files: name them, or set dataset.data to what is to be split"
        )


def _where(settings: Settings, key: str) -> Where | None:
    """`FILE` is a file with columns, `{source: FILE, target: FILE}` two files."""
    value = settings.values.get(key)
    if value is None:
        return None
    if isinstance(value, str) and value and value != MISSING:
        return Where(key, value, None)
    if isinstance(value, Mapping) and set(value) == {"source", "target"}:
        source, target = value["source"], value["target"]
        if isinstance(source, str) and isinstance(target, str) and source and target:
            return Where(key, source, target)
    raise settings.error(key, "write FILE (with columns) or {source: FILE, target: FILE}")


def _columns(settings: Settings) -> Columns:
    delimiter = settings.text("delimiter")
    delimiter = TAB.get(delimiter, delimiter)
    quote = settings.optional_text("quote")
    if quote is not None and (len(quote) != 1 or len(delimiter) != 1):
        raise settings.error("quote", "quote and delimiter must be one character each: correct them, or set quote to null")
    header = settings.yes_or_no("header")
    source, target = (_column(settings, key, header) for key in ("source_column", "target_column"))
    return Columns(delimiter, quote, header, source, target)


def _column(settings: Settings, key: str, header: bool) -> Column:
    value = settings.values.get(key)
    if isinstance(value, str) and value:
        if not header:
            raise settings.error(key, "a name needs a header: set dataset.header=true, or give the column's number")
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise settings.error(key, "this must be a number from 1, or a name in the header: correct it")
    return value


FILES = Task(
    recipe=_recipe,
    keys=frozenset(
        {DATA, *SPLITS, "tokens", "sizes", "split_seed", "delimiter", "quote", "header"}
        | {"source_column", "target_column", "origin", "licence"}
    ),
    whence=frozenset({DATA, *SPLITS, "origin", "licence"}),
)
