"""Hydra in, one checked, resolved and frozen configuration out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from daisy.configuration import check, launchers
from daisy.configuration.model import Configuration, Environment, leaves
from daisy.configuration.overrides import SECTION_OF_GROUP, Overrides, Parser, parse, text_of
from daisy.configuration.project import SWEEP, Project
from daisy.configuration.sweep_source import SweepSource
from daisy.configuration.template import Template
from daisy.configuration.typed import one_line
from daisy.errors import ConfigurationError

NOT_OF_THE_CONFIGURATION = ("env", "again", "hydra")
TESTED_WITH = "1.3."  # the hydra-core whose rules template.py follows; any other composes each configuration itself
REFERENCE_GROUPS = ("framework", "dataset", "env")  # choices that say what the defaults are, not departures from them


class ProjectSearchPath(SearchPathPlugin):
    """Puts the project's own conf/ before the one that Daisy ships: Hydra takes the first match."""

    folders: Sequence[Path] = ()
    sweeps: Sequence[Path] = ()

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra when it starts."""
        for folder in self.sweeps:
            search_path.append("daisy", f"{SweepSource.scheme()}://{folder}")
        for folder in reversed(self.folders):
            search_path.prepend("daisy", f"file://{folder}")


@contextmanager
def hydra(project: Project) -> Iterator[None]:
    """Hydra with the search path of this project; a run of Hydra's that this happens within is as before then."""
    register(project)
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(project.shipped / "conf"), job_name="daisy", version_base="1.3"):
            yield
    finally:
        GlobalHydra.instance().hydra = outer


def register(project: Project) -> None:
    """Tell Hydra where this project's conf/ is, and Daisy's launchers."""
    launchers.make_known()
    ProjectSearchPath.folders = [folder for folder in project.folders("conf") if folder.parent != project.shipped]
    ProjectSearchPath.sweeps = project.folders("sweeps")
    Plugins.instance().register(ProjectSearchPath)
    Plugins.instance().register(SweepSource)


def compose(project: Project, texts: Sequence[str], cwd: Path | None = None) -> Configuration:
    """The configuration that the overrides ask for.

    Raises ConfigurationError, with the key and the way out, for whatever can't be run as it was asked for.
    """
    with composer(project, cwd or Path.cwd()) as composing:
        return composing.compose(texts)


@contextmanager
def composer(project: Project, cwd: Path) -> Iterator["Composer"]:
    """What composes many configurations of one command line fast."""
    with hydra(project):
        yield Composer(project, cwd)


class Composer:
    """Composes configurations. Hydra composes each set of choices once; values are put into that (see template.py)."""

    def __init__(self, project: Project, cwd: Path) -> None:
        self._project, self.parser = project, Parser(project, cwd)
        self._templates: dict[tuple[str, ...], Template] = {}
        self._known_keys: set[tuple[tuple[str, ...], str]] = set()
        self._fast = version("hydra-core").startswith(TESTED_WITH)

    def compose(self, texts: Sequence[str]) -> Configuration:
        """The configuration that the overrides ask for. Raises ConfigurationError."""
        overrides = self.parser.overrides(texts)
        choices = tuple(text_of(choice) for choice in overrides.choices)
        template = self._template(overrides, choices)
        for override in overrides.values:
            if (choices, text_of(override)) not in self._known_keys:
                check.keys([override], template.chosen)
                self._known_keys.add((choices, text_of(override)))
        unresolved, resolved = self._trees(template, overrides)
        return _frozen(self._project, overrides, template, unresolved, resolved)

    def prepare(self, texts: Sequence[str]) -> None:
        """Let Hydra compose their choices now: configurations that choose the same are a matter of milliseconds then.

        Raises ConfigurationError.
        """
        overrides = self.parser.overrides(texts)
        self._template(overrides, tuple(text_of(choice) for choice in overrides.choices))

    def _template(self, overrides: Overrides, choices: tuple[str, ...]) -> Template:
        if choices not in self._templates:
            chosen = _composed(list(choices))
            reference = [text_of(choice) for choice in overrides.choices if choice.key_or_group in REFERENCE_GROUPS]
            if any(choice.key_or_group == SWEEP for choice in overrides.choices):  # its file may choose them, too
                reference = [f"{group}={_choices(chosen)[group]}" for group in REFERENCE_GROUPS]
            defaults = chosen if len(reference) == len(choices) else _composed(reference)
            self._templates[choices] = Template(_plain(defaults), _plain(chosen), _choices(chosen))
        return self._templates[choices]

    def _trees(self, template: Template, overrides: Overrides) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
        """The tree that is composed, unresolved, and what resolves it: nothing may be left over then."""
        unresolved = template.unresolved(overrides.values) if self._fast else None
        if unresolved is None:
            full = _composed(overrides.texts())
            return _plain(full), lambda: _plain(full, resolve=True)

        def resolved() -> dict[str, Any]:
            try:
                tree = template.resolved(overrides.values)
            except OmegaConfBaseException as error:
                raise ConfigurationError(hydra_says(error)) from error
            assert tree is not None, "what can be put into the template can be put into the resolved one"
            return tree

        return unresolved, resolved


