"""How a sweep has ended."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from daisy.cli.screen import console
from daisy.folder import SweepFolder
from daisy.launch.course import Ended
from daisy.monitor.words import near, percent

WELL = ("done", "pruned", "elsewhere")


def exit_code(sweep: SweepFolder, ended: Sequence[Ended]) -> int:
    """0 where all models have ended well and none waits."""
    return 0 if all(model.state in WELL for model in ended) and not sweep.waiting() else 1


def tell_end(sweep: SweepFolder, ended: Sequence[Ended], typed: str = "") -> None:
    """How a sweep ended, and what to type next; `typed` is what verbs need to find it (` --env NAME`)."""
    out, waiting = console(), sweep.waiting()
    counts = Counter(model.state for model in ended)
    told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "nothing was trained"
    best = max((model for model in ended if model.accuracy is not None), key=lambda model: model.accuracy or 0.0, default=None)
    out.print(Text(f"{sweep.sweep_id}: {told}{f', {waiting} waiting' if waiting else ''}", style="bold"), soft_wrap=True)
    if best is not None and best.folder is not None and best.accuracy is not None:
        out.print(Text.assemble(("  best        ", "dim"), f"{percent(best.accuracy)} {best.folder.model_id}"), soft_wrap=True)
    out.print(Text.assemble(("  folder      ", "dim"), near(sweep.path)), soft_wrap=True)
    following = f"daisy resume {sweep.sweep_id}{typed}" if waiting else f"daisy list{typed}"
    out.print(Text.assemble(("  next        ", "dim"), following), soft_wrap=True)
