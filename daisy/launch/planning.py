"""Plans: configurations that can be trained, checked in all that can be checked before a folder is made."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from daisy import __version__
from daisy import dataset as datasets
from daisy.configuration import Configuration, Project, config_id, identity, to_json
from daisy.configuration.keys import KEPT_BY_DAISY, READ_BY_DAISY
from daisy.configuration.project import CODE_PARTS
from daisy.dataset import Dataset, Progress
from daisy.errors import ConfigurationError
from daisy.folder import PROJECT_PATCH, SOURCE_PATCH
from daisy.framework import lookup
from daisy.framework.check import Checked, check_adapter
from daisy.framework.measure import Measure, measure_of
from daisy.framework.ready import Chosen, Ready, choose, ready
from daisy.framework.source import Source, look_at


@dataclass(frozen=True)
class Plan:
    """A model that can be trained: checked, its dataset prepared, named."""

    project: Project
    configuration: Configuration
    config_id: str
    identity: str
    content: dict[str, Any]
    patches: Mapping[str, bytes]  # what was not committed, by file name
    what_runs: str = ""  # commands, data, and what Daisy itself goes by: two models with the same one are the same


class Planner:
    """Makes the plans of one command. What many configurations share is looked up once: a framework's Python, a dataset.

    `state` is the project's, where it was looked at before: its code is frozen now.
    """

    def __init__(
        self,
        project: Project,
        report: Callable[[str], None],
        progress: Progress | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._project, self._report, self._progress, self._frozen = project, report, progress, state
        self._chosen: dict[str, Chosen] = {}
        self._ready: dict[str, Ready] = {}
        self._datasets: dict[str, Dataset] = {}

    def plan(self, configuration: Configuration) -> Plan:
        """Check everything that can be checked before a model starts, and prepare its dataset.

        Raises ConfigurationError, FrameworkError or DatasetError; no folder was made then.
        """
        chosen = self._choose(configuration)
        with lookup.blaming(chosen.file):
            checked = check_adapter(chosen.adapter, configuration, chosen.file.companion)
            found = self._find(chosen, configuration)
            if found.description is not None:  # now that its options are known
                check_adapter(chosen.adapter, configuration, chosen.file.companion, found.description)
        dataset = self._prepare(configuration)
        if not dataset.sizes["dev"]:
            raise ConfigurationError(f"dataset {dataset.name} has no dev examples: Daisy scores on them; give it a dev split")
        return self._named(configuration, checked, dataset, found)

    def _named(self, configuration: Configuration, checked: Checked, dataset: Dataset, found: Ready) -> Plan:
        not_read = checked.unused
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
            "project": self._state.to_json() if self._frozen is None else dict(self._frozen),
        }
        patches = {PROJECT_PATCH: self._state.patch} if self._frozen is None else {}
        if found.source is not None:
            content["source"] = found.source.to_json()
            patches[SOURCE_PATCH] = found.source.patch
        patches = {file: patch for file, patch in patches.items() if patch}
        return Plan(self._project, configuration, name, who, content, patches, _what_runs(configuration, checked, dataset))

    @cached_property
    def _state(self) -> Source:
        """The project's commit, and what is not committed of its code."""
        return look_at(self._project.root, *CODE_PARTS)

    def _choose(self, configuration: Configuration) -> Chosen:
        section = configuration.values["framework"]
        key = _key(section)
        if key not in self._chosen:
            self._chosen[key] = choose(self._project, section)
        return self._chosen[key]

    def _find(self, chosen: Chosen, configuration: Configuration) -> Ready:
        key = _key([configuration.values["framework"], configuration.env.to_json()])
        if key not in self._ready:
            self._ready[key] = ready(self._project, chosen, configuration.env)
        return self._ready[key]

    def _prepare(self, configuration: Configuration) -> Dataset:
        env = configuration.env
        key = _key([configuration.dataset, configuration.values["dataset"], str(env.data_dir), env.mirror])
        if key not in self._datasets:
            root = self._project.root
            self._datasets[key] = datasets.prepare_for(configuration, root, self._report, self._progress)
        return self._datasets[key]


def _what_runs(configuration: Configuration, checked: Checked, dataset: Dataset) -> str:
    values = configuration.flat()
    own = {key: values.get(key) for key in (*READ_BY_DAISY, KEPT_BY_DAISY)}
    return _key([list(map(repr, checked.answers)), dataset.checksum, own])


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def measured(planned: Plan, wanted: str | None) -> Measure:
    """The figure that a pruner goes by in a model; `wanted` names it. Raises ConfigurationError where there is none."""
    configuration = planned.configuration
    adapter = choose(planned.project, configuration.values["framework"]).adapter
    return measure_of(adapter, str(configuration.value("train.validate")), wanted)


def plan(
    project: Project,
    configuration: Configuration,
    report: Callable[[str], None],
    progress: Progress | None = None,
) -> Plan:
    """The plan of one configuration, as Planner.plan makes it."""
    return Planner(project, report, progress).plan(configuration)
