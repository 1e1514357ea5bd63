"""The same look at many folders: by several threads where each look waits for a file system that is far away."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")
Found = TypeVar("Found")
SAMPLE, REST = 20, 500  # looks by one thread to see how long they take, and then by several
SLOW = 0.001  # seconds a look: a local disk takes a tenth of it, and threads would only get into each other's way
THREADS = 16


def each(look: Callable[[Thing], Found], things: Iterable[Thing]) -> Iterator[Found]:
    """What `look` finds of each thing, in their order."""
    rest = iter(things)
    while sample := list(islice(rest, SAMPLE)):
        seconds, found = [], []
        for thing in sample:
            began = time.perf_counter()
            found.append(look(thing))
            seconds.append(time.perf_counter() - began)
        yield from found
        if sorted(seconds)[len(seconds) // 2] > SLOW:  # the median: one hiccup is no slow file system
            yield from _by_threads(look, list(islice(rest, REST)))


def _by_threads(look: Callable[[Thing], Found], things: Iterable[Thing]) -> Iterator[Found]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(look, things)
