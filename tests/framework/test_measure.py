"""The one figure that pruning goes by."""

from __future__ import annotations

from typing import Any

import pytest
from frameworks.asked import shipped
from support import CHECKOUT

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError, FrameworkError
from daisy.framework import lookup
from daisy.framework.measure import Measure, measure_of, usual_direction

ALL = sorted(path.stem for path in (CHECKOUT / "frameworks").glob("*.py") if path.stem not in ("command", "suffix"))
COMMAND = """\
defaults: [_command, _self_]
name: mine
train: python {{here}}/train.py
predict: python {{here}}/predict.py {{source}} {{output}}
progress: {progress}
"""


@pytest.mark.parametrize("framework", ALL)
def test_the_shipped_ones(framework: str) -> None:
    adapter = shipped(framework)
    assert measure_of(adapter, "best", None) == Measure("dev_accuracy", "maximize")
    assert measure_of(adapter, "each", None) == Measure("accuracy", "maximize")
    assert measure_of(adapter, "each", "loss") == Measure("loss", "minimize")
    assert measure_of(adapter, "best", "dev_accuracy") == Measure("dev_accuracy", "maximize")
    with pytest.raises(ConfigurationError, match=r"sweep.measure=bleu: \w+ never tells it .*; set one that it tells \(dev_acc"):
        measure_of(adapter, "best", "bleu")
    with pytest.raises(ConfigurationError, match=r"with train.validate=each only; set that, or set one that it tells \(dev_acc"):
        measure_of(adapter, "best", "accuracy")


def test_the_baseline_tells_nothing() -> None:
    with pytest.raises(ConfigurationError, match=r"tells no figure .* could go by: set sweep.pruner=none$"):
        measure_of(shipped("suffix"), "best", None)
    with pytest.raises(ConfigurationError, match=r"keeps no checkpoint of each epoch .*; set sweep.pruner=none$"):
        measure_of(shipped("suffix"), "best", "accuracy")
    with pytest.raises(ConfigurationError, match=r"set sweep.pruner=none"):
        measure_of(shipped("suffix"), "each", None)  # which is refused for other reasons


def with_measures(measures: Any) -> Any:
    """An adapter that keeps a checkpoint of each epoch, with measures of the test's own."""
    adapter = shipped("arcadio")
    adapter.measures = measures
    return adapter


def test_what_an_adapter_says() -> None:
    assert measure_of(with_measures({"dev_loss": "minimize", "loss": "minimize"}), "best", None).name == "dev_loss"
    assert measure_of(with_measures({"loss": "minimize", "dev_loss": "minimize"}), "best", None).name == "loss"
    assert measure_of(with_measures({"loss": "minimize"}), "best", None) == Measure("loss", "minimize")
    with pytest.raises(ConfigurationError, match=r"could go by: set train.validate=each or sweep.pruner=none$"):
        measure_of(with_measures({}), "best", None)
    assert measure_of(with_measures({}), "each", None).name == "accuracy"
    with pytest.raises(FrameworkError, match=r"say maximize or minimize in its measures"):
        measure_of(with_measures({"loss": "down"}), "best", None)
    with pytest.raises(FrameworkError, match=r"is to minimize bleu, where its name says maximize: mend one of them"):
        measure_of(with_measures({"bleu": "minimize"}), "best", None)


def test_where_a_figure_is_to_go() -> None:
    assert [usual_direction(name) for name in ("Dev_Loss", "valid_cross_entropy", "ter_error", "perplexity")] == ["minimize"] * 4
    assert [usual_direction(name) for name in ("dev_accuracy", "BLEU", "chrF2")] == ["maximize"] * 3
    assert usual_direction("learning_rate") is None


def described(project: Any, progress: str, more: str = "") -> Any:
    """The adapter of a program that is described in YAML alone."""
    path = project.root / "conf" / "framework" / "mine.yaml"
    path.write_text(COMMAND.format(progress=progress) + more)
    here = find_project(project.root, {})
    values = compose(here, ["framework=mine", "dataset=tiny"], project.root).values["framework"]
    return lookup.load(lookup.find(here, "command"), values)


def test_any_command(project: Any) -> None:
    """By the names that its YAML reads from the log, or as the YAML says."""
    words = "{epoch: 'e (\\d+)', loss: 'l (\\S+)', my_score: 's (\\S+)', dev_loss: 'd (\\S+)', dev_accuracy: 'a (\\S+)'}"
    adapter = described(project, words)
    assert list(adapter.measures.items()) == [("dev_accuracy", "maximize"), ("dev_loss", "minimize"), ("loss", "minimize")]
    with pytest.raises(ConfigurationError, match=r"sweep.measure=my_score: mine never tells it"):
        measure_of(adapter, "best", "my_score")
    adapter = described(project, words, "measures: {my_score: maximize, dev_accuracy: maximize}\n")
    assert list(adapter.measures) == ["my_score", "dev_accuracy", "dev_loss", "loss"]
    assert measure_of(adapter, "best", None) == Measure("my_score", "maximize")
    adapter = described(project, words, "measures: {loss: minimize, dev_accuracy: maximize}\n")
    assert measure_of(adapter, "best", None) == Measure("loss", "minimize")
    with pytest.raises(
        ConfigurationError, match=r"measures in conf/framework/mine.yaml names bleu, which progress does not read"
    ):
        described(project, words, "measures: {bleu: maximize}\n")
    with pytest.raises(ConfigurationError, match=r"is to up loss: write maximize or minimize"):
        described(project, words, "measures: {loss: up}\n")
    with pytest.raises(ConfigurationError, match=r"is to maximize loss, .* says minimize: write that, or give it another name"):
        described(project, words, "measures: {loss: maximize}\n")
    assert described(project, "{}").measures == {}


def test_a_program_without_epochs(project: Any) -> None:
    """Its training's own loss would be told to no pruner; what is told of the dev set counts by updates, where it tells those."""
    steps = "{step: 's (\\d+)', loss: 'l (\\S+)', dev_loss: 'd (\\S+)'}"
    assert described(project, steps).measures == {"dev_loss": "minimize"}
    with pytest.raises(ConfigurationError, match=r"names loss, which progress reads without an epoch: add progress.epoch"):
        described(project, steps, "measures: {loss: minimize}\n")
    with pytest.raises(ConfigurationError, match=r"mine tells no figure while it trains .*: set sweep.pruner=none$"):
        measure_of(described(project, "{loss: 'l (\\S+)', dev_loss: 'd (\\S+)'}"), "best", None)


def test_measures_enter_no_identity(project: Any) -> None:
    """They change no training."""
    from daisy.launch.planning import plan

    here = find_project(project.root, {})
    (project.root / "frameworks" / "mine").mkdir()
    for name in ("train.py", "predict.py"):
        (project.root / "frameworks" / "mine" / name).write_text("")
    found = set()
    for more in ("", "measures: {loss: minimize}\n"):
        described(project, "{epoch: 'e (\\d+)', loss: 'l (\\S+)'}", more)
        composed = compose(here, ["framework=mine", "dataset=tiny"], project.root)
        found.add(plan(here, composed, lambda text: None).identity)
    assert len(found) == 1
