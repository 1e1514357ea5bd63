"""What the logs of many frameworks have in common."""

import re

COUNT = r"(\d{1,12})"
"""A number of epochs or updates: longer ones are no counts, and Python refuses to read the longest."""
OUT_OF_MEMORY = re.compile(
    r"[Oo]ut of memory|can't allocate memory|MemoryError|bad_alloc|Failed to allocate|ResourceExhaustedError|OOM when allocating"
)


def common_hint(log: str, framework: str, set_up: bool = True) -> str | None:
    """What an error means that every framework can have: no memory, a package that is not there. None for any other.

    `set_up` says whether `daisy setup` makes the framework's Python.
    """
    if OUT_OF_MEMORY.search(log):
        return "out of memory: a smaller train.batch_size or a smaller network is the first thing to try"
    if "No module named" in log or "cannot open shared object file" in log:
        way_out = (
            f"`daisy setup {framework}` makes one that has all" if set_up else f"install it there, or set env.python.{framework}"
        )
        return f"the Python that runs {framework} lacks a package: {way_out}"
    return None
