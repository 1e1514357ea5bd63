"""A judge ends a training before its end: the framework is ended well, and what the model has learned so far is scored."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from job.judges import IN_THE_VERB, WORDS, Planned

CURVE = [0.1, 0.2, 0.15, 0.3, 0.35, 0.4]
WAITS = [[4, "wait_for", "never"]]  # before its fourth epoch: only somebody else can end it
EPOCHS = "train.epochs=6"


def accuracies(theatre: Any) -> dict[int, float]:
    """What Daisy has scored."""
    return {line["epoch"]: line["accuracy"] for line in theatre.metrics() if "accuracy" in line}


def in_the_verb(theatre: Any, *words: str, measure: str = "dev_accuracy", at: int = 2) -> Any:
    """`daisy ...` with a judge, in a process of its own."""
    return theatre.run([sys.executable, "-c", IN_THE_VERB, measure, str(at), *words])


def asked(theatre: Any, *words: str, **judge: Any) -> Any:
    return in_the_verb(theatre, "framework=puppet", "dataset=tiny", EPOCHS, *words, **judge)


def test_a_pruned_model(theatre: Any) -> None:
    theatre.puppet(acts=[*WAITS, [2, "start", "daemon"]], curve=CURVE, correct=[3, 9, 5])
    judge = Planned(at=3)
    folder, outcome, _ = theatre.here(EPOCHS, judge=judge)
    assert (outcome.state, outcome.exit_code) == ("pruned", 0), outcome.result
    theatre.nobody_is_left()
    assert judge.told == [(1, 0.1), (2, 0.2), (3, 0.15)]
    result = json.loads(folder.result.read_text())
    assert result["state"] == "pruned"
    assert result["reason"] == f"pruned at epoch 3: {WORDS}"
    assert result["pruned_at"] == {"step": 3, "measure": "dev_accuracy", "value": 0.15}
    # All that a done model has, from the best checkpoint so far.
    assert (result["correct"], result["examples"], result["accuracy"]) == (9, 18, 0.5)
    assert result["checkpoint"]["path"] == "model_out/best.json" and result["checkpoint"]["epoch"] == 2
    assert set(result["stages"]) == {"prepare", "train", "validate"}
    assert result["ended_because"] == "pruning"
    for name, checksum in result["checksums"].items():
        assert hashlib.sha256((folder.daisy / name).read_bytes()).hexdigest() == checksum, name
    rows = [line.split("\t") for line in folder.predictions().read_text().splitlines()]
    assert sum(target == predicted for _, target, predicted in rows) == 9
    assert accuracies(theatre) == {2: 0.5}
    assert [line["judged"] for line in theatre.metrics() if "judged" in line] == [1, 2, 3]
    told = [line.partition("] ")[2] for line in folder.job_out.read_text().splitlines()]
    assert told[3:] == [
        f"pruned at epoch 3: {WORDS}: the framework is ended",
        "validating",
        told[5],
        f"pruned: pruned at epoch 3: {WORDS}",
    ]
    assert told[5].startswith("accuracy 50.00% (9 of 18 examples")
    assert "epoch 3 done" in folder.run_out.read_text() and "epoch 4" not in folder.run_out.read_text()


def test_a_judge_that_lets_it_be(theatre: Any) -> None:
    theatre.puppet(curve=CURVE[:3])
    judge = Planned()
    folder, outcome, _ = theatre.here(judge=judge)
    assert (outcome.state, outcome.exit_code) == ("done", 0), outcome.result
    assert judge.told == [(1, 0.1), (2, 0.2), (3, 0.15)]
    assert "pruned_at" not in outcome.result and not folder.pruned.exists()


def test_at_the_last_epoch_nothing_is_left_to_prune(theatre: Any, wait: Callable[..., Any]) -> None:
    """Whatever it still has to do after it."""
    theatre.puppet(acts=[[-1, "wait_for", "end"], [-1, "touch", "by itself"]], curve=CURVE[:3])

    def a_while_after_the_last_figure() -> None:
        wait(lambda: theatre.project.models() and theatre.model.metrics.exists() and 3 in theatre.model.judged_steps(), "it")
        threading.Event().wait(1.0)
        theatre.open("end")

    helper = threading.Thread(target=a_while_after_the_last_figure)
    helper.start()
    judge = Planned(at=3)
    _, outcome, _ = theatre.here(judge=judge)
    helper.join()
    assert outcome.state == "done", outcome.result
    assert judge.told[-1] == (3, 0.15)
    assert (theatre.gates / "by itself").exists()


def test_after_its_end_nothing_is_left_to_prune(theatre: Any) -> None:
    """It ends by itself, well or not, right after a figure that would prune it: that is how it ended."""
    theatre.puppet(before_saving=[[2, "leave_with", 0]], curve=CURVE)
    for _ in range(3):
        _, outcome, _ = theatre.here(EPOCHS, "again=true", judge=Planned(at=2))
        assert (outcome.state, outcome.exit_code) in [("done", 0)], outcome.result
    theatre.puppet(before_saving=[[2, "leave_with", 7]], curve=CURVE)
    _, outcome, _ = theatre.here(EPOCHS, "again=true", judge=Planned(at=2))
    assert (outcome.state, outcome.exit_code) == ("failed", 1), outcome.result
    assert outcome.result["reason"] == "the framework ended with exit code 7"


def test_the_checkpoint_of_the_judged_epoch_is_waited_for(theatre: Any, wait: Callable[..., Any]) -> None:
    """The figures are told before it is saved, and without it there would be nothing to score."""
    theatre.puppet(acts=[[2, "wait_for", "never"]], before_saving=[[1, "touch", "told"], [1, "wait_for", "save"]], curve=CURVE)

    def let_it_save() -> None:
        theatre.reached("told")
        wait(lambda: "dev_accuracy" in theatre.model.metrics.read_text(), "the figure")
        threading.Event().wait(0.3)
        theatre.open("save")

    helper = threading.Thread(target=let_it_save)
    helper.start()
    _, outcome, _ = theatre.here(EPOCHS, judge=Planned(at=1))
    helper.join()
    assert (outcome.state, outcome.result["correct"]) == ("pruned", 1), outcome.result


def test_a_framework_that_saves_nothing(theatre: Any) -> None:
    """It goes on with the next epoch, and no checkpoint has come: there is no accuracy, and job.out says why."""
    theatre.puppet(saves=False, curve=CURVE, acts=WAITS)
    folder, outcome, _ = theatre.here(EPOCHS, judge=Planned(at=1))
    assert (outcome.state, outcome.exit_code) == ("pruned", 0), outcome.result
    assert "accuracy" not in outcome.result and "checkpoint" not in outcome.result
    assert outcome.result["reason"] == f"pruned at epoch 1: {WORDS}"
    assert outcome.result["no_accuracy"].startswith("the framework saved no checkpoint")
    assert "] no accuracy: the framework saved no checkpoint" in folder.job_out.read_text()
    assert "epoch 4" not in folder.run_out.read_text()
    shown = theatre.daisy("show", "-1")
    assert shown.code == 0 and "no accuracy       the framework saved no checkpoint" in shown.out, shown.out + shown.err


def test_a_validation_that_fails(theatre: Any) -> None:
    theatre.puppet(predict=[[0, "leave_with", 3]], curve=CURVE, acts=WAITS)
    folder, outcome, _ = theatre.here(EPOCHS, judge=Planned(at=2))
    assert (outcome.state, outcome.exit_code) == ("pruned", 0), outcome.result
    assert "accuracy" not in outcome.result and not folder.predictions().exists()
    assert "] no accuracy: the framework's prediction of the dev set ended with exit code 3" in folder.job_out.read_text()


def test_a_framework_that_ignores_being_asked(theatre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from daisy.framework.process import RunningCommand

    monkeypatch.setattr(RunningCommand.__init__, "__defaults__", (0.5, (), ()))
    theatre.puppet(acts=[[1, "be_deaf"], [3, "start", "session"], [3, "wait_for", "never"]], curve=CURVE)
    _, outcome, _ = theatre.here(EPOCHS, judge=Planned(at=2))
    assert (outcome.state, outcome.result["correct"]) == ("pruned", 2), outcome.result
    assert (theatre.gates / "asked").exists()
    theatre.nobody_is_left()


def test_the_loss_of_the_training_counts_at_the_end_of_an_epoch(theatre: Any) -> None:
    theatre.puppet(acts=WAITS)
    judge = Planned(measure="loss", at=3)
    _, outcome, _ = theatre.here(EPOCHS, judge=judge)
    assert judge.told == [(1, 1.0), (2, 0.5), (3, 0.333)]
    assert outcome.result["pruned_at"] == {"step": 3, "measure": "loss", "value": 0.333}


def test_what_is_no_number_is_not_judged(theatre: Any) -> None:
    theatre.puppet(curve=["nan", "inf", 0.2])
    judge = Planned(at=1)
    folder, outcome, _ = theatre.here(judge=judge)
    assert (outcome.state, judge.told) == ("done", [(3, 0.2)]), outcome.result
    assert "NaN" not in folder.metrics.read_text()


def test_a_loss_of_nan_is_a_failure(theatre: Any) -> None:
    theatre.puppet(acts=[[2, "say", "epoch 2 step 1/2 loss nan"], [2, "wait_for", "never"]])
    _, outcome, _ = theatre.here(judge=Planned(measure="loss", at=2))
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert outcome.result["reason"].startswith("the loss is not a number at epoch 2")


def test_the_time_limit_is_no_pruning(theatre: Any) -> None:
    """What the framework says while it is being ended is told, and prunes nothing."""
    theatre.puppet(acts=[[2, "be_deaf"], [2, "wait_for", "asked"], [3, "leave_with", 0]], curve=CURVE)
    judge = Planned(at=2)
    _, outcome, _ = theatre.here(EPOCHS, "train.seconds=1", judge=judge)
    assert (outcome.state, outcome.result["ended_because"]) == ("done", "seconds"), outcome.result
    assert judge.told == [(1, 0.1), (2, 0.2)]


def test_each_epoch_is_scored_and_judged(theatre: Any) -> None:
    """Daisy's own accuracy, while the framework trains on; the best of those is the model's."""
    theatre.puppet(acts=WAITS, correct=[3, 9, 5])
    judge = Planned(measure="accuracy", at=3)
    folder, outcome, seen = theatre.here(EPOCHS, "train.validate=each", judge=judge)
    assert (outcome.state, outcome.exit_code) == ("pruned", 0), outcome.result
    assert judge.told == [(1, 3 / 18), (2, 9 / 18), (3, 5 / 18)]
    assert outcome.result["pruned_at"] == {"step": 3, "measure": "accuracy", "value": 5 / 18}
    assert (outcome.result["correct"], outcome.result["checkpoint"]["path"]) == (9, "model_out/epoch-2.json")
    assert accuracies(theatre) == {1: 3 / 18, 2: 9 / 18, 3: 5 / 18}
    rows = [line.split("\t") for line in folder.predictions().read_text().splitlines()]
    assert sum(target == predicted for _, target, predicted in rows) == 9
    assert seen.last.accuracy == 0.5


def test_what_is_not_yet_scored_is_left(theatre: Any, wait: Callable[..., Any]) -> None:
    """Pruned by what the framework says, while its second epoch is being predicted: the first one is the best scored."""
    theatre.puppet(
        acts=[[3, "wait_for", "first"], *WAITS], predict=[[1, "touch", "first"], [2, "wait_for", "never"]], curve=CURVE
    )
    _, outcome, _ = theatre.here(EPOCHS, "train.validate=each", judge=Planned(at=3))
    assert (outcome.state, outcome.result["checkpoint"]["epoch"]) == ("pruned", 1), outcome.result
    assert accuracies(theatre) == {1: 1 / 18}
    theatre.nobody_is_left()


def test_an_accuracy_that_comes_after_the_end_is_told_and_prunes_nothing(theatre: Any, wait: Callable[..., Any]) -> None:
    theatre.puppet(predict=[[0, "wait_for", "over"]], correct=[3, 9, 5])

    def when_it_is_over() -> None:
        wait(lambda: theatre.project.models() and "] validating" in theatre.model.job_out.read_text(), "its end")
        theatre.open("over")

    helper = threading.Thread(target=when_it_is_over)
    helper.start()
    judge = Planned(measure="accuracy", at=3)
    _, outcome, _ = theatre.here("train.validate=each", judge=judge)
    helper.join()
    assert (outcome.state, outcome.result["correct"]) == ("done", 9), outcome.result
    assert judge.told == [(1, 3 / 18), (2, 9 / 18), (3, 5 / 18)]


def test_killed_outright_while_it_is_validated(theatre: Any, wait: Callable[..., Any], ended: Callable[..., Any]) -> None:
    """SIGKILL after the framework's end: resumed, it is pruned as it was to be, and trains nothing more."""
    from daisy.folder import observed_state

    theatre.puppet(acts=WAITS, predict=[[0, "touch", "there"], [0, "wait_for", "gate"]], curve=CURVE, correct=[3, 9, 5])
    process = asked(theatre, at=3)
    theatre.reached("there")
    process.kill()
    process.wait()
    theatre.nobody_is_left()
    folder = theatre.model
    assert json.loads(folder.result.read_text())["state"] == "running"
    assert observed_state(folder, folder.read_result())[0] == "stopped"
    said = folder.run_out.read_bytes()
    theatre.open("gate")
    code, out = ended(in_the_verb(theatre, "resume", folder.model_id))
    assert code == 0, out
    assert "told" not in out and f"  pruned: at epoch 3: {WORDS}" in out
    result = json.loads(folder.result.read_text())
    assert (result["state"], result["attempt"], result["correct"]) == ("pruned", 2, 9)
    assert result["pruned_at"] == {"step": 3, "measure": "dev_accuracy", "value": 0.15}
    assert result["reason"] == f"pruned at epoch 3: {WORDS}"
    assert folder.run_out.read_bytes() == said
    assert [line["judged"] for line in theatre.metrics() if "judged" in line] == [1, 2, 3]
    theatre.nobody_is_left()


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_ended_while_its_framework_is_being_ended(
    theatre: Any, ended: Callable[..., Any], wait: Callable[..., Any], way: int
) -> None:
    theatre.puppet(acts=[[1, "be_deaf"], *WAITS], curve=CURVE)
    process = asked(theatre, at=2)
    theatre.reached("asked")
    assert theatre.model.read_pruned()["step"] == 2  # written before the framework is asked
    process.send_signal(way)
    if way == signal.SIGTERM:
        process.send_signal(way)  # once more: the framework is given no time
    process.wait()
    theatre.nobody_is_left()
    folder = theatre.model
    if way == signal.SIGTERM:
        assert process.returncode == 143
        assert json.loads(folder.result.read_text())["state"] == "stopped"
    code, out = ended(asked(theatre))  # the same command goes on with it
    assert code == 0, out
    assert f"{folder.model_id} (attempt 2)" in out
    result = json.loads(folder.result.read_text())
    assert (result["state"], result["correct"], result["pruned_at"]["step"]) == ("pruned", 3, 2), result
    assert "on from epoch" not in folder.run_out.read_text()


