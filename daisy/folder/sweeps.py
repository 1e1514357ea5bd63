"""The sweeps of a models_dir: making one, finding them."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.errors import ModelError
from daisy.files import folder_to_fill, replacing, sync_folder, write_json
from daisy.folder.places import Waiting, listed
from daisy.folder.sweep import FORMAT, INFO, MODELS, SweepFolder
from daisy.folder.trials import LeftOut, Numbering, Warm

SWEEPS = ".sweeps"
CODE = ".code"
SWEEP_ID = re.compile(r"s\d+__[^/]+", re.ASCII)
BEGIN_OF_AN_ID = re.compile(r"s\d{9,}(_.*)?", re.ASCII | re.DOTALL)  # `s2` may be part of a model's id


@dataclass(frozen=True)
class NewSearch:
    """What a search begins with: its places, the points that are known, the models that are none of them."""

    numbering: Numbering
    points: Sequence[Warm] = ()
    left_out: Sequence[LeftOut] = ()


def create_sweep(
    models_dir: Path,
    name: str,
    info: Mapping[str, Any],
    waiting: Iterable[Waiting],
    code: Path,
    patches: Mapping[str, bytes],
    now: float,
    runner: str | None = None,
    search: NewSearch | None = None,
) -> SweepFolder:
    """A new sweep's folder, whole or not there: all its models wait.

    `code` is where its frozen copies are, `patches` what was not committed when they were made, `runner` the worker that this
    process is, where it stays and runs them. A `search` has places instead of models that are known. The id is
    `s<unix time>__<name>`; a second one of the same second gets `__2`, and so on.
    """
    parent = models_dir / SWEEPS
    with folder_to_fill(parent) as unfinished:
        for part in ("waiting", "claimed", "cancelled", "workers", "output", "slurm"):
            (unfinished / part).mkdir()
        with replacing(unfinished / MODELS) as file:
            for number, model in enumerate(waiting, 1):
                file.write(json.dumps(model.config, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")
                begun = ""
                if model.model is not None:
                    begun = json.dumps({"model": model.model, "starts": 1, "even_failed": model.even_failed})
                (unfinished / "waiting" / f"{number:05}.json").write_text(begun)
        if search is not None:
            info = {**info, "numbering": search.numbering.to_json()}
            SweepFolder(unfinished).trials.path.mkdir()
            SweepFolder(unfinished).trials.write_warm(search.points, search.left_out)
            SweepFolder(unfinished).add_places(range(1, search.numbering.places + 1))
        for file_name, patch in patches.items():
            (unfinished / file_name).write_bytes(patch)
        if runner is not None:
            SweepFolder(unfinished).register(runner)
        (unfinished / "code").symlink_to(os.path.relpath(code, parent / "any"))
        for folder in (unfinished / "waiting", unfinished):
            sync_folder(folder)
        number = 1
        while True:
            sweep_id = f"s{int(now)}__{name}" + (f"__{number}" if number > 1 else "")
            write_json(unfinished / INFO, {"format": FORMAT, "sweep_id": sweep_id, **info})
            try:
                unfinished.rename(parent / sweep_id)
                return SweepFolder(parent / sweep_id)
            except OSError:
                if not (parent / sweep_id).exists():
                    raise
            number += 1


def sweeps(models_dir: Path) -> Iterator[SweepFolder]:
    """The sweeps of a models_dir, in the order of submission."""
    found = [SweepFolder(models_dir / SWEEPS / name) for name in listed(models_dir / SWEEPS) if SWEEP_ID.fullmatch(name)]
    yield from sorted(found, key=_submitted)


def _submitted(sweep: SweepFolder) -> tuple[int, int, str]:
    """When a sweep was submitted: by its name, of two in the same second by the time of its sweep.json."""
    try:
        written = (sweep.path / INFO).stat().st_mtime_ns
    except OSError:
        written = 0
    return int(sweep.sweep_id[1:].partition("__")[0]), written, sweep.sweep_id


def patch_name(checksum: str) -> str:
    """The file of a sweep that has what was not committed: frameworks have checkouts of their own."""
    return f"{checksum}.patch"


def is_sweep_id(text: str) -> bool:
    """Whether this is how a sweep's id looks, or its beginning: `s1532308429`."""
    return BEGIN_OF_AN_ID.fullmatch(text) is not None


def find_sweep(models_dir: Path, wanted: str) -> SweepFolder:
    """The sweep that is meant: its id, a unique part of it, or -1 for the newest. Raises ModelError."""
    known = list(sweeps(models_dir))
    if wanted.startswith("-") and wanted[1:].isdigit() and 0 < int(wanted[1:]) <= len(known):
        return known[int(wanted)]
    exact = [sweep for sweep in known if sweep.sweep_id == wanted]
    matches = exact or [sweep for sweep in known if wanted and wanted in sweep.sweep_id]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise ModelError(f"there is no sweep {wanted}: {len(known)} are in {models_dir}; `daisy sweeps` shows them")
    shown = ", ".join(sweep.sweep_id for sweep in matches[-5:])
    raise ModelError(f"{wanted} is part of {len(matches)} sweeps ({shown}): give more of the id")
