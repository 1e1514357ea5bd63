"""A sweep comes to be: all its models are checked, those that are there already are told, the rest waits on disk."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daisy import __version__
from daisy.configuration import Project
from daisy.errors import ConfigurationError
from daisy.files import sha256
from daisy.folder import SweepFolder, Waiting, by_identity, create_sweep, patch_name
from daisy.launch.elsewhere import RUNNER, Elsewhere, in_sweeps
from daisy.launch.frozen import freeze
from daisy.launch.planning import Plan
from daisy.launch.recovery import locked
from daisy.launch.starting import Already, counting, models_dir_of


@dataclass(frozen=True)
class Submission:
    """What came of the plans of one command: a sweep with those that are to be trained (None where none is), and the rest."""

    sweep: SweepFolder | None
    plans: Sequence[Plan]
    skipped: Sequence[Already]


def submit(project: Project, plans: Sequence[Plan], name: str, command: Sequence[str]) -> Submission:
    """Put the models into a new sweep, whole on disk, each identity once over all sweeps of the same models_dir.

    A stopped model goes on in its folder, a failed one is trained anew; one that waits in a sweep whose launcher is gone comes
    over into this one. Raises ConfigurationError.
    """
    models_dir = _models_dir(plans)
    # Two shells that ask for the same models at the same moment: the second one sees the first one's sweep.
    with locked(models_dir):
        elsewhere = in_sweeps(models_dir, {planned.identity for planned in plans}, mend=True)
        entries, skipped = _sorted_out(models_dir, plans, elsewhere)
        if not entries:
            return Submission(None, (), skipped)
        code = freeze(project, models_dir)
        patches = {patch_name(sha256(patch)): patch for planned, _ in entries for patch in planned.patches.values()}
        info = {
            "name": name,
            "command": list(command),
            "created": time.time(),
            "launcher": "local",
            "count": len(entries),
            "identities": [planned.identity for planned, _ in entries],
            "project": entries[0][0].content["project"],
            "env": entries[0][0].configuration.env.to_json(),
            "versions": {"daisy": __version__},
        }
        waiting = [Waiting(planned.content, model) for planned, model in entries]
        sweep = create_sweep(models_dir, name, info, waiting, code, patches, time.time(), RUNNER)
        for planned, _ in entries:
            if (other := elsewhere.get(planned.identity)) is not None and not planned.configuration.again:
                other.taken_over()  # only now that it waits here
    return Submission(sweep, [planned for planned, _ in entries], skipped)


def foreseen(plans: Sequence[Plan]) -> Submission:
    """What `submit` would come to as things are now; nothing is written."""
    models_dir = plans[0].configuration.env.models_dir
    entries, skipped = _sorted_out(models_dir, plans, in_sweeps(models_dir, {planned.identity for planned in plans}))
    return Submission(None, [planned for planned, _ in entries], skipped)


def _models_dir(plans: Sequence[Plan]) -> Path:
    folders = {planned.configuration.env.models_dir for planned in plans}
    if len(folders) > 1:
        raise ConfigurationError(f"a sweep has one env.models_dir, and here are {len(folders)}: launch them one after the other")
    return models_dir_of(plans[0].configuration)


def _sorted_out(
    models_dir: Path, plans: Sequence[Plan], elsewhere: Mapping[str, Elsewhere]
) -> tuple[list[tuple[Plan, str | None]], list[Already]]:
    """The plans to train, with the model that each goes on from, and those that are there already."""
    models = by_identity(models_dir)
    entries: list[tuple[Plan, str | None]] = []
    skipped: list[Already] = []
    seen: set[str] = set()
    for planned in plans:
        if planned.identity in seen:
            skipped.append(Already(planned.config_id, "named twice", "it is in this sweep already"))
            continue
        seen.add(planned.identity)
        if planned.configuration.again:
            entries.append((planned, None))
            continue
        waiting = elsewhere.get(planned.identity)
        if waiting is not None and not waiting.gone:
            skipped.append(Already(waiting.where, "waiting", waiting.evidence))
            continue
        found = counting(planned, models.get(planned.identity, []))
        if isinstance(found, Already):
            skipped.append(found)
        else:
            entries.append((planned, found.model_id if found is not None else None))
    return entries, skipped
