"""Daisy's launchers as Hydra knows them: their names, their options, and which of Hydra's own overrides come with them."""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from daisy.configuration.keys import KEYS, SLURM_COLLECTIONS
from daisy.configuration.keys import SLURM as SECTION
from daisy.configuration.nearest import nearest_keys
from daisy.configuration.project import PACKAGE
from daisy.errors import ConfigurationError

LOCAL, SLURM = "daisy_local", "daisy_slurm"
SWEEPER, LAUNCHER = "hydra/sweeper", "hydra/launcher"
OF_SWEEPERS = (SWEEPER, LAUNCHER, "hydra/callbacks", "hydra.sweeper", "hydra.launcher", "hydra.callbacks", "hydra.verbose")
OPTIONS = "hydra.launcher"
PLUGIN = "hydra_plugins.daisy_launcher"
SUBMITITS_OWN = {  # options of hydra-submitit-launcher that are something else here, and what
    "comment": "Daisy writes the model's id there",
    "submitit_folder": "submitit's files are in the sweep's folder",
}
RESUMES = "max_num_timeout"  # hydra-submitit-launcher's name for env.max_resumes


def local_node() -> dict[str, str]:
    """The options of daisy_local, each with what the env says."""
    return {"max_running": "${oc.select:env.max_running,null}"}


def slurm_node() -> dict[str, str | None]:
    """The options of daisy_slurm, each with what the env says: those of env.slurm, and what submitit_slurm has besides."""
    names = [key.removeprefix(f"{SECTION}.") for key in (*KEYS, *SLURM_COLLECTIONS) if key.startswith(f"{SECTION}.")]
    node: dict[str, str | None] = {name: f"${{oc.select:{SECTION}.{name},null}}" for name in names}
    node["array_parallelism"] = f"${{oc.select:{SECTION}.array_parallelism,${{oc.select:env.max_running,10}}}}"
    node[RESUMES] = "${oc.select:env.max_resumes,null}"
    return {**node, **dict.fromkeys(SUBMITITS_OWN)}


def overrides_of(where: str, options: Mapping[str, Any], env: Mapping[str, Any]) -> list[str]:
    """What options of a launcher change of an env, as overrides. Raises ConfigurationError for one that can't be had."""
    from daisy.configuration.typed import plain

    if where == LOCAL:
        return [f"env.{name}={plain(value)}" for name, value in options.items() if value != env.get(name)]
    texts = []
    slurm = env.get("slurm") or {}
    for name, value in options.items():
        if name in SUBMITITS_OWN:
            if value is not None:
                raise ConfigurationError(f"hydra.launcher.{name}={value}: {SUBMITITS_OWN[name]}: leave it out")
        elif name == RESUMES:
            if value != env.get("max_resumes"):
                texts.append(f"env.max_resumes={plain(value)}")
        elif value != slurm.get(name):
            texts.append(f"{'++' if f'{SECTION}.{name}' in SLURM_COLLECTIONS else ''}{SECTION}.{name}={plain(value)}")
    return texts


def is_of_sweepers(text: str) -> bool:
    """Whether an override is Hydra's own and chooses or sets up a sweeper, its launcher, or what listens to them."""
    key = text.partition("=")[0].lstrip("+~")
    return any(key == known or key.startswith((f"{known}/", f"{known}.")) for known in OF_SWEEPERS)


def check_sweepers_overrides(texts: Sequence[str]) -> None:
    """Raise ConfigurationError where there is one and no sweeper of somebody else's runs."""
    for text in texts:
        if is_of_sweepers(text):
            way_out = f"add -m, and {SWEEPER}=NAME" if not text.startswith(SWEEPER) else "add -m"
            raise ConfigurationError(
                f"{text}: that is for sweepers of Hydra's: {way_out}; without one, env says where models run (env=slurm)"
            )


def check_place(where: str, env: str, slurm: object) -> None:
    """Raise ConfigurationError where a launcher is not for models of an env with such a section slurm."""
    if where == SLURM and slurm is None:
        raise ConfigurationError(
            f"{LAUNCHER}={SLURM} needs an env that has a section slurm, and env={env} has none: add env=slurm"
        )
    if where == LOCAL and slurm is not None:
        raise ConfigurationError(
            f"{LAUNCHER}={LOCAL} trains on this machine, and env={env} is for Slurm: choose {LAUNCHER}={SLURM}, or env=local"
        )


def check_options(where: str, texts: Sequence[str]) -> None:
    """Raise ConfigurationError for an override of an option that a launcher does not have."""
    known = {f"{OPTIONS}.{name}" for name in (local_node() if where == LOCAL else slurm_node())}
    for text in texts:
        key = text.partition("=")[0].lstrip("+~")
        if key.startswith(f"{OPTIONS}.") and ".".join(key.split(".")[:3]) not in known:
            close = nearest_keys(key, sorted(known))
            way_out = f"did you mean {' or '.join(close)}?" if close else f"{where} has {', '.join(sorted(known))}"
            raise ConfigurationError(f"{text}: there is no option {key} - {way_out}")


def chosen(texts: Sequence[str], group: str) -> str | None:
    """What is chosen of one of Hydra's own groups; None where nothing is."""
    found = [text.partition("=")[2] for text in texts if text.partition("=")[0].lstrip("+") == group]
    return found[-1] if found else None


def make_known() -> None:
    """Let Hydra find Daisy's launchers, also where Daisy was not installed, or was before it had them.

    An installed Daisy has them beside its package, where every program finds them that uses Hydra. Only before Hydra has looked.
    """
    try:
        is_there = importlib.util.find_spec(PLUGIN) is not None
    except ModuleNotFoundError:
        is_there = False  # there is no plugin at all
    if not is_there:
        sys.path.append(str(PACKAGE / "plugins"))
