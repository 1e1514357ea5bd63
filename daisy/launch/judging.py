"""The judge of a model that is a trial: it tells the study how far the model is, and ends it where the pruner says so."""

from collections.abc import Mapping

from daisy.folder import ModelFolder, Place, SweepFolder
from daisy.job import Judge
from daisy.launch.searching import Searching
from daisy.sweep.study import Study
from daisy.sweep.trials import is_measured_now, sign_of


def judge_of(sweep: SweepFolder, place: Place, folder: ModelFolder) -> Judge | None:
    """The judge of a trial's first model; None for all others: of several seeds one is pruned by."""
    numbering = sweep.numbering()
    number = numbering.trial_of(place.number)
    trial = sweep.trials.read(number)
    if trial is None or trial.measure is None or numbering.repeat_of(place.number) or not is_measured_now(trial, sweep.info()):
        return None
    return StudyJudge(sweep, folder, number, trial.measure)


class StudyJudge:
    """Reports to the study of a search. Whatever is wrong with that, the model is trained on."""

    def __init__(self, sweep: SweepFolder, folder: ModelFolder, number: int, measure: Mapping[str, str]) -> None:
        self.measure = measure["name"]
        self._sweep, self._folder, self._number, self._measured = sweep, folder, number, measure
        self._study: Study | None = None
        self._sign = 1.0
        self._told_trouble = False

    def report(self, step: int, value: float) -> str | None:
        """Tell the study; why training is to end now, None where it goes on."""
        try:
            study = self._opened()
            trial = study.running(self._number)
            if trial is None:
                return None  # somebody has told how it ended: it was thought to be dead
            trial.report(self._sign * value, step)
            if not trial.should_prune():
                return None
        except Exception as error:  # of a storage's many kinds
            self._study = None  # it may have been made again
            if not self._told_trouble:
                self._told_trouble = True
                self._folder.log(f"the study can't be told how far it is, so it is not pruned ({error}): daisy sweeps rebuild")
            return None
        return f"{self.measure} {value:.4g}: other trials were better then ({study.pruner_name})"

    def _opened(self) -> Study:
        if self._study is None:
            searching = Searching(self._sweep)
            self._study = searching.study(searching.numbering.base_of(self._number))
            self._sign = sign_of(self._measured, searching.search.goal)
        return self._study
