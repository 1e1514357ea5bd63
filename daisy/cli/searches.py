"""`daisy sweeps rebuild SWEEP`: the study of a search, made again from the folders of its trials."""

from rich.text import Text

from daisy.cli.screen import console, fact
from daisy.errors import ModelError
from daisy.folder import SweepFolder


def rebuild_study(sweep: SweepFolder) -> None:
    """Make the study again, and tell what it has. Raises ModelError where nothing is searched, LaunchError while models run."""
    if not sweep.is_search:
        raise ModelError(f"{sweep.sweep_id} is no search: it has no study; `daisy sweep {sweep.sweep_id}` shows what it compares")
    from daisy.launch.searching import rebuild
    from daisy.sweep.study import told

    searching = rebuild(sweep)
    out = console()
    out.print(Text.assemble((sweep.sweep_id, "bold"), ": its study was made again from the folders"), soft_wrap=True)
    for base in range(searching.bases):
        about = " ".join(searching.origin.bases[base]) if searching.bases > 1 else "trials"
        fact(out, about, told(searching.study(base).trials()))