def test_resumed_it_is_told_nothing_twice(theatre: Any, ended: Callable[..., Any]) -> None:
    """The second epoch is trained again, since its checkpoint was not there; what was recorded of it is known."""
    theatre.puppet(acts=WAITS, before_saving=[[2, "touch", "there"], [2, "wait_for", "gate"]], curve=CURVE, correct=[3, 9, 5])
    process = asked(theatre, at=9)
    theatre.reached("there")
    while b'"judged": 2' not in theatre.model.metrics.read_bytes():
        assert process.poll() is None
    process.kill()
    assert [line for line in ended(process)[1].splitlines() if line.startswith("told")] == ["told 1 0.1", "told 2 0.2"]
    theatre.nobody_is_left()
    theatre.open("gate")
    code, out = ended(in_the_verb(theatre, "resume", "-1", at=3))
    assert code == 0, out
    assert [line for line in out.splitlines() if line.startswith("told")] == ["told 3 0.15"]
    assert b"on from epoch 1\n" in theatre.model.run_out.read_bytes()
    assert json.loads(theatre.model.result.read_text())["pruned_at"]["step"] == 3
    assert [line["judged"] for line in theatre.metrics() if "judged" in line] == [1, 2, 3]


def test_resumed_the_best_epoch_of_before_is_scored_again(theatre: Any, ended: Callable[..., Any]) -> None:
    """train.validate=each: the best of all attempts is the model's accuracy, and is not judged twice."""
    theatre.puppet(acts=[[3, "touch", "there"], [3, "wait_for", "gate"], [5, "wait_for", "never"]], correct=[3, 9, 5, 4])
    process = asked(theatre, "train.validate=each", measure="accuracy", at=4)
    theatre.reached("there")
    while b'"judged": 2' not in theatre.model.metrics.read_bytes():
        assert process.poll() is None
    process.terminate()
    assert ended(process)[0] == 143
    theatre.open("gate")
    code, out = ended(in_the_verb(theatre, "resume", "-1", measure="accuracy", at=4))
    assert code == 0, out
    steps = [line.split()[1] for line in out.splitlines() if line.startswith("told")]
    assert steps == ["3", "4"]
    result = json.loads(theatre.model.result.read_text())
    assert (result["state"], result["correct"], result["checkpoint"]["epoch"]) == ("pruned", 9, 2)


