"""`daisy cancel MODEL|SWEEP`: asks, and does it."""

import sys
from collections.abc import Sequence

from rich.text import Text

from daisy import registry
from daisy.cli.screen import console
from daisy.configuration import Environment
from daisy.errors import ConfigurationError, ModelError
from daisy.folder import find_sweep, is_sweep_id
from daisy.launch.cancelling import Target, cancel, of_model, of_sweep

YES = ("y", "yes")


def cancel_all(env: Environment, wanted: Sequence[str], sure: bool, typed: str) -> int:
    """Cancel models and sweeps; the exit code. Asks before, unless somebody is `sure`."""
    targets = [_target(env, one, typed) for one in wanted]
    target = Target([place for one in targets for place in one.waiting], [model for one in targets for model in one.running])
    if not target.waiting and not target.running:
        raise ModelError(f"nothing of {', '.join(wanted)} waits or runs; `daisy list` shows what does")
    if not sure and not _agreed(target):
        print("nothing was cancelled")
        return 1
    done = cancel(env.models_dir, target)
    out = console()
    back = "; `daisy resume MODEL` goes on with one that ran" if done.running else ""
    out.print(Text(f"{done.words()} cancelled{back}"), soft_wrap=True)
    if len(done.waiting) < len(target.waiting):
        told = len(target.waiting) - len(done.waiting)
        out.print(Text(f"{told} had begun meanwhile: run this again to stop what runs"), soft_wrap=True)
    return 0


def _target(env: Environment, wanted: str, typed: str) -> Target:
    name, slash, number = wanted.rpartition("/")
    if slash and number.isdigit():
        return of_sweep(find_sweep(env.models_dir, name), [int(number)])
    if is_sweep_id(wanted):
        return of_sweep(find_sweep(env.models_dir, wanted))
    return of_model(registry.find(env.models_dir, wanted, typed))


def _agreed(target: Target) -> bool:
    if not sys.stdin.isatty():
        raise ConfigurationError(f"cancel {target.named()}? Nobody can be asked here: add --yes")
    return input(f"cancel {target.named()}? [y/N] ").strip().lower() in YES
