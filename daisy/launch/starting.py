"""From a plan to a model that trains: a new folder, or the one that is there already."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration
from daisy.errors import ConfigurationError, ModelError
from daisy.folder import Attempt, ModelFolder, by_identity, create, observed_state
from daisy.launch.elsewhere import Elsewhere, in_sweeps, waits_as
from daisy.launch.evidence import Cluster
from daisy.launch.planning import Plan
from daisy.launch.recovery import locked


@dataclass(frozen=True)
class Launch:
    """A model that this process is to train now."""

    folder: ModelFolder
    attempt: Attempt


@dataclass(frozen=True)
class Already:
    """A model that is not launched again: `where` it is, in which state, and why that is known. One that waits has no folder."""

    where: str
    state: str
    evidence: str
    folder: ModelFolder | None = None


def already(planned: Plan) -> Already | None:
    """The model that is there already for a plan and is not to be trained again; None where there is something to train."""
    if planned.configuration.again:
        return None
    return _already(planned, in_sweeps(planned.configuration.env.models_dir, {planned.identity}).get(planned.identity))


def _already(planned: Plan, waiting: Elsewhere | None) -> Already | None:
    if waiting is not None and not waiting.gone:
        return Already(waiting.where, "waiting", waiting.evidence)
    found = counting(planned.content, by_identity(planned.configuration.env.models_dir).get(planned.identity, []), Cluster())
    return found if isinstance(found, Already) else None


def counting(content: Mapping[str, Any], models: Sequence[ModelFolder], cluster: Cluster) -> Already | ModelFolder | None:
    """The newest of the models of a configuration that counts: one that is there already, or one that was stopped and can go on.

    One that failed does not: it is trained anew. A pruned one counts where no other does. `content` is what the
    configuration's config.json has.
    """
    pruned: Already | None = None
    for folder in reversed(models):
        state, evidence = observed_state(folder, folder.read_result(), cluster)
        if state == "stopped":
            return folder
        if state == "pruned":
            pruned = pruned or Already(folder.model_id, state, _was_pruned(folder), folder)
        elif state != "failed":
            return Already(folder.model_id, state, evidence or _other_versions(folder, content), folder)
    return pruned


def start(planned: Plan) -> Launch | Already:
    """The model of a plan: a new folder, or the one that is there already for the same configuration.

    A stopped model is to be gone on with, a failed one is trained anew; `again=true` makes a new model in any case.
    """
    models_dir = models_dir_of(planned.configuration)
    if planned.configuration.again:
        return _new(planned)
    # Two shells that ask for the same model at the same moment: the second one sees the first one's folder.
    with locked(models_dir):
        waiting = in_sweeps(models_dir, {planned.identity}, mend=True).get(planned.identity)
        if (there := _already(planned, waiting)) is not None:
            return there
        stopped = counting(planned.content, by_identity(models_dir).get(planned.identity, []), Cluster())
        launched = Launch(stopped, resume(stopped)) if isinstance(stopped, ModelFolder) else _new(planned)
        if waiting is not None:
            waiting.taken_over()
        return launched


def models_dir_of(configuration: Configuration) -> Path:
    """The folder that its model goes to, made where it is not there. Raises ConfigurationError."""
    models_dir = configuration.env.models_dir
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"env.models_dir={models_dir} can't be made ({error.strerror}): set another one") from None
    if not os.access(models_dir, os.W_OK | os.X_OK):
        raise ConfigurationError(f"env.models_dir={models_dir} can't be written to: set another one")
    return models_dir


def models_dir_of_all(plans: Sequence[Plan]) -> Path:
    """The one folder that the models of a sweep go to, made where it is not there. Raises ConfigurationError."""
    folders = {planned.configuration.env.models_dir for planned in plans}
    if len(folders) > 1:
        raise ConfigurationError(f"a sweep has one env.models_dir, and here are {len(folders)}: launch them one after the other")
    return models_dir_of(plans[0].configuration)


def _other_versions(folder: ModelFolder, content: Mapping[str, Any]) -> str:
    """What has another version now than when the model was trained: it may come out differently."""
    then, now = folder.read_config().get("versions", {}), content["versions"]
    changed = [f"{name} was {then.get(name)} and is {version}" for name, version in now.items() if then.get(name) != version]
    before, source = folder.read_config().get("source", {}), content.get("source", {})
    changed += [f"its source's {part} is another one" for part in ("commit", "patch") if before.get(part) != source.get(part)]
    return "; ".join(changed)


def _was_pruned(folder: ModelFolder) -> str:
    """Where and why, and what to do about it."""
    reason = folder.read_result().get("reason")
    return "; ".join([*([str(reason)] if reason else []), "again=true trains it to its end"])


def _new(planned: Plan) -> Launch:
    configuration = planned.configuration
    folder = create(
        configuration.env.models_dir, configuration.framework, planned.config_id, planned.content, time.time(), planned.patches
    )
    attempt = folder.read_attempt(1)
    if attempt is None:
        raise ModelError(f"{folder.path} was changed by somebody else: `daisy list` shows what is there")
    return Launch(folder, attempt)


def take_up(folder: ModelFolder, force: bool = False, env: str = "") -> Attempt:
    """As `resume`, for a person: what waits in a sweep that nobody serves any more waits there no longer.

    Raises ModelError where somebody else is about to go on with it.
    """
    with locked(folder.path.parent):
        waits = waits_as(folder)
        if waits is not None and not waits.gone:
            raise ModelError(f"{folder.model_id} waits already, as {waits.where}: `daisy list{env}` shows why")
        attempt = resume(folder, force, env)
        if waits is not None:
            waits.taken_over()
        return attempt


def resume(folder: ModelFolder, force: bool = False, env: str = "") -> Attempt:
    """Begin the next attempt at a model. Raises ModelError where it is done or pruned, or runs as far as is known.

    With `force` also where nobody can know from here whether it runs. `env` is what verbs need to find the model.
    """
    known = folder.last_attempt()
    check_resumable(folder, force, env)
    attempt = folder.begin_attempt(known)
    folder.write_result(attempt.running())
    return attempt


def check_resumable(folder: ModelFolder, force: bool = False, env: str = "") -> None:
    """Raise ModelError where `resume` would: known without a slot."""
    state, evidence = observed_state(folder, folder.read_result(), Cluster())
    if state == "done":
        raise ModelError(f"{folder.model_id} is done: `daisy again {folder.model_id}{env}` trains a new model like it")
    if state == "pruned":
        raise ModelError(f"{folder.model_id} was pruned: `daisy again {folder.model_id}{env}` trains one like it to its end")
    if state == "running":
        raise ModelError(f"{folder.model_id} is running: `daisy tail {folder.model_id}{env}` shows it")
    if state == "unknown" and not force:
        raise ModelError(
            f"{folder.model_id} may be running ({evidence}): `daisy resume {folder.model_id}{env} --force`, if you know that it "
            "is not"
        )
