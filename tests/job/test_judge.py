"""Which figures of a log a judge is told, and which never prune: half a line, what comes after the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from frameworks.asked import shipped
from frameworks.replay import RECORDED, recordings
from job.judges import WORDS, Planned

from daisy.folder import ModelFolder
from daisy.framework import Adapter, Checkpoint, Command, Description, Options, Paths, Progress
from daisy.framework.conformance.read import lines_of
from daisy.framework.measure import measure_of
from daisy.framework.process import RunningCommand
from daisy.job.gauge import Limits
from daisy.job.judge import Pruned
from daisy.job.observer import Silent
from daisy.job.watch import Watch

FIRST = "epoch 1 done loss 0.4213 dev_accuracy 0.4510 best seconds 5.1\nsaved epoch 1\n"
SECOND = "epoch 2 done loss 0.3213 dev_accuracy 0.5510 best seconds 10.4\n"


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    found = ModelFolder(tmp_path / "model")
    found.daisy.mkdir(parents=True)
    return found


def watched(folder: ModelFolder, adapter: Adapter, script: str, judge: Any, limits: Limits = Limits()) -> Watch:  # noqa: B008
    """A shell script as the framework, watched to its end."""
    watch = Watch(folder, adapter, 1, Silent(), limits, judge)
    with RunningCommand(["sh", "-c", script], {}, folder.path) as running:
        watch.follow(running)
    watch.close()
    return watch


def of_lines(folder: ModelFolder, progresses: Sequence[Progress], judge: Any) -> Watch:
    """What a framework tells that says one thing after the other, and then sleeps."""

    class Told(Adapter):
        """Reads numbers of what it is to give."""

        def read_line(self, line: str) -> Progress | None:
            return progresses[int(line)]

        def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command: ...
        def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command: ...
        def best_checkpoint(self, paths: Paths) -> Checkpoint | None: ...
        def describe(self, paths: Paths) -> Description: ...

    return watched(folder, Told(), f"seq 0 {len(progresses) - 1}", judge)


@pytest.mark.parametrize("way", ["exit 0", "kill -9 $$", "exit 7"])
def test_a_line_that_is_cut_at_any_byte_never_prunes(folder: ModelFolder, way: str) -> None:
    """The framework is gone then: what there is of its last line is no figure, or comes too late."""
    log = folder.path / "log"
    for length in range(len(SECOND)):
        log.write_text(FIRST + SECOND[:length])
        folder.metrics.unlink(missing_ok=True)
        judge = Planned(at=2)
        watch = watched(folder, shipped("arcadio"), f"cat log; {way}", judge)
        assert watch.pruned is None and not folder.pruned.exists(), length
        assert judge.told[0] == (1, 0.451)
        if way != "exit 0":  # else the last line may be a whole one that has no end
            assert len(judge.told) == 1, length


def test_a_whole_line_prunes(folder: ModelFolder) -> None:
    """And none that lives on without its end."""
    log, judge = folder.path / "log", Planned(at=2)
    log.write_text(FIRST + SECOND.rstrip("\n"))
    assert watched(folder, shipped("arcadio"), "cat log; sleep 0.5; kill -9 $$", judge).pruned is None
    log.write_text(SECOND + "saved epoch 2\n")
    watch = watched(folder, shipped("arcadio"), "cat log; sleep 60", judge)
    assert watch.pruned == Pruned(WORDS, 2, "dev_accuracy", 0.551)
    assert judge.told == [(1, 0.451), (2, 0.551)]


def test_a_framework_that_says_it_has_finished_is_not_pruned(folder: ModelFolder) -> None:
    (folder.path / "log").write_text(FIRST + SECOND + "saved epoch 2\nfinished: patience\n")
    judge = Planned(at=2)
    watch = watched(folder, shipped("arcadio"), "cat log; sleep 1", judge)
    assert (watch.pruned, watch.ended) == (None, "patience")
    assert judge.told == [(1, 0.451), (2, 0.551)]


@pytest.mark.parametrize("limits", [Limits(), Limits(seconds=0.5)], ids=["pruning", "seconds"])
def test_what_it_says_while_it_is_being_ended_changes_no_reason(folder: ModelFolder, limits: Limits) -> None:
    """A loss that is no number then is no failure: the training was good until it was ended."""
    (folder.path / "log").write_text(FIRST + SECOND + "saved epoch 2\n")
    script = "trap 'echo epoch 3 step 1/2 loss nan; echo finished: patience; exit 0' TERM; cat log; sleep 60 & wait"
    watch = watched(folder, shipped("arcadio"), script, Planned(at=None if limits.seconds else 2), limits)
    assert watch.ended == ("seconds" if limits.seconds else "pruning")
    assert (watch.pruned is None, folder.pruned.exists()) == (bool(limits.seconds), not limits.seconds)
    assert "loss nan" in folder.run_out.read_text()


@pytest.mark.parametrize("framework", recordings())
def test_of_each_recorded_training_each_epoch_is_told_once(folder: ModelFolder, framework: str) -> None:
    """By the best figure that its log tells, and by the loss of its training."""
    adapter = shipped(framework)
    log = RECORDED / framework / "train.log"
    told = [progress for line in lines_of(log.read_bytes()) if (progress := adapter.read_line(line)) is not None]
    epochs = {progress.epoch for progress in told if progress.epoch_done}
    assert len(epochs) > 1 and measure_of(adapter, "best", None).name == "dev_accuracy"
    for wanted in adapter.measures:
        folder.metrics.unlink(missing_ok=True)
        judge = Planned(measure=wanted)
        watched(folder, adapter, f"cat '{log}'", judge)
        assert [step for step, _ in judge.told] == sorted(epochs), wanted  # type: ignore[type-var]
        figures = {progress.measures.get(wanted) for progress in told}
        assert {value for _, value in judge.told} <= figures


def test_an_epoch_ends_where_the_next_one_begins(folder: ModelFolder) -> None:
    """For frameworks that say no more than that."""
    steps = [Progress(epoch=epoch, step=step, measures={"loss": 9 / epoch / step}) for epoch in (1, 2, 3) for step in (1, 2, 3)]
    judge = Planned(measure="loss")
    of_lines(folder, steps, judge)
    assert judge.told == [(1, 3.0), (2, 1.5)]


def test_what_is_told_in_a_line_without_the_loss(folder: ModelFolder) -> None:
    """The epoch's end is a line of its own, and its step lines came too fast to be recorded: the last loss is, all the same."""
    progresses = [
        *(Progress(epoch=1, step=step, measures={"loss": 9.0 - step}) for step in range(5)),
        Progress(epoch=1, step=5, epoch_done=True, saved_epoch=1),
        Progress(epoch=2, step=6, measures={"loss": 3.0}),
        Progress(epoch=2, epoch_done=True),
    ]
    judge = Planned(measure="loss")
    of_lines(folder, progresses, judge)
    assert judge.told == [(1, 5.0), (2, 3.0)]
    assert folder.judged_steps() == {1, 2}
    assert [line["loss"] for line in folder.last_metrics(99) if "judged" in line] == [5.0, 3.0]


