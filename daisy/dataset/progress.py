"""How far a download is, for whoever wants to show it."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress(Protocol):
    """Told of a download, several times a second: what, bytes so far, bytes in all or None where nobody knows."""

    def __call__(self, what: str, received: int, total: int | None) -> None: ...


class DownloadBar:
    """A `Progress` that draws a bar for each download on stderr, and nothing where stderr is not a terminal.

    with DownloadBar() as bar:
        prepare(..., progress=bar)
    """

    def __init__(self) -> None:
        self._bars: RichProgress | None = None
        self._task_of: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def __call__(self, what: str, received: int, total: int | None) -> None:
        if self._bars is None:
            if not sys.stderr.isatty():
                return
            self._bars = _started_bars()
        if what not in self._task_of:
            self._task_of[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._task_of[what], completed=received, total=total)


def _started_bars() -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bars = RichProgress(*columns, console=Console(stderr=True), transient=True)
    bars.start()
    return bars
