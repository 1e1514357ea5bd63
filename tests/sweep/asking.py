"""Trials that are asked for and told as separate processes do it: each with a study, a storage and a sampler of its own."""

import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna

from daisy.sweep.chosen import Chosen
from daisy.sweep.samplers import sampler
from daisy.sweep.storage import opened

STUDY = "s1700000000__test"

# Asks and tells until there are so many trials, a line for each; `-c ASKER JOURNAL URL TRIALS`.
ASKER = f"""
import os, sys
from pathlib import Path
import optuna
from daisy.sweep.chosen import Chosen
from daisy.sweep.samplers import sampler
from daisy.sweep.storage import opened
journal, url, trials = Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3])
while True:
    study = optuna.create_study(
        storage=opened(url, journal), study_name="{STUDY}", load_if_exists=True, sampler=sampler(Chosen("tpe"), os.getpid())
    )
    trial = study.ask()
    if trial.number >= trials:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        break
    x = trial.suggest_float("x", 0, 1)
    trial.report(x, 1)
    study.tell(trial, x)
    print(trial.number, flush=True)
"""


def asker(journal: Path, trials: int, url: str = "") -> subprocess.Popen[str]:
    """A process that asks and tells."""
    command = [sys.executable, "-c", ASKER, str(journal), url, str(trials)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def study_of(journal: Path, url: str | None = None, **options: Any) -> optuna.Study:
    """The study of a journal, opened anew."""
    storage = opened(url, journal)
    return optuna.create_study(storage=storage, study_name=STUDY, load_if_exists=True, **options)


def asked_one_by_one(
    journal: Path, chosen: Chosen, objective: Callable[[optuna.Trial], float], trials: int, **options: Any
) -> list[tuple[Mapping[str, Any], float]]:
    """The parameters and values of so many trials."""
    found = []
    for number in range(trials):
        study = study_of(journal, sampler=sampler(chosen, number), **options)
        trial = study.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = objective(trial)
        trial.set_user_attr("trial", number)
        study.tell(trial, value)
        found.append((trial.params, value))
    return found
