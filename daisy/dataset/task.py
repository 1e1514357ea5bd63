"""What every task gives: from a definition to examples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from daisy.dataset.once import silent
from daisy.dataset.progress import Progress
from daisy.dataset.settings import Settings

Example = tuple[str, str]  # source, target: canonical lines, tokens separated by single blanks


@dataclass(frozen=True)
class Place:
    """Where a dataset is made, and who is told of it."""

    data_dir: Path
    root: Path  # relative paths in a definition start here
    mirror: str | None = None  # a folder or URL that is asked first
    report: Callable[[str], None] = silent
    progress: Progress | None = None

    @property
    def downloads(self) -> Path:
        return self.data_dir / "downloads"


@dataclass(frozen=True)
class Content:
    """All examples of a dataset. A split that is not there is empty."""

    splits: Mapping[str, list[Example]]
    source: str  # where it is from, for people
    licence: str


class Recipe(Protocol):
    """A checked definition."""

    def label(self) -> str:
        """The readable part of the folder's name: what people choose between, such as `high`."""

    def determinants(self, place: Place) -> dict[str, Any]:
        """All that determines the content, as JSON: equal determinants, equal content. Cheap: asked on every use."""

    def content(self, place: Place) -> Content:
        """The examples. Raises DatasetError."""


@dataclass(frozen=True)
class Task:
    """A kind of dataset."""

    recipe: Callable[[Settings], Recipe]  # checks the definition; raises DatasetError
    keys: frozenset[str]  # every key that its definitions have, beside `task`
    whence: frozenset[str] = field(default=frozenset())  # those that only say where things come from
    shown: Callable[[str], str] | None = None  # a canonical line as people read it, where a source is more than a form
