"""What tests of searches look at: the study, the trials' files, the models."""

import json
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

RIGHT = "framework.options.right"
SECONDS = "framework.options.seconds"


def definition(space: str, trials: int, more: str = "") -> str:
    """The node of a search."""
    return f"{{kind: search, space: {{{space}}}, trials: {trials}, sampler: {{name: random, seed: 1}}, {more}}}"


def study_of(sweep: Path, number: int = 1) -> optuna.Study:
    """The study in a sweep's folder."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = JournalStorage(JournalFileBackend(str(sweep / "study.log")))
    return optuna.load_study(study_name=sweep.name if number == 1 else f"{sweep.name}-{number}", storage=storage)


def facts(study: optuna.Study) -> list[dict[str, Any]]:
    """What a study says of each of its trials, without its own numbers and times."""
    return sorted(
        (
            {
                "trial": one.user_attrs.get("trial"),
                "models": one.user_attrs.get("models"),
                "repeats": one.user_attrs.get("repeats"),
                "state": one.state.name,
                "params": one.params,
                "values": one.values,
                "reports": one.intermediate_values,
            }
            for one in study.get_trials(deepcopy=False)
        ),
        key=lambda one: json.dumps(one, sort_keys=True, default=str),
    )


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """The trials of the sweep that are done, as the study has them."""
    return [one for one in study.get_trials(deepcopy=False) if one.state.name == "COMPLETE" and one.user_attrs.get("trial")]


def trial_files(sweep: Path) -> list[dict[str, Any]]:
    """The files of the trials, by number."""
    return [json.loads(path.read_text()) for path in sorted((sweep / "trials").glob("*.json")) if path.stem.isdigit()]


def results(models_dir: Path) -> list[dict[str, Any]]:
    """result.json of all models."""
    return [json.loads(path.read_text()) for path in sorted(models_dir.glob("r*/daisy/result.json"))]
