"""A configuration: what is trained, resolved and frozen, and how it came about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daisy.configuration import wishes
from daisy.configuration.nearest import nearest_keys
from daisy.configuration.project import Project
from daisy.errors import ConfigurationError

MISSING = object()
LATER = ("device", "max_running", "stop_after_same_failures", "max_resumes", "slurm")  # keys of env that came later


@dataclass(frozen=True)
class Environment:
    """Where we run: the resolved node `env`, paths absolute.

    `python` maps frameworks to the Python that runs them; `environments_dir` is where `daisy setup` makes Pythons; `device`
    is auto, cpu or gpu; `max_running` is how many models run at once (None: as many as there are GPUs, or cores);
    `max_resumes` how often one goes on by itself; `slurm` what its jobs ask Slurm for (None: it runs on this machine).
    """

    name: str
    models_dir: Path
    data_dir: Path
    mirror: str | None
    python: Mapping[str, str]
    environments_dir: Path = Path("environments")
    device: str = "auto"
    max_running: int | None = None
    stop_after_same_failures: int = 3
    max_resumes: int = 3
    slurm: Mapping[str, Any] | None = None

    @classmethod
    def resolve(cls, name: str, node: Mapping[str, Any], project: Project) -> "Environment":
        """From the composed node. Raises ConfigurationError where it is not what an env must be."""
        python = node.get("python") or {}
        if not isinstance(python, Mapping):
            raise ConfigurationError("env.python maps frameworks to the Python that runs them: write env.python.NAME=PATH")
        for key in ("models_dir", "data_dir"):
            if not node.get(key):
                raise ConfigurationError(f"env.{key} is missing from env={name}: set it in conf/env/{name}.yaml")
        if not isinstance(node.get("slurm") or {}, Mapping):
            raise ConfigurationError("env.slurm is a section, not a value: choose env=slurm, or write env.slurm.NAME=VALUE")
        mirror = node.get("mirror")
        if mirror is not None and "://" not in mirror:
            mirror = str(project.absolute(mirror))
        models_dir = project.absolute(node["models_dir"])
        if node.get("slurm"):
            wishes.check(node["slurm"], models_dir)
        return cls(
            name=name,
            models_dir=models_dir,
            data_dir=project.absolute(node["data_dir"]),
            mirror=mirror,
            python={str(key): str(value) for key, value in python.items() if value is not None},
            environments_dir=project.absolute(node.get("environments_dir") or "environments"),
            device=str(node.get("device") or "auto"),
            max_running=node.get("max_running"),
            stop_after_same_failures=node.get("stop_after_same_failures", cls.stop_after_same_failures),
            max_resumes=node.get("max_resumes", cls.max_resumes),
            slurm=node.get("slurm"),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept in files."""
        return {
            "name": self.name,
            "models_dir": str(self.models_dir),
            "data_dir": str(self.data_dir),
            "mirror": self.mirror,
            "python": dict(self.python),
            "environments_dir": str(self.environments_dir),
            "device": self.device,
            "max_running": self.max_running,
            "stop_after_same_failures": self.stop_after_same_failures,
            "max_resumes": self.max_resumes,
            "slurm": dict(self.slurm) if self.slurm is not None else None,
        }

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> "Environment":
        """As `to_json` gave it."""
        paths: dict[str, Any] = {key: Path(node[key]) for key in ("models_dir", "data_dir")}
        # Models of earlier versions have not all of them.
        paths["environments_dir"] = Path(node.get("environments_dir", cls.environments_dir))
        later = {key: node[key] for key in LATER if key in node}
        return cls(name=node["name"], mirror=node["mirror"], python=dict(node["python"]), **paths, **later)


@dataclass(frozen=True)
class Configuration:
    """One resolved configuration.

    `values` holds the sections framework, dataset, arch, train and the seed as plain values (a project may add sections of
    its own); `choices` the option that was taken of each group; `set_by` for each key that was set what set it (an override
    or a group choice); `defaults` for each key its value before anything was set; `again` whether it is trained although it
    is already.
    """

    values: Mapping[str, Any]
    env: Environment
    choices: Mapping[str, str]
    set_by: Mapping[str, str]
    defaults: Mapping[str, Any]
    overrides: tuple[str, ...] = ()
    again: bool = False

    @property
    def framework(self) -> str:
        """The framework's name."""
        return str(self.values["framework"]["name"])

    @property
    def adapter(self) -> str:
        """The name of the framework's adapter: its own, or that of the one that several frameworks share."""
        return str(self.values["framework"].get("adapter") or self.framework)

    @property
    def dataset(self) -> str:
        """The dataset's name: what was chosen of the group, `cs/finnish`."""
        return self.choices["dataset"]

    def value(self, key: str) -> Any:
        """The value of a dotted key. Raises ConfigurationError where there is none."""
        node: Any = self.values
        for part in key.split("."):
            node = node.get(part, MISSING) if isinstance(node, Mapping) else MISSING
            if node is MISSING:
                near = nearest_keys(key, list(self.flat()))
                known = f" (there is {' and '.join(near)})" if near else ""
                raise ConfigurationError(f"{key} is missing from the configuration{known}: add +{key}=VALUE")
        return node

    def flat(self) -> dict[str, Any]:
        """Each leaf under its dotted key."""
        return dict(leaves(self.values))

    def changed(self) -> dict[str, Any]:
        """The keys whose value is not the default, with their defaults (None where there is none)."""
        return {
            key: self.defaults.get(key)
            for key, value in self.flat().items()
            if key not in self.defaults or self.defaults[key] != value
        }


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a tree; an empty section is no leaf, a list is one."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def to_json(configuration: Configuration) -> dict[str, Any]:
    """What config.json keeps of a configuration."""
    return {
        "configuration": dict(configuration.values),
        "env": configuration.env.to_json(),
        "choices": dict(configuration.choices),
        "overrides": list(configuration.overrides),
        "set": dict(configuration.set_by),
        "changed": configuration.changed(),
    }


def from_json(content: Mapping[str, Any]) -> Configuration:
    """A configuration as config.json keeps it. Raises ConfigurationError where a part of it is missing."""
    try:
        configuration = Configuration(
            values=content["configuration"],
            env=Environment.from_json(content["env"]),
            choices=content["choices"],
            set_by=content["set"],
            defaults={},
            overrides=tuple(content["overrides"]),
        )
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"config.json lacks {error}: it is damaged, or of another version of Daisy") from None
    changed = content.get("changed", {})
    values = configuration.flat()
    defaults = {key: changed.get(key, value) for key, value in values.items() if changed.get(key, value) is not None}
    return replace(configuration, defaults=defaults)
