"""What the logs of many frameworks have in common."""

import re

from daisy.framework.contract import Adapter

COUNT = r"(\d{1,12})"
"""A number of epochs or updates: longer ones are no counts, and Python refuses to read the longest."""
OUT_OF_MEMORY = re.compile(
    r"[Oo]ut of memory|can't allocate memory|MemoryError|bad_alloc|Failed to allocate|ResourceExhaustedError|OOM when allocating"
)
FULL_DISK = re.compile(r"No space left on device|Disk quota exceeded|\b(ENOSPC|EDQUOT)\b")


def machine_hint(log: str) -> str | None:
    """What an error means that any program can have: no memory, no space. None for any other."""
    if FULL_DISK.search(log):
        return "the disk is full, or your part of it: free space, then resume the model"
    if OUT_OF_MEMORY.search(log):
        return "out of memory: a smaller train.batch_size or a smaller network is the first thing to try"
    return None


def explained(adapter: Adapter, log: str) -> str | None:
    """What the end of a log means, to the adapter or else to anybody."""
    return adapter.hint(log) or machine_hint(log)


def common_hint(log: str, framework: str, set_up: bool = True) -> str | None:
    """What an error means that every framework can have: as `machine_hint`, and a package that is not there.

    `set_up` says whether `daisy setup` makes the framework's Python.
    """
    if (hint := machine_hint(log)) is not None:
        return hint
    if "No module named" in log or "cannot open shared object file" in log:
        way_out = (
            f"`daisy setup {framework}` makes one that has all" if set_up else f"install it there, or set env.python.{framework}"
        )
        return f"the Python that runs {framework} lacks a package: {way_out}"
    return None
