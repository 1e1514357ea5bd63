"""`daisy tail MODEL`: the end of a model's log, and what is added to it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from daisy.errors import ModelError
from daisy.folder import ModelFolder, observed_state
from daisy.framework.lines import LineSplitter, visible
from daisy.launch.evidence import Cluster

PAUSE = 0.3  # seconds between two looks
ASK_EVERY = 15.0  # seconds: between two questions to Slurm, where that is needed
BLOCK = 65_536  # bytes
MOST_READ = 64_000_000  # bytes: further back nobody looks with this


def tail(folder: ModelFolder, path: Path, lines: int, follow: bool) -> None:
    """Print the last lines of a file of the model; with `follow` go on until the model has ended.

    Raises ModelError where there is no such file yet.
    """
    for line in _lines(folder, path, lines, follow):
        print(visible(line), flush=True)


def _lines(folder: ModelFolder, path: Path, lines: int, follow: bool) -> Iterator[str]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ModelError(
            f"{folder.model_id} has no {path.name} yet: `daisy show {folder.model_id}` shows how far it is"
        ) from None
    with file:
        splitter = LineSplitter()
        yield from _last(file.fileno(), splitter, lines)
        cluster, asked = Cluster(), time.monotonic()
        while follow:
            if time.monotonic() > asked + ASK_EVERY:
                cluster, asked = Cluster(), time.monotonic()
            ended = observed_state(folder, folder.read_result(), cluster)[0] != "running"
            while data := os.read(file.fileno(), BLOCK):
                yield from splitter.feed(data)
            if ended:
                break
            time.sleep(PAUSE)
        yield from splitter.end()


def _last(descriptor: int, splitter: LineSplitter, lines: int) -> list[str]:
    """The last lines that are whole now; the descriptor stands at the end of what was read."""
    end = os.fstat(descriptor).st_size
    begin, blocks, found = end, [], 0
    while begin and found <= lines and end - begin < MOST_READ:
        size = min(BLOCK, begin)
        begin -= size
        blocks.append(os.pread(descriptor, size, begin))
        found += blocks[-1].count(b"\n")
    os.lseek(descriptor, end, os.SEEK_SET)
    data = b"".join(reversed(blocks))
    if begin:
        data = data.partition(b"\n")[2]
    whole = list(splitter.feed(data))
    return whole[-lines:] if lines else []
