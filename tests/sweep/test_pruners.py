"""Pruners: what is written is checked, and each of them does to planted learning curves what it is for."""

import math

import optuna
import pytest
from optuna.trial import TrialState

from daisy.errors import ConfigurationError
from daisy.sweep.chosen import Chosen
from daisy.sweep.pruners import pruner, read_pruner

WHERE = "sweeps/mine.yaml"
EPOCHS = 12
GOOD = [0.3 + 0.5 * epoch / EPOCHS for epoch in range(1, EPOCHS + 1)]
BAD = [0.05] * EPOCHS
LATE = [0.02 * epoch for epoch in range(1, 7)] + [0.3, 0.5, 0.7, 0.8, 0.9, 0.95]  # below all others for half of the time
Curve = list[float]


def trained(study: optuna.Study, curve: Curve, number: int | None = None) -> int | None:
    """Trains one trial; the epoch after which it was pruned, None where it was not. It has this `number` in its sweep."""
    trial = study.ask()
    if number is not None:
        trial.set_user_attr("trial", number)
    for epoch, accuracy in enumerate(curve, start=1):
        trial.report(accuracy, epoch)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return epoch
    study.tell(trial, curve[-1])
    return None


def study_with(chosen: Chosen, *curves: Curve, epochs: int | None = EPOCHS) -> optuna.Study:
    study = optuna.create_study(direction="maximize", pruner=pruner(chosen, epochs), study_name="test")
    for curve in curves:
        trained(study, curve)
    return study


def test_none_prunes_nothing() -> None:
    study = study_with(read_pruner("sweep.pruner", None, WHERE), *[GOOD] * 10)
    assert trained(study, BAD) is None


def test_median_ends_what_is_below_the_middle_of_the_others() -> None:
    study = study_with(Chosen("median"), *[GOOD] * 5)
    assert trained(study, BAD) == 1
    assert trained(study, GOOD) is None


def test_before_so_many_trials_nothing_is_pruned() -> None:
    for startup in (2, 4):
        study = study_with(Chosen("median", {"startup_trials": startup}), *[GOOD] * (startup - 1))
        assert trained(study, BAD) is None
        assert trained(study, BAD) == 1


@pytest.mark.parametrize("warmup", [0, 1, 3])
def test_so_many_epochs_are_never_the_last(warmup: int) -> None:
    study = study_with(Chosen("median", {"startup_trials": 1, "warmup_steps": warmup}), GOOD)
    assert trained(study, BAD) == warmup + 1


def test_percentile_keeps_the_best_ones() -> None:
    curves = [[accuracy + 0.01 * number for accuracy in GOOD] for number in range(10)]
    for percent, kept in ((80, True), (30, False)):
        study = study_with(Chosen("percentile", {"percentile": percent, "startup_trials": 3}))
        for curve in curves:
            trial = study.ask()
            for epoch, accuracy in enumerate(curve, start=1):
                trial.report(accuracy, epoch)
            study.tell(trial, curve[-1])
        assert (trained(study, curves[4]) is None) == kept


def test_a_late_bloomer_is_ended_by_median_and_kept_by_patient() -> None:
    assert trained(study_with(Chosen("median"), *[GOOD] * 5), LATE) == 1
    assert trained(study_with(Chosen("patient"), *[GOOD] * 5), LATE) is None


@pytest.mark.parametrize("patience", [0, 1, 4])
def test_patient_ends_what_gains_nothing_and_is_below_the_middle(patience: int) -> None:
    study = study_with(Chosen("patient", {"patience": patience}), *[GOOD] * 5)
    assert trained(study, BAD) == patience + 1
    assert trained(study, [0.2 - 0.01 * epoch for epoch in range(EPOCHS)]) == patience + 1
    assert trained(study, [0.95] * EPOCHS) is None
    assert trained(study, [0.05, 0.05, *LATE[2:]]) == (None if patience > 1 else patience + 1)


def test_a_gain_must_be_more_than_min_delta() -> None:
    gains_little = [0.1 + 0.001 * epoch for epoch in range(EPOCHS)]
    for least, end in ((0.0, None), (0.0015, None), (0.0025, 3)):
        study = study_with(Chosen("patient", {"patience": 2, "min_delta": least}), *[GOOD] * 5)
        assert trained(study, gains_little) == end


def test_patient_within_none_goes_by_the_trial_alone() -> None:
    falling = [0.9 - 0.02 * epoch for epoch in range(EPOCHS)]
    assert trained(study_with(Chosen("patient", {"patience": 2, "within": "none"})), falling) == 3
    assert trained(study_with(Chosen("patient", {"patience": 2})), falling) is None


def test_patient_where_less_is_better_and_with_what_is_no_number() -> None:
    study = optuna.create_study(direction="minimize", pruner=pruner(Chosen("patient", {"patience": 2, "within": "none"}), None))
    assert trained(study, [0.9 - 0.02 * epoch for epoch in range(EPOCHS)]) is None
    assert trained(study, [0.5, math.nan, 0.4, math.nan, 0.41, 0.3]) == 5
    assert trained(study, [math.nan] * EPOCHS) == 3


