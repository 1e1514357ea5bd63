"""One mistake fails all models of a sweep: no more of it is launched where the first ones have failed alike."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from daisy.configuration import Environment
from daisy.errors import FolderError
from daisy.folder import ModelFolder, SweepFolder

FIRST_MINUTE = 60.0  # seconds: models that fail alike within it are taken for one mistake


def hold_after_same_failures(sweep: SweepFolder) -> None:
    """Hold a sweep whose first models (env.stop_after_same_failures) have all failed in the same way, each within a minute."""
    most = Environment.from_json(sweep.info()["env"]).stop_after_same_failures
    if not most or sweep.held() is not None:
        return
    reasons = []
    for result in _ended(sweep):
        if result["state"] != "failed" or float(result.get("seconds", 0.0)) >= FIRST_MINUTE:
            return
        reasons.append(str(result.get("reason", "")))
    if len(reasons) >= most and len(set(reasons)) == 1:
        sweep.hold(f"the first {len(reasons)} models have failed alike ({reasons[0]})")


def _ended(sweep: SweepFolder) -> Iterator[Mapping[str, Any]]:
    """What result.json says of the models that have ended since somebody let the sweep go on."""
    released = sweep.released()
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        if model is None:
            continue
        with suppress(FolderError):  # a damaged one says nothing
            result = ModelFolder(sweep.models_dir / model).read_result()
            if float(result.get("ended", 0.0)) > released and result["state"] in ("done", "failed", "pruned"):
                yield result
