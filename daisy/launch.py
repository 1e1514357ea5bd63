"""From a configuration to a model that trains: everything is checked before a folder is made."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daisy import __version__
from daisy import dataset as datasets
from daisy.configuration import Configuration, Project, config_id, identity, to_json
from daisy.dataset import Dataset, Progress
from daisy.errors import ConfigurationError, ModelError
from daisy.folder import Attempt, ModelFolder, create, observed_state, with_identity
from daisy.framework import lookup
from daisy.framework.check import check_adapter
from daisy.framework.ready import Ready, choose, ready


@dataclass(frozen=True)
class Plan:
    """A model that can be trained: checked, its dataset prepared, named."""

    project: Project
    configuration: Configuration
    config_id: str
    identity: str
    content: dict[str, Any]
    patch: bytes = b""  # of the checkout that the framework runs from


@dataclass(frozen=True)
class Launch:
    """What came of a plan: the model's folder, and the attempt where this process is to train it now.

    Without an attempt the model is there already, in `state`.
    """

    folder: ModelFolder
    attempt: Attempt | None
    state: str
    evidence: str = ""


def plan(
    project: Project,
    configuration: Configuration,
    report: Callable[[str], None],
    progress: Progress | None = None,
) -> Plan:
    """Check everything that can be checked before a model starts, and prepare its dataset.

    Raises ConfigurationError, FrameworkError or DatasetError; no folder was made then.
    """
    chosen = choose(project, configuration.values["framework"])
    with lookup.blaming(chosen.file):
        not_read = check_adapter(chosen.adapter, configuration, chosen.file.companion)
        found = ready(project, chosen, configuration.env)
        if found.description is not None:  # now that its options are known
            check_adapter(chosen.adapter, configuration, chosen.file.companion, found.description)
    dataset = datasets.prepare_for(configuration, project.root, report, progress)
    if not dataset.sizes["dev"]:
        raise ConfigurationError(f"dataset {dataset.name} has no dev examples: Daisy scores on them; give it a dev split")
    return _named(project, configuration, not_read, dataset, found)


def _named(project: Project, configuration: Configuration, not_read: list[str], dataset: Dataset, found: Ready) -> Plan:
    name = config_id(configuration, not_read)
    definition = configuration.values["dataset"]
    who = identity(configuration, not_read, datasets.identifying(definition), dataset.checksum)
    version = found.description.version if found.description is not None else None
    content = {
        "config_id": name,
        "identity": who,
        **to_json(configuration),
        "unused": not_read,
        "dataset": {
            "name": dataset.name,
            "checksum": dataset.checksum,
            "sizes": dict(dataset.sizes),
            "folder": str(dataset.folder.relative_to(configuration.env.data_dir)),
        },
        "versions": {"daisy": __version__, configuration.framework: version},
        **({"source": found.source.to_json()} if found.source is not None else {}),
    }
    return Plan(project, configuration, name, who, content, found.source.patch if found.source is not None else b"")


def start(planned: Plan) -> Launch:
    """The model of a plan: a new folder, or the one that is there already for the same configuration.

    A stopped model is to be gone on with, a failed one is trained anew; `again=true` makes a new model in any case.
    """
    configuration = planned.configuration
    models_dir = configuration.env.models_dir
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"env.models_dir={models_dir} can't be made ({error.strerror}): set another one") from None
    if not os.access(models_dir, os.W_OK | os.X_OK):
        raise ConfigurationError(f"env.models_dir={models_dir} can't be written to: set another one")
    if configuration.again:
        return _new(planned)
    from filelock import FileLock

    # Two shells that ask for the same model at the same moment: the second one sees the first one's folder.
    with FileLock(models_dir / ".lock", mode=0o666):
        for folder in reversed(with_identity(models_dir, planned.identity)):
            state, evidence = observed_state(folder, folder.read_result())
            if state == "stopped":
                return Launch(folder, resume(folder), state)
            if state != "failed":
                return Launch(folder, None, state, evidence or _other_versions(folder, planned))
        return _new(planned)


def _other_versions(folder: ModelFolder, planned: Plan) -> str:
    """What has another version now than when the model was trained: it may come out differently."""
    then, now = folder.read_config().get("versions", {}), planned.content["versions"]
    changed = [f"{name} was {then.get(name)} and is {version}" for name, version in now.items() if then.get(name) != version]
    before, source = folder.read_config().get("source", {}), planned.content.get("source", {})
    changed += [f"its source's {part} is another one" for part in ("commit", "patch") if before.get(part) != source.get(part)]
    return "; ".join(changed)


def _new(planned: Plan) -> Launch:
    configuration = planned.configuration
    folder = create(
        configuration.env.models_dir, configuration.framework, planned.config_id, planned.content, time.time(), planned.patch
    )
    return Launch(folder, folder.read_attempt(1), "running")


def resume(folder: ModelFolder, force: bool = False, env: str = "") -> Attempt:
    """Begin the next attempt at a model. Raises ModelError where it is done, or runs as far as is known.

    With `force` also where nobody can know from here whether it runs. `env` is what verbs need to find the model.
    """
    known = folder.last_attempt()
    state, evidence = observed_state(folder, folder.read_result())
    if state == "done":
        raise ModelError(f"{folder.model_id} is done: `daisy again {folder.model_id}{env}` trains a new model like it")
    if state == "running":
        raise ModelError(f"{folder.model_id} is running: `daisy tail {folder.model_id}{env}` shows it")
    if state == "unknown" and not force:
        raise ModelError(
            f"{folder.model_id} may be running ({evidence}): `daisy resume {folder.model_id}{env} --force`, if you know that it "
            "is not"
        )
    attempt = folder.begin_attempt(known)
    folder.write_result({"state": "running", "attempt": attempt.number, "started": attempt.started})
    return attempt