def test_asha_lets_a_part_go_on_at_each_rung() -> None:
    study = study_with(Chosen("asha", {"min_resource": 2, "reduction_factor": 2}), *[GOOD] * 4)
    assert trained(study, BAD) == 2
    slightly_worse = [*GOOD[:3], *[0.1] * (EPOCHS - 3)]
    assert trained(study, slightly_worse) == 4
    assert trained(study, [accuracy + 0.1 for accuracy in GOOD]) is None


@pytest.mark.parametrize("epochs", [EPOCHS, None])
def test_hyperband_ends_bad_ones_after_different_times(epochs: int | None) -> None:
    """Its brackets begin to prune at 1, 3 and 9 epochs."""
    study = study_with(Chosen("hyperband"), *[GOOD] * 60, epochs=epochs)
    ends = {trained(study, BAD) for _ in range(30)}
    assert ends == {1, 3, 9}
    assert trained(study, [accuracy + 0.1 for accuracy in GOOD]) is None


def test_each_process_has_a_pruner_of_its_own() -> None:
    """What a pruner needs to know is in the study."""
    study = study_with(Chosen("hyperband"), *[GOOD] * 60)
    ends = set()
    for _ in range(30):
        study.pruner = pruner(Chosen("hyperband"), EPOCHS)
        ends.add(trained(study, BAD))
    assert ends == {1, 3, 9}


@pytest.mark.parametrize("name", ["asha", "hyperband", "median"])
def test_a_study_that_is_made_again_prunes_as_before(name: str) -> None:
    """It knows what the folders do: numbers in the sweep, states, reports; Optuna's own numbers are others."""
    study = study_with(Chosen(name), *[GOOD] * 10)
    for number in range(10, 40):
        trained(study, [accuracy * (1 + number % 3 / 10) for accuracy in GOOD], number)
    again = study_with(Chosen(name))
    again.add_trial(optuna.trial.create_trial(value=0.5))
    for one in study.get_trials(deepcopy=False):
        values, number = one.values or [0.1], one.user_attrs.get("trial", one.number)
        told = {"user_attrs": {"trial": number}, "intermediate_values": one.intermediate_values}
        again.add_trial(optuna.trial.create_trial(state=one.state, values=values, **told))
    best = [accuracy + 0.3 for accuracy in GOOD]
    curves = [BAD, [*best[:3], *BAD[3:]], best] * 5
    ends = [trained(study, curve, number) for number, curve in enumerate(curves, 40)]
    assert [trained(again, curve, number) for number, curve in enumerate(curves, 40)] == ends
    assert None in ends and len({*ends}) > 2


def test_what_is_no_number_is_ended_at_a_rung_and_is_no_rival() -> None:
    study = study_with(Chosen("asha", {"reduction_factor": 2}), *[[math.nan] * EPOCHS] * 3)
    assert [len(one.intermediate_values) for one in study.trials] == [1, 1, 1]
    assert trained(study, BAD) is None


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_what_could_never_prune_is_an_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"min_resource=12 lets each trial train for that many epochs, and they have 12"):
        pruner(Chosen(name, {"min_resource": 12}), 12)
    pruner(Chosen(name, {"min_resource": 11}), 12)
    pruner(Chosen(name, {"min_resource": 12}), None)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("medain", f"sweep.pruner=medain ({WHERE}): there is none of that name - did you mean median?"),
        ("wilcoxon", f"sweep.pruner=wilcoxon ({WHERE}): choose one of none, median, percentile, asha, hyperband, patient"),
        (
            {"name": "median", "warmup": 1},
            f"sweep.pruner.warmup ({WHERE}): median has no such option: median has startup_trials, warmup_steps",
        ),
        (
            {"name": "none", "patience": 1},
            f"sweep.pruner.patience ({WHERE}): it is an option of patient, not of none: leave it out",
        ),
        ({"name": "percentile", "percentile": 101}, f"sweep.pruner.percentile=101 ({WHERE}) must be a number from 0 to 100"),
        ({"name": "asha", "reduction_factor": 1}, f"sweep.pruner.reduction_factor=1 ({WHERE}) must be a whole number, 2 or more"),
        ({"name": "patient", "within": "asha"}, f"sweep.pruner.within=asha ({WHERE}) must be one of median, percentile, none"),
        ({"name": "patient", "min_delta": -1}, f"sweep.pruner.min_delta=-1 ({WHERE}) must be a number, 0 or more"),
    ],
)
def test_what_can_not_be_read_is_one_line_with_the_way_out(value: object, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_pruner("sweep.pruner", value, WHERE)
    assert str(caught.value) == says


def test_all_options_are_taken() -> None:
    for section in (
        {"name": "median", "startup_trials": 3, "warmup_steps": 1},
        {"name": "percentile", "percentile": 12.5, "startup_trials": 3, "warmup_steps": 1},
        {"name": "asha", "min_resource": 2, "reduction_factor": 3},
        {"name": "hyperband", "min_resource": 2, "reduction_factor": 3},
        {"name": "patient", "patience": 2, "min_delta": 0.01, "within": "percentile", "percentile": 50, "startup_trials": 2},
    ):
        chosen = read_pruner("sweep.pruner", section, WHERE)
        assert {"name": chosen.name, **chosen.options} == section
        pruner(chosen, EPOCHS)
