"""A search of trials of unequal lengths on four slots: Daisy beside the stock stack, which waits for each batch.

    make bench-sweep                                        # local slots, then a real Slurm: some 25 minutes
    make bench-sweep PARTS=local MEDIAN=5 SEEDS="1 2 3"

The stock stack is hydra-core 1.3, hydra-optuna-sweeper 1.3.0 and hydra-submitit-launcher 1.2.0 in a virtual environment of its
own, with as many jobs a batch as there are slots. The i-th trial that begins sleeps the i-th length in both. A wall time is from
the command to the moment at which all is over, after one trial each that does not count. The Slurm is brought up for it, which
needs root and the packages of tests/slurm/cluster.py. No bar is checked here.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from launch import why_not
from launching.project import Cluster, ClusterError, load, table
from sweeping.daisys import Daisys
from sweeping.lengths import SIGMA, Ran, batched, drawn, listed, spread
from sweeping.stock import Stock

PARTS = ("local", "slurm")
SLOTS = 4
PORT = 23_100
COLUMNS = (
    "seed", "stack", "wall s", "slots' time used", "speed-up", "first begin to last end s", "used", "most at once",
    "end to next begin s: median, highest", "machine",
)  # fmt: skip


def main() -> None:
    """The command line."""
    flags = argparse.ArgumentParser()
    flags.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; both where none is named")
    flags.add_argument("--stock", type=Path, required=True, help="the virtual environment of the stock stack")
    flags.add_argument("--trials", type=int, default=40)
    flags.add_argument("--median", type=float, default=20.0, help="seconds of a trial; models take hours")
    flags.add_argument("--seeds", type=int, nargs="+", default=[1], help="of the lengths; a search each")
    flags.add_argument("--port", type=int, default=PORT, help="of Slurm's controller; the next twenty are used too")
    asked = flags.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        flags.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    python = (asked.stock / "bin" / "python").absolute()
    if not python.exists():
        sys.exit(f"there is no stock stack in {asked.stock}: make bench-sweep")
    parts = asked.parts or PARTS
    if "slurm" in parts and (reason := why_not()) is not None:
        sys.exit(f"nothing was measured: {reason}; or PARTS=local")
    folder = Path(tempfile.mkdtemp(prefix="daisy-bench-"))  # a socket's path has at most 107 characters
    try:
        for part in parts:
            cluster = Cluster(folder / "slurm", cpus=32, port=asked.port) if part == "slurm" else None
            try:
                if cluster is not None:
                    cluster.up()
                measure(folder / part, python, cluster, [drawn(asked.trials, asked.median, seed) for seed in asked.seeds], asked)
            finally:
                if cluster is not None:
                    cluster.down()
        print(f"\n{load()} at the end")
    except ClusterError as error:
        sys.exit(f"{error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(
    folder: Path, python: Path, cluster: Cluster | None, lists: Sequence[Sequence[float]], asked: argparse.Namespace
) -> None:
    """Print the table of one part. The two stacks run one after the other."""
    where = "a real Slurm (array_parallelism 4; stock: submitit_slurm)" if cluster else "four local slots (stock: submitit_local)"
    drawn_as = f"lognormal, median {asked.median:g} s, sigma {SIGMA}"
    print(f"\n{asked.trials} trials ({drawn_as}) on {where}\n", flush=True)
    stacks: dict[str, Stock | Daisys] = {
        "stock": Stock(folder / "stock", python, dict(cluster.environment) if cluster is not None else {}, SLOTS),
        "daisy": Daisys(folder / "daisy", cluster, SLOTS),
    }
    for stack in stacks.values():
        stack.make()
    rows, ratios, bounds = list[list[str]](), list[float](), list[float]()
    for seed, lengths in zip(asked.seeds, lists, strict=True):
        ran = {name: stack.search(f"seed-{seed}", lengths) for name, stack in stacks.items()}
        best, batches = listed(lengths, SLOTS), batched(lengths, SLOTS)
        rows += [_bound(seed, "batches, without any loss", batches, batches, lengths), _row(seed, "stock", ran, lengths)]
        rows += [_row(seed, "daisy", ran, lengths), _bound(seed, "list scheduling's bound", best, batches, lengths)]
        ratios.append(ran["stock"].wall / ran["daisy"].wall)
        bounds.append(batches / best)
        print(f"seed {seed}: median {statistics.median(lengths):.1f} s, sum {sum(lengths):.0f} s", flush=True)
    print()
    table(COLUMNS, rows)
    told = f"{statistics.fmean(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"
    print(f"\nspeed-up over the stock stack: {told}; without any loss in either: {statistics.fmean(bounds):.2f}", flush=True)


def _row(seed: int, name: str, ran: dict[str, Ran], lengths: Sequence[float]) -> list[str]:
    own = ran[name]
    return [
        str(seed), name, f"{own.wall:.1f}", _used(lengths, own.wall), f"{ran['stock'].wall / own.wall:.2f}", f"{own.trials:.1f}",
        _used(lengths, own.trials), str(own.most_at_once), spread(own.gaps(SLOTS)), own.load,
    ]  # fmt: skip


def _bound(seed: int, name: str, wall: float, batches: float, lengths: Sequence[float]) -> list[str]:
    return [
        str(seed), name, f"{wall:.1f}", _used(lengths, wall), f"{batches / wall:.2f}", f"{wall:.1f}", _used(lengths, wall),
        "", "", "calculated",
    ]  # fmt: skip


def _used(lengths: Sequence[float], wall: float) -> str:
    return f"{sum(lengths) / (SLOTS * wall):.1%}"


if __name__ == "__main__":
    main()
