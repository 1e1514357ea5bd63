"""What a job asks Slurm for (env.slurm), as far as it can be judged before Slurm sees it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daisy.configuration.keys import SLURM, SLURM_COLLECTIONS, SLURM_PARAMETERS
from daisy.errors import ConfigurationError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
SET_BY_DAISY = ("array", "comment", "dependency", "job-name", "no-requeue", "requeue", "signal", "output", "error",
                "wrap", "wait", "test-only", "parsable")  # fmt: skip
"""Options of sbatch that make lanes what they are; it takes them abbreviated, too."""


def check(wishes: Mapping[str, Any], models_dir: Path) -> None:
    """Raise ConfigurationError, naming the key, for what sbatch or submitit would take amiss."""
    for key in SLURM_COLLECTIONS:
        value = wishes.get(key.rpartition(".")[2])
        if value is not None and not _fits(key, value):
            kind = "a mapping: {mail-type: FAIL}" if key == SLURM_PARAMETERS else "a list of texts: [first,second]"
            raise ConfigurationError(f"{key}={value!r}: {key} must be {kind}, or null".replace("\n", "\\n"))
    for name in wishes.get("additional_parameters") or {}:
        option = name.replace("_", "-")
        if not OPTION.fullmatch(name):
            raise ConfigurationError(
                f"{SLURM_PARAMETERS}.{name!r}: an option of sbatch has letters, digits and `-` only: mend it"
            )
        if any(own.startswith(option) for own in SET_BY_DAISY):
            raise ConfigurationError(f"{SLURM_PARAMETERS}.{name}: Daisy sets that itself: leave it out")
    name = str(wishes.get("name", "daisy"))
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{SLURM}.name={name!r}: a job's name has letters, digits, `_`, `-` and `.` only, at most 40")
    delay, limit = wishes.get("signal_delay_s"), wishes.get("timeout_min")
    if isinstance(delay, int) and isinstance(limit, int) and delay >= limit * 60:
        raise ConfigurationError(
            f"{SLURM}.signal_delay_s={delay}: with {SLURM}.timeout_min={limit} each job would be stopped as it begins: lower it"
        )
    if "%" in str(models_dir):
        raise ConfigurationError(f"env.models_dir={models_dir}: Slurm takes % in a path for something else: set another one")


def _fits(key: str, value: Any) -> bool:
    if key == SLURM_PARAMETERS:
        return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
