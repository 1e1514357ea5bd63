"""How many threads the numeric libraries of a framework start: as many as the place to run has processors."""

import os
from collections.abc import Mapping

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
LIMITED = "DAISY_LIMITED_THREADS"  # the names that Daisy has set, and nobody else: they are not handed on to other jobs


def threads(count: int) -> Mapping[str, str]:
    """The environment that asks for so many; what is set already stays."""
    return {name: os.environ.get(name, str(count)) for name in THREADS}


def limit_threads(count: str | None) -> None:
    """Ask for so many in this process and its children, where the number is known."""
    if count is not None and count.isdigit() and int(count):
        os.environ[LIMITED] = " ".join(name for name in THREADS if name not in os.environ)
        os.environ.update(threads(int(count)))