def test_a_later_attempt_has_begun(theatre: Any, ended: Callable[..., Any]) -> None:
    """This one ends, and leaves the folder to it."""
    theatre.puppet(acts=WAITS, predict=[[0, "touch", "there"], [0, "wait_for", "gate"]], curve=CURVE)
    process = asked(theatre, at=2)
    theatre.reached("there")
    folder = theatre.model
    attempt = folder.begin_attempt(1)
    folder.write_result(attempt.running())
    code, _ = ended(process)
    assert code == 1
    theatre.nobody_is_left()
    assert json.loads(folder.result.read_text())["state"] == "running"
    assert "attempt 1 ends: a later one has begun" in folder.job_out.read_text()


def test_a_full_disk(theatre: Any, ended: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from daisy.folder import ModelFolder

    def full(folder: ModelFolder, pruned: Any) -> None:
        raise OSError(28, os.strerror(28), str(folder.pruned))

    theatre.puppet(acts=[*WAITS, [5, "wait_for", "ever"]], curve=CURVE)
    monkeypatch.setattr(ModelFolder, "write_pruned", full)
    folder, outcome, _ = theatre.here(EPOCHS, judge=Planned(at=2))
    assert outcome.state == "failed" and outcome.result["reason"].startswith("the disk is full"), outcome.result
    theatre.nobody_is_left()
    monkeypatch.undo()
    theatre.open("never")
    code, out = ended(in_the_verb(theatre, "resume", "-1", at=3))
    assert code == 0, out
    assert json.loads(folder.result.read_text())["state"] == "pruned"


def test_what_is_said_of_it(theatre: Any, ended: Callable[..., Any]) -> None:
    theatre.puppet(acts=WAITS, curve=CURVE, correct=[3, 9, 5])
    code, out = ended(asked(theatre, at=3))
    assert code == 0, out
    folder = theatre.model
    assert f"  pruned: at epoch 3: {WORDS}" in out
    assert "  accuracy    50.0 %" in out
    assert out.rstrip().endswith(f"next        daisy again {folder.model_id}")

    listed = theatre.daisy("list", "--state", "pruned")
    assert listed.code == 0 and "pruned" in listed.out and "50.0 %" in listed.out and "epoch 3/6" in listed.out, listed.out
    assert "1 model (1 pruned)" in listed.out
    assert folder.model_id not in theatre.daisy("list", "--state", "done").out
    (row,) = json.loads(theatre.daisy("list", "--json").out)
    assert (row["state"], row["accuracy"], row["reason"]) == ("pruned", 0.5, f"pruned at epoch 3: {WORDS}")

    shown = theatre.daisy("show", "-1").out
    for line in (
        "  state             pruned\n",
        f"  reason            pruned at epoch 3: {WORDS}\n",
        "  accuracy          50.0 % (9 of 18 dev examples;",
        "  ended because of  pruning\n",
        "  weights           model_out/best.json",
        f"  hint              `daisy again {folder.model_id}` trains one like it to its end\n",
    ):
        assert line in shown, shown

    before = folder.result.read_bytes()
    same = theatre.daisy(EPOCHS)
    assert same.code == 0
    why = f"pruned at epoch 3: {WORDS}; again=true trains it to its end"
    assert f"this configuration is pruned, accuracy 50.0 % ({why})\n" in same.out
    grid = theatre.daisy("-m", "framework=puppet", "dataset=tiny", EPOCHS, "seed=1")
    assert grid.code == 0, grid.err
    assert f"{folder.model_id} ({why})" in grid.out
    refused = theatre.daisy("resume", "-1")
    assert refused.code == 2
    assert refused.one_line.endswith(f"was pruned: `daisy again {folder.model_id}` trains one like it to its end")
    assert "is pruned: only a model that is done can predict" in theatre.daisy("predict", "-1", "--split", "test").one_line
    assert folder.result.read_bytes() == before and folder.attempts() == [1]

    theatre.open("never")
    again = theatre.daisy("again", "-1")
    assert again.code == 0, again.err
    states = [row["state"] for row in json.loads(theatre.daisy("list", "--json").out)]
    assert states == ["pruned", "done"]


def test_how_it_has_ended_in_a_sweep(theatre: Any) -> None:
    from rich.console import Console

    from daisy.launch.course import Course, ended_as
    from daisy.monitor import sweeping

    theatre.puppet(acts=WAITS, curve=CURVE, correct=[3, 9, 5])
    folder, _, _ = theatre.here(EPOCHS, judge=Planned(at=3))
    ended = ended_as(1, folder, "it was killed", 12.0)
    assert (ended.state, ended.accuracy, ended.reason) == ("pruned", 0.5, f"pruned at epoch 3: {WORDS}")

    class Names:
        """As much of a sweep's names as its lines need."""

        is_search, count, width = False, 2, 7

        def __getitem__(self, number: int) -> str:
            return ("tiny", "tiny_s2")[number - 1]

    names: Any = Names()
    console = Console(width=100, record=True)
    console.print(sweeping.line_of(ended, names))
    assert console.export_text().strip() == "1  pruned   tiny     50.0 %  0:12"
    course = Course(1, (), (ended,))
    assert sweeping.total(course, names, None) == "1 of 2 ended (1 pruned), 0 running, 1 waiting"
    assert sweeping.seconds_left(course, 1) == 12.0


def test_arcadio_for_real(project: Any) -> None:
    """Its own process, its own log: pruned after two epochs of many, and scored by Daisy."""
    from daisy import job
    from daisy.configuration import find_project
    from daisy.configuration.compose import compose
    from daisy.framework import lookup
    from daisy.framework.measure import measure_of
    from daisy.launch.planning import plan
    from daisy.launch.starting import Launch, start

    words = ["framework=arcadio", "dataset=tiny", "train.epochs=100000", "arch.hidden=8", "arch.filters=8", "arch.embedding=4"]
    here = find_project(project.root, {})
    for validate in ("best", "each"):
        measure = measure_of(lookup.load(lookup.find(here, "arcadio")), validate, None)
        judge = Planned(measure=measure.name, at=2)
        launched = start(plan(here, compose(here, [*words, f"train.validate={validate}"], project.root), lambda text: None))
        assert isinstance(launched, Launch)
        outcome = job.run(launched.folder, launched.attempt, here, job.Silent(), judge=judge)
        assert (outcome.state, outcome.exit_code) == ("pruned", 0), outcome.result
        assert outcome.result["pruned_at"]["measure"] == {"best": "dev_accuracy", "each": "accuracy"}[validate]
        assert [step for step, _ in judge.told] == [1, 2]
        assert 0 <= outcome.result["accuracy"] <= 1 and outcome.result["examples"] == 18
        assert (launched.folder.path / outcome.result["checkpoint"]["path"]).is_file()
        lines = [json.loads(line) for line in launched.folder.metrics.read_text().splitlines()]
        assert [(line["judged"], line[measure.name]) for line in lines if "judged" in line] == judge.told