def composed_yaml(project: Project, texts: Sequence[str], package: str | None, resolve: bool) -> str:
    """The composed configuration as YAML, as `--cfg job` shows it; checked as for a run, but `???` may be left over."""
    overrides = parse(texts, project, Path.cwd())
    with hydra(project):
        chosen = _composed([text_of(choice) for choice in overrides.choices])
        check.keys(overrides.values, _plain(chosen))
        full = _composed(overrides.texts())
        check.values(_plain(full), _plain(chosen), _origins(overrides, {}), resolved=False)
        try:
            shown = OmegaConf.select(full, package) if package else _shown(full)
            if shown is None:
                raise ConfigurationError(f"--package {package}: the configuration has no such section")
            return OmegaConf.to_yaml(shown, resolve=resolve) if OmegaConf.is_config(shown) else f"{shown}\n"
        except OmegaConfBaseException as error:
            raise ConfigurationError(hydra_says(error)) from error


def chosen_options(project: Project, choices: Sequence[str]) -> dict[str, str]:
    """The option of each group that is taken where only these choices are made."""
    with hydra(project):
        return _choices(_composed(list(choices)))


def chosen_values(project: Project, choices: Sequence[str]) -> dict[str, Any]:
    """What choices of groups alone compose to."""
    with hydra(project):
        return _plain(_composed(list(choices)))


def named_sweep(project: Project, name: str, texts: Sequence[str]) -> dict[str, Any]:
    """What the file of a named sweep says, its node `sweep` as it composes with these overrides of it (`sweep.trials=20`)."""
    with hydra(project):
        composed = _composed([f"+{SWEEP}={name}", *(f"++{text.lstrip('+')}" for text in texts)])
    try:
        written = OmegaConf.to_container(OmegaConf.load(project.sweeps()[name]))
        node = composed.get(SWEEP)
        node = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    except OmegaConfBaseException as error:
        raise ConfigurationError(hydra_says(error)) from error
    assert isinstance(written, dict)
    return {**{str(key): value for key, value in written.items()}, SWEEP: node}


def environment_of(project: Project, texts: Sequence[str], cwd: Path) -> Environment:
    """The resolved env alone: the project's default one, with the overrides of env that `texts` are."""
    overrides = parse(texts, project, cwd)
    with hydra(project):
        chosen = _composed([text_of(choice) for choice in overrides.choices])
        check.keys(overrides.values, _plain(chosen, resolve=False))
        full = _composed(overrides.texts()) if overrides.values else chosen
        return Environment.resolve(full.hydra.runtime.choices["env"], check.env(_section(full, "env")), project)


def _composed(texts: list[str]) -> DictConfig:
    try:
        return hydra_compose("config", overrides=texts, return_hydra_config=True)
    except RecursionError:
        raise ConfigurationError("files of conf/ include each other without end: mend their defaults lists") from None
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise ConfigurationError(hydra_says(error)) from error