def test_without_epochs_updates_are_the_steps(folder: ModelFolder) -> None:
    progresses = [Progress(step=100 * n, measures={"dev_loss": 1 / n, "loss": 5.0}) for n in (1, 2, 3)]
    judge = Planned(measure="dev_loss")
    of_lines(folder, progresses, judge)
    assert judge.told == [(100, 1.0), (200, 0.5), (300, 1 / 3)]
    assert Pruned("no good", 200, "dev_loss", 0.5, by_epoch=False).reason == "pruned at update 200: no good"
    assert not of_lines(folder, progresses, Planned(measure="loss")).pruned


@pytest.mark.parametrize(("measure", "is_told"), [("loss", True), ("bleu", False)])
def test_a_judge_that_was_told_nothing(theatre: Any, measure: str, is_told: bool) -> None:
    """The model is whole; that nothing could be pruned stands in job.out."""
    theatre.puppet()
    judge = Planned(measure=measure)
    folder, outcome, _ = theatre.here(judge=judge)
    assert (outcome.state, bool(judge.told)) == ("done", is_told), outcome.result
    line = f"pruning had nothing to go by: the log told {measure} of no epoch; name another figure in sweep.measure, or mend"
    assert (line in folder.job_out.read_text()) is not is_told


def test_several_figures_of_one_epoch(folder: ModelFolder) -> None:
    """The first one counts: of one step a judge hears once."""
    progresses = [Progress(epoch=1, step=n, measures={"dev_accuracy": n / 10}) for n in (1, 2, 3)]
    judge = Planned()
    of_lines(folder, progresses, judge)
    assert judge.told == [(1, 0.1)]
    assert [line["dev_accuracy"] for line in folder.last_metrics(99)] == [0.1, 0.2, 0.3]


def test_a_damaged_verdict_is_none(folder: ModelFolder) -> None:
    """What was to be pruned trains on, and is judged again."""
    folder.write_pruned(vars(Pruned("no good", 2, "loss", 0.5)))
    text = folder.pruned.read_text()
    assert Pruned.of(folder.read_pruned()) == Pruned("no good", 2, "loss", 0.5)
    for damaged in ("", "[1]", "{}", '{"step": 3}', text[:-3]):
        folder.pruned.write_text(damaged)
        assert Pruned.of(folder.read_pruned()) is None
    folder.pruned.unlink()
    assert Pruned.of(folder.read_pruned()) is None


def test_torn_lines_of_metrics(folder: ModelFolder) -> None:
    lines = ('{"judged": 1, "loss": 3}', '{"judged": "x"}', '"judged"', '["judged"]', '{"note": "\\"judged\\""}', '{"judged": 2')
    folder.metrics.write_text("\n".join(lines))
    assert folder.judged_steps() == {1}
