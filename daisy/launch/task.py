"""What one process does that trains one model of a sweep: it claims the next one that waits, trains it, and says how it ended.

    python -P -c 'import sys; sys.path.insert(0, CODE); from daisy.launch.task import main; main()' SWEEP WORKER [SLOT]

CODE are the frozen copies of the sweep's folder. SLOT is the number of a descriptor that holds the place to run. The exit code is
0 for a model that is done, 1 for one that failed, NOTHING_WAITS, STEPPED_BACK, or 128 and the number of the signal that stopped
it.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daisy.errors import DaisyError, ModelError
from daisy.folder import PROJECT_PATCH, SOURCE_PATCH, Attempt, ModelFolder, Place, SweepFolder, create, observed_state, patch_name
from daisy.job import Silent, Stopped, run, stoppable
from daisy.job.stop import unstoppable
from daisy.launch.frozen import thawed
from daisy.launch.starting import resume

NOTHING_WAITS = 3
STEPPED_BACK = 4  # the model runs elsewhere, or is done


def main() -> None:
    """The command line."""
    sweep, worker = SweepFolder(Path(sys.argv[1])), sys.argv[2]
    slot = int(sys.argv[3]) if len(sys.argv) > 3 else None
    try:
        with stoppable():
            code = work(sweep, worker, slot)
    except Stopped as stop:
        code = stop.exit_code
    except DaisyError as error:
        print(f"daisy: {error}", file=sys.stderr)
        code = 1
    sys.exit(code)


def work(sweep: SweepFolder, worker: str, slot: int | None = None) -> int:
    """Claim a model and train it; the exit code. Asked to stop, it puts the model back among the waiting."""
    sweep.register(worker)
    place: Place | None = None
    try:
        with unstoppable():  # a claim is noted with the model that it has become, or not at all
            place = sweep.claim(worker)
            begun = begin(sweep, place) if place is not None else None
    except Stopped:
        if place is not None:
            sweep.put_back(place)
        raise
    if place is None:
        return NOTHING_WAITS
    if begun is None:
        return STEPPED_BACK
    folder, attempt = begun
    project = thawed(Path(sweep.info()["project"]["folder"]), sweep.code.resolve())
    outcome = run(folder, attempt, project, Silent(), slot)
    if outcome.state == "stopped":
        sweep.put_back(place)
    return outcome.exit_code


def begin(sweep: SweepFolder, place: Place) -> tuple[ModelFolder, Attempt] | None:
    """The folder of a claimed model and this attempt at it; None where it is done already, or runs elsewhere.

    Raises ModelError where another process has just begun it.
    """
    before = sweep.begun(place)
    if before.model is not None:
        folder = ModelFolder(sweep.models_dir / before.model)
        if folder.is_model():
            state, _ = observed_state(folder, folder.read_result())
            if state in ("done", "pruned", "running"):
                return None
            if state != "failed":
                sweep.begin(place, folder.model_id)
                return folder, resume(folder, force=True)
    config = sweep.config(place.number)
    in_sweep = {"id": sweep.sweep_id, "number": place.number}
    folder = create(
        sweep.models_dir, config["configuration"]["framework"]["name"], config["config_id"],
        {**config, "sweep": in_sweep}, time.time(), patches_of(sweep, config),
    )  # fmt: skip
    sweep.begin(place, folder.model_id)
    attempt = folder.read_attempt(1)
    if attempt is None:
        raise ModelError(f"{folder.model_id} has no attempt that can be read: `daisy list` shows it")
    return folder, attempt


def patches_of(sweep: SweepFolder, config: Mapping[str, Any]) -> dict[str, bytes]:
    """What was not committed at submission, of the project and of the framework's checkout."""
    named = {PROJECT_PATCH: config.get("project"), SOURCE_PATCH: config.get("source")}
    checksums = {file: source["patch"] for file, source in named.items() if source and source.get("patch")}
    return {file: (sweep.path / patch_name(checksum)).read_bytes() for file, checksum in checksums.items()}


if __name__ == "__main__":
    main()
