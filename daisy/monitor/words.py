"""Figures as people read them."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from daisy.framework.history import SHORT

UNITS = (
    (86_400 * 365, "year"),
    (86_400 * 30, "month"),
    (86_400 * 7, "week"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


def ago(then: float, now: float | None = None) -> str:
    """How long ago a time was: `3 minutes ago`."""
    seconds = (time.time() if now is None else now) - then
    for size, unit in UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now" if seconds >= -60 else "in the future"


def clock(then: float) -> str:
    """A time as this place's clock shows it: `2026-11-22 20:08`."""
    try:
        return datetime.fromtimestamp(then).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "at no time"  # an id that somebody made up


def lasting(seconds: float) -> str:
    """A duration of which tenths of a second are told while it is short: `0.3 s`, `3:05`."""
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def duration(seconds: float) -> str:
    """A duration: `0:42`, `3:05`, `2:03:05`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def percent(share: float) -> str:
    """A fraction as a percentage: `62.1 %`."""
    return f"{share * 100:.1f} %"


def points(difference: float) -> str:
    """A difference of two fractions in percentage points: `-0.8`."""
    return f"{difference * 100:+.1f}"


def near(path: Path) -> str:
    """A path as it is typed here: below the current folder without the way to it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) and path != here else str(path)


def size(count: float) -> str:
    """Bytes: `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def some(names: Sequence[str], most: int) -> str:
    """The first of some names: `a, b and 3 more`."""
    left = len(names) - most
    return ", ".join(names) if left <= 0 else f"{', '.join(names[:most])} and {left} more"


def short(commit: str) -> str:
    """As much of a commit, or of a checksum, as people need."""
    return commit[:SHORT]
