"""How a sweep has ended."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from rich.text import Text

from daisy.cli.screen import console, fact
from daisy.errors import FolderError
from daisy.folder import SweepFolder
from daisy.launch.course import Ended
from daisy.launch.evidence import Cluster
from daisy.monitor.words import near, percent

Fact = tuple[str, str]
WELL = ("done", "pruned", "elsewhere")


def exit_code(sweep: SweepFolder, ended: Sequence[Ended]) -> int:
    """0 where all models have ended well and none waits."""
    return 0 if all(model.state in WELL for model in ended) and not sweep.waiting() else 1


def tell_end(sweep: SweepFolder, ended: Sequence[Ended], typed: str = "") -> None:
    """How a sweep ended, and what to type next; `typed` is what verbs need to find it (` --env NAME`)."""
    out, waiting = console(), sweep.waiting()
    counts = Counter(model.state for model in ended)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "nothing was trained"
    out.print(Text(f"{sweep.sweep_id}: {told}{f', {waiting} waiting' if waiting else ''}", style="bold"), soft_wrap=True)
    for name, text in _best_of_search(sweep) if sweep.is_search else _best(ended):
        fact(out, name, text)
    fact(out, "folder", near(sweep.path))
    shown_by = f"daisy sweep {sweep.sweep_id}" if "named" in sweep.info() else "daisy list"
    fact(out, "next", (f"daisy resume {sweep.sweep_id}" if waiting else shown_by) + typed)


def _best(ended: Sequence[Ended]) -> Iterator[Fact]:
    best = max((model for model in ended if model.accuracy is not None), key=lambda model: model.accuracy or 0.0, default=None)
    if best is not None and best.folder is not None and best.accuracy is not None:
        yield "best", f"{percent(best.accuracy)} {best.folder.model_id}"


def _best_of_search(sweep: SweepFolder) -> Iterator[Fact]:
    """By its own goals, and of all its trials: it may have gone on."""
    from daisy.monitor.search_words import heading, the_best
    from daisy.monitor.searching import see

    with suppress(FolderError):  # what is damaged `daisy sweep` names
        bases = see(sweep, Cluster()).bases
        for base in bases:
            if len(bases) > 1:
                yield "of", heading(base.overrides)
            yield from the_best(base)
