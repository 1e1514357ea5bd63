"""Where a project is, and in which folders Daisy looks for what: the project's own first, then what Daisy ships."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daisy.errors import ProjectError

MARK = "daisy.yaml"
CODE_PARTS = ("conf", "daisy", "frameworks", "sweeps")  # the folders of a project that decide what its models do
SWEEP = "sweep"  # the group of named sweeps, which is added: it is in no defaults list; and the node of their definitions
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Project:
    """A folder with the mark, and the folder that holds what Daisy ships (conf/, sweeps/, frameworks/).

    `frozen` is where the project's own conf/, sweeps/ and frameworks/ are read, as they were when a sweep was submitted; all
    else is where the project is.
    """

    root: Path
    shipped: Path
    frozen: Path | None = None

    @property
    def code(self) -> Path:
        """Where the project's own conf/, sweeps/ and frameworks/ are."""
        return self.frozen or self.root

    def folders(self, name: str) -> tuple[Path, ...]:
        """The folders called `name` (conf, sweeps, frameworks) that are there, the project's own first."""
        candidates = dict.fromkeys((self.code / name, self.shipped / name))
        return tuple(folder for folder in candidates if folder.is_dir())

    def groups(self) -> dict[str, list[str]]:
        """The groups of conf/ and the options of each, nested ones as `cs/finnish`; what begins with `_` is no option."""
        found: dict[str, set[str]] = {}
        for conf in self.folders("conf"):
            for path in conf.glob("*/**/*.yaml"):
                group, *rest = path.relative_to(conf).with_suffix("").parts
                if not any(part.startswith("_") for part in rest):
                    found.setdefault(group, set()).add("/".join(rest))
        return {group: sorted(options) for group, options in sorted(found.items())}

    def sweeps(self) -> dict[str, Path]:
        """The named sweeps and their files, by name: `kernel_sizes`, `mine/first`; the project's own instead of shipped ones."""
        found: dict[str, Path] = {}
        for folder in self.folders("sweeps"):
            for path in sorted(folder.glob("**/*.yaml")):
                name = path.relative_to(folder).with_suffix("")
                if not any(part.startswith(("_", ".")) for part in name.parts):
                    found.setdefault(name.as_posix(), path)
        return dict(sorted(found.items()))

    def options(self, group: str) -> list[str]:
        """The options of one group."""
        return self.groups().get(group, [])

    def absolute(self, path: str) -> Path:
        """A path of a configuration: `~` is the home, a relative one starts at the project's root."""
        return Path(os.path.normpath(self.root / at_home(path)))


def is_of_a_sweep(text: str) -> bool:
    """Whether an override takes a named sweep (`+sweep=NAME`), or changes its definition (`sweep.repeat=3`)."""
    return text.lstrip("+~").partition("=")[0].partition(".")[0] == SWEEP


def at_home(path: str) -> Path:
    """A path with `~` as the home. Raises ProjectError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ProjectError(f"{path}: there is no such home; write the path in full") from None


def shipped_folder() -> Path:
    """Where conf/ and frameworks/ are that Daisy ships: inside the package of a wheel, beside it in a checkout."""
    # A checkout comes first: an editable install leaves copies in site-packages that get old.
    for folder in (PACKAGE.parent, PACKAGE):
        if (folder / "conf" / "config.yaml").is_file() and (folder / "frameworks").is_dir():
            return folder
    raise ProjectError(f"Daisy's own conf/ is missing beside {PACKAGE}: install Daisy again")


def find_project(start: Path, environment: Mapping[str, str]) -> Project:
    """The project that DAISY_PROJECT names, else the nearest folder from `start` upward that has the mark."""
    named = environment.get("DAISY_PROJECT")
    if named:
        root = at_home(named).resolve()
        if not (root / MARK).is_file():
            raise ProjectError(f"DAISY_PROJECT={named} has no {MARK}: `daisy init {named}` makes a project there")
        return Project(root, shipped_folder())
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / MARK).is_file():
            return Project(folder, shipped_folder())
    raise ProjectError(f"no Daisy project in {start} or above it (no {MARK}): `daisy init .` makes one here")
