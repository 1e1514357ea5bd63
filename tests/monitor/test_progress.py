"""How far a search is, in words."""

from collections.abc import Sequence

import pytest

from daisy.folder import TrialFile
from daisy.monitor.search_words import progress
from daisy.monitor.seen import SeenBase, SeenTrial
from daisy.sweep.trials import Trial


def told(*trials: tuple[str, str]) -> str:
    """The progress of a search of five trials: of each the state that the folders tell, and the one that is seen."""
    seen = [
        SeenTrial(Trial(TrialFile(number, 0, 0.0, {}, {}, []), state, None, "", ()), shown, [], ["accuracy"])
        for number, (state, shown) in enumerate(trials, 1)
    ]
    base = SeenBase(0, [], {"accuracy": "maximize"}, 5, seen, 5 - len(seen), 0, None, [])
    return dict(progress(base))["progress"]


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([("done", "done"), ("running", "running")], "1 of 5 trials: 1 done; 1 running, 3 to come"),
        ([("running", "stopped")], "0 of 5 trials; 1 stopped, 4 to come"),  # killed: the same command resumes it
        ([("running", "unknown"), ("stopped", "stopped")], "1 of 5 trials: 1 stopped; 1 unknown, 3 to come"),
    ],
)
def test_what_can_go_on_has_not_ended(trials: Sequence[tuple[str, str]], words: str) -> None:
    assert told(*trials) == words