def _section(config: DictConfig, name: str) -> dict[str, Any]:
    """One section, resolved: what is wrong in the others does not matter here."""
    section = config.get(name)
    if not isinstance(section, DictConfig):
        raise ConfigurationError(f"the configuration has no section {name}: its group's YAML must make one")
    try:
        tree = OmegaConf.to_container(section, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigurationError(hydra_says(error)) from error
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def hydra_says(error: Exception) -> str:
    """Hydra's own message, with the key that it is about, without its search path and its advice for programmers."""
    key = getattr(error, "full_key", None)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = []
    for line in lines:
        if line.startswith(("Config search path", "Set the environment variable", "full_key:", "object_type")):
            break
        kept.append(line)
    told = " ".join(kept) or type(error).__name__
    about = f"{key}: " if key and key not in told else ""
    return one_line(f"{about}{told}: mend that file or override")


def _shown(config: DictConfig) -> DictConfig:
    """Without Hydra's own section."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def _choices(config: DictConfig) -> dict[str, str]:
    """The option of each group."""
    return {str(group): str(option) for group, option in config.hydra.runtime.choices.items()}


def _plain(config: DictConfig, *, resolve: bool = False) -> dict[str, Any]:
    """As plain Python values, without Hydra's own section and without the definition of a sweep."""
    try:
        shown = OmegaConf.masked_copy(config, [str(key) for key in config if key not in ("hydra", SWEEP)])
        tree = OmegaConf.to_container(shown, resolve=resolve)
    except OmegaConfBaseException as error:
        raise ConfigurationError(hydra_says(error)) from error
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def _frozen(
    project: Project,
    overrides: Overrides,
    template: Template,
    unresolved: dict[str, Any],
    resolved: Callable[[], dict[str, Any]],
) -> Configuration:
    check.nothing_missing(unresolved)
    base = dict(leaves(template.defaults))
    choices = {group: option for group, option in template.choices.items() if "/" not in group and group not in ("hydra", SWEEP)}
    set_by = _origins(overrides, _chosen_keys(overrides, base, template.chosen))
    tree = check.values(resolved(), _telling_types(template), set_by)
    tree = check.limits(check.heads(check.layers(tree, set_by)), set_by)
    values = {key: value for key, value in tree.items() if key not in NOT_OF_THE_CONFIGURATION}
    check.names(values)
    return Configuration(
        values=values,
        env=Environment.resolve(choices["env"], tree["env"], project),
        choices=choices,
        set_by={key: origin for key, origin in set_by.items() if not key.startswith(("env.", "again"))},
        defaults={key: value for key, value in base.items() if not key.startswith(("env.", "again"))},
        overrides=tuple(overrides.texts()),
        again=bool(tree.get("again", False)),
    )


def _telling_types(template: Template) -> Mapping[str, Any]:
    """The values that tell of which type one is. A named sweep's file sets a framework's options, as a command line does."""
    if SWEEP not in template.choices:
        return template.chosen
    of_framework = {key: value for key, value in template.defaults.items() if key == "framework"}
    return _laid_over(template.chosen, of_framework)


def _laid_over(tree: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A tree with another one's values where that has some."""
    kept = dict(tree)
    for key, value in other.items():
        below = kept.get(key)
        kept[key] = _laid_over(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return kept


def _chosen_keys(overrides: Overrides, defaults: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, str]:
    """The keys that a group choice set: those whose value is another one than before the choice."""
    departures = [choice for choice in overrides.choices if choice.key_or_group not in REFERENCE_GROUPS]
    if not departures:
        return {}
    by_section = {SECTION_OF_GROUP.get(choice.key_or_group, choice.key_or_group): text_of(choice) for choice in departures}
    return {
        key: by_section.get(key.split(".")[0], " ".join(by_section.values()))
        for key, value in leaves(chosen)
        if key not in defaults or defaults[key] != value
    }


def _origins(overrides: Overrides, chosen: dict[str, str]) -> dict[str, str]:
    """For each key that was set, what set it; a section given whole counts for each of its keys."""
    origins = dict(chosen)
    for override in overrides.values:
        value = override.value()
        if isinstance(value, dict):
            for key, _ in leaves(value, f"{override.key_or_group}."):
                origins[key] = text_of(override)
        else:
            origins[override.key_or_group] = text_of(override)
    return origins
