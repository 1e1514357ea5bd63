"""What a person sees when a model begins and ends."""

import errno
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from daisy.folder import ModelFolder
from daisy.framework.lines import visible
from daisy.monitor.words import duration, near, percent, points

if TYPE_CHECKING:  # a listing needs none of it
    from daisy.job import Observer, Outcome
    from daisy.launch.starting import Already

WIDE = 200  # characters: what is not printed on a terminal is not folded


class Screen(Console):
    """A console that says when its reader has gone away; rich's own would end this process then, and a training with it."""

    def on_broken_pipe(self) -> None:
        """Called by rich where the error was caught."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads the output any more")


def console() -> Console:
    """Where results are printed; no markup is read in them."""
    terminal = sys.stdout.isatty()
    return Screen(markup=False, highlight=False, emoji=False, width=None if terminal else WIDE)


def observer() -> "Observer":
    """One live line on a terminal, plain lines elsewhere."""
    from daisy.monitor.live import LiveLine, PlainLines

    return LiveLine(console()) if sys.stdout.isatty() else PlainLines()


def begin(folder: ModelFolder, attempt: int) -> None:
    """A model begins, or goes on."""
    again = f" (attempt {attempt})" if attempt > 1 else ""
    console().print(Text(f"{folder.model_id}{again}", style="bold"))
    sys.stdout.flush()


def end(folder: ModelFolder, outcome: "Outcome", env: str = "") -> None:
    """How it ended, where everything is, what to do next; `env` is what verbs need to find it (` --env NAME`)."""
    out, result = console(), outcome.result
    if outcome.state == "done":
        _done(out, folder, outcome, env)
        return
    style = {"failed": "bold red", "stopped": "bold yellow", "pruned": "bold dim"}.get(outcome.state, "bold")
    reason = visible(str(result.get("reason", ""))).removeprefix(f"{outcome.state} ")
    out.print(Text.assemble((f"  {outcome.state}", style), f": {reason}"), soft_wrap=True)
    if result.get("hint"):
        fact(out, "hint", str(result["hint"]))
    if outcome.state == "pruned":
        fact(out, "accuracy", percent(result["accuracy"]) if "accuracy" in result else f"none: {result['no_accuracy']}")
    lines = result.get("last_lines", [])
    if lines:
        out.print(Text("  the last lines of run.out:", style="dim"))
        for line in lines:
            out.print(Text(f"    {line}"), soft_wrap=True)
    fact(out, "folder", near(folder.path))
    if outcome.state in ("failed", "stopped"):
        fact(out, "next", f"daisy resume {folder.model_id}{env}")
    elif outcome.state == "pruned":
        fact(out, "next", f"daisy again {folder.model_id}{env}")


def _done(out: Console, folder: ModelFolder, outcome: "Outcome", env: str) -> None:
    result = outcome.result
    low, high = result["accuracy_interval"]
    out.print(
        Text.assemble(
            ("  done", "bold green"),
            f": accuracy {percent(result['accuracy'])} ({percent(low)} to {percent(high)}), "
            f"edit distance {result['edit_distance']:.2f}, in {duration(result['seconds'])}",
        )
    )
    _standing(out, folder)
    fact(out, "folder", near(folder.path))
    fact(out, "predictions", str(folder.predictions().relative_to(folder.path)))
    fact(out, "log", f"{folder.run_out.relative_to(folder.path)} and {folder.job_out.relative_to(folder.path)}")
    fact(out, "next", f"daisy list{env}   daisy show{env} -1   daisy again{env} -1 KEY=VALUE")


def _standing(out: Console, folder: ModelFolder) -> None:
    """How the model compares with the best one for its dataset."""
    from daisy import registry

    table = registry.read(folder.path.parent)
    row = next((row for row in table.rows if row.model_id == folder.model_id), None)
    top = table.best.get((row.dataset_checksum, row.scorer)) if row is not None else None
    if row is None or top is None or top.accuracy is None or row.accuracy is None:
        return
    if top.model_id == row.model_id:
        fact(out, "best", f"this is the best model for {row.dataset} so far")
    else:
        difference = points(row.accuracy - top.accuracy)
        fact(out, "best", f"{percent(top.accuracy)} for {row.dataset}: {top.model_id} ({difference} points)")


def told_already(out: Console, there: "Already") -> None:
    """The same configuration is there already."""
    accuracy = there.folder.read_result().get("accuracy") if there.folder is not None else None
    told = f", accuracy {percent(accuracy)}" if isinstance(accuracy, float) else ""
    told += f" ({there.evidence})" if there.evidence else ""
    once_more = "" if there.state == "pruned" else "; again=true trains it once more"  # its evidence says so
    out.print(Text(there.where, style="bold"))
    fact(out, "already", f"this configuration is {there.state}{told}{once_more}")
    if there.folder is not None:
        fact(out, "folder", near(there.folder.path))


def fact(out: Console, name: str, text: str) -> None:
    """A line with a name and what there is to say."""
    out.print(Text.assemble((f"  {name:<11} ", "dim"), visible(text)), soft_wrap=True)
