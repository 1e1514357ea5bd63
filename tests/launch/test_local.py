"""Sweeps on this host, with real processes really killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sleeper import Launched, wait_until

from daisy.configuration import find_project
from daisy.configuration.compose import compose
from daisy.files import sha256
from daisy.folder import create_sweep, patch_name
from daisy.launch import submit as submission
from daisy.launch.planning import plan
from daisy.launch.recovery import locked
from daisy.launch.submit import submit
from daisy.launch.task import begin, patches_of

FIVE = "seed=1,2,3,4,5"


def test_all_are_trained_once(launched: Any) -> None:
    done = launched.run("seed=1,2,3", "env.max_running=2", "framework.options.seconds=0.3")
    assert done.code == 0, done.err + done.out
    assert {seed: result["state"] for seed, result in launched.results().items()} == {1: "done", 2: "done", 3: "done"}
    assert launched.most_at_once() <= 2
    (sweep,) = launched.sweeps
    assert f"{sweep.sweep_id}: 3 models" in done.out and "3 done" in done.out
    assert [place.state for place in sweep.places()] == ["claimed"] * 3
    for number, config in sweep.some_configs(range(1, sweep.info()["count"] + 1)).items():
        model = sweep.models_dir / str(sweep.begun(sweep.places()[number - 1]).model) / "daisy" / "config.json"
        assert json.loads(model.read_text())["sweep"] == {"id": sweep.sweep_id, "number": number}
        assert json.loads(model.read_text())["identity"] == config["identity"]


def test_what_is_there_is_not_launched_again(launched: Any) -> None:
    launched.run("seed=1,2", "framework.options.seconds=0.1")
    again = launched.run("seed=1,2,3", "framework.options.seconds=0.1")
    assert again.code == 0 and "2 not launched again (2 done)" in again.out and ": 1 model" in again.out
    assert sorted(launched.begun()) == [1, 2, 3]
    nothing = launched.run("seed=1,2,3", "framework.options.seconds=0.1")
    assert nothing.code == 0 and "3 not launched again (3 done)" in nothing.out and len(launched.sweeps) == 2
    launched.run("seed=1", "again=true", "framework.options.seconds=0.1")
    assert sorted(launched.begun()) == [1, 1, 2, 3]


def test_named_twice_is_trained_once(launched: Any) -> None:
    done = launched.run("seed=1,1", "framework.options.seconds=0.1")
    assert done.code == 0 and "named twice" in done.out and launched.begun() == [1]


def test_one_wrong_value_launches_nothing(launched: Any) -> None:
    wrong = launched.run("seed=1,2,3", "train.batch_size=20,0")
    assert wrong.code == 2 and "of model 2 of 6 (" in wrong.one_line and "train.batch_size=0" in wrong.one_line
    assert launched.begun() == [] and launched.sweeps == []


def test_dry_run_launches_nothing(launched: Any) -> None:
    shown = launched.run("seed=1,2,3", "--dry-run")
    assert shown.code == 0 and "3 models; nothing was launched" in shown.out
    assert launched.begun() == [] and launched.sweeps == []
    launched.run("seed=2", "framework.options.seconds=0.1")
    shown = launched.run("seed=1,2,3", "framework.options.seconds=0.1", "--dry-run")
    assert shown.code == 0 and "1 not launched again (1 done)" in shown.out and "2 models; nothing" in shown.out


def test_a_failed_one_does_not_end_the_others(launched: Any) -> None:
    done = launched.run("framework.options.fails=true,false", "seed=1,2", "framework.options.seconds=0.1")
    assert done.code == 1 and "2 done, 2 failed" in done.out
    assert "exit code 1" in done.out


def test_the_same_mistake_in_the_first_ones_ends_launching(launched: Any) -> None:
    done = launched.run("seed=range(1,9)", "framework.options.fails=true", "framework.options.seconds=0.1", "env.max_running=1")
    assert done.code == 1 and "the first 3 models have failed alike" in done.out
    (sweep,) = launched.sweeps
    assert sweep.waiting() == 5 and len(launched.begun()) == 3
    assert f"daisy resume {sweep.sweep_id}" in done.out
    more = launched.project.daisy("resume", sweep.sweep_id, environment=launched.environment)
    assert more.code == 1 and len(launched.begun()) >= 6


def test_two_shells_have_the_same_slots(launched: Any) -> None:
    slow = ("framework.options.seconds=0.5", "env.max_running=2")
    processes = [launched.start(f"seed={seeds}", *slow) for seeds in ("1,2,3,4", "11,12,13,14")]
    single = launched.project.start(
        "framework=sleeper", "dataset=tiny", "seed=21", *slow, environment=launched.environment
    )  # fmt: skip
    launched.started.append(single)
    assert [launched.finished(process)[0] for process in (*processes, single)] == [0, 0, 0]
    assert len(launched.begun()) == 9 and launched.most_at_once() <= 2


def test_two_shells_with_the_same_command_train_each_once(launched: Any) -> None:
    processes = [launched.start("seed=1,2,3,4", "framework.options.seconds=0.3") for _ in range(2)]
    outputs = [launched.finished(process) for process in processes]
    assert [code for code, _ in outputs] == [0, 0], outputs
    assert sorted(launched.begun()) == [1, 2, 3, 4]


def test_a_command_that_waits_for_another_one_says_so(launched: Any) -> None:
    models_dir = launched.project.root / "models"
    models_dir.mkdir(exist_ok=True)
    with locked(models_dir):
        shell = launched.start("seed=1,2", "framework.options.seconds=0.1")
        said = next(line for line in iter(shell.stdout.readline, b"") if b"another command" in line)
        assert said.startswith(b"daisy: ") and b"waits for it" in said and not launched.sweeps
    assert launched.finished(shell)[0] == 0
    assert {result["state"] for result in launched.results().values()} == {"done"}


def test_what_waits_in_a_sweep_is_not_launched_by_a_single_run(launched: Any) -> None:
    process = launched.start("seed=1,2", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: launched.begun() == [1], "the first model")
    words = ("framework=sleeper", "dataset=tiny", "framework.options.seconds=60")
    running, waiting = (launched.project.daisy(*words, f"seed={seed}") for seed in (1, 2))
    assert running.code == 0 and "this configuration is running" in running.out
    assert waiting.code == 0 and f"{launched.sweeps[0].sweep_id}/2" in waiting.out and "is waiting" in waiting.out
    again = launched.run("seed=2,1", "framework.options.seconds=60")
    assert again.code == 0 and "2 not launched again (1 running, 1 waiting)" in again.out
    launched.open()
    assert launched.finished(process)[0] == 0 and launched.begun() == [1, 2]


def test_a_model_that_can_not_be_resumed_is_told_without_a_slot(launched: Any) -> None:
    launched.run("seed=1", "framework.options.seconds=0.1")
    (done,) = (launched.project.root / "models").glob("r*")
    other = launched.start("seed=11", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: 11 in launched.begun(), "the other model")
    refused = launched.project.daisy("resume", done.name, "--env", "max_running=1", environment=launched.environment, timeout=30)
    assert refused.code == 2 and "is done" in refused.one_line
    launched.open()
    assert launched.finished(other)[0] == 0


def test_slots_are_dealt(launched: Any, tmp_path: Path) -> None:
    done = launched.run("seed=1", "env.max_running=1000", "framework.options.seconds=0.1")
    assert done.code == 0
    assert launched.told()[0][3] == "1"  # a thread each


def test_ctrl_c_once_lets_the_running_ones_end(launched: Any) -> None:
    process = launched.start(FIVE, "framework.options.seconds=60", "env.max_running=2")
    wait_until(lambda: len(launched.begun()) == 2, "two models")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    launched.open()
    code, out = launched.finished(process)
    assert code == 130 and "launching no more" in out, out
    assert sorted(result["state"] for result in launched.results().values()) == ["done", "done"]
    assert launched.sweeps[0].waiting() == 3
    again = launched.run(FIVE, "framework.options.seconds=60", "env.max_running=2")
    assert again.code == 0 and "2 not launched again (2 done)" in again.out
    assert sorted(launched.begun()) == [1, 2, 3, 4, 5]


def test_ctrl_c_twice_stops_all_and_resume_goes_on(launched: Any) -> None:
    process = launched.start(FIVE, "framework.options.seconds=60", "env.max_running=2")
    wait_until(lambda: len(launched.begun()) == 2, "two models")
    while process.poll() is None:  # two that come at once may be taken for one
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    code, out = launched.finished(process)
    assert code in (130, -signal.SIGINT), out  # the last one may have come when all was over
    assert {result["state"] for result in launched.results().values()} == {"stopped"}
    (sweep,) = launched.sweeps
    assert sweep.waiting() == 5
    launched.open()
    done = launched.project.daisy("resume", sweep.sweep_id, environment=launched.environment)
    assert done.code == 0 and "5 done" in done.out, done.out + done.err
    assert len(list((sweep.models_dir).glob("r*"))) == 5, "a stopped one goes on in its folder"
    assert {result["attempt"] for result in launched.results().values()} == {1, 2}


def test_a_killed_launcher_loses_nothing(launched: Any) -> None:
    process = launched.start(FIVE, "framework.options.seconds=60", "env.max_running=2")
    wait_until(lambda: len(launched.begun()) == 2, "two models")
    process.kill()
    process.communicate()
    launched.open()  # the two that run go on to their end
    wait_until(lambda: [r["state"] for r in launched.results().values()] == ["done", "done"], "their end")
    again = launched.run(FIVE, "framework.options.seconds=60", "env.max_running=2")
    assert again.code == 0 and "2 not launched again (2 done)" in again.out, again.out
    assert sorted(launched.begun()) == [1, 2, 3, 4, 5]
    assert sorted(launched.results()) == [1, 2, 3, 4, 5]


def test_a_killed_model_is_seen_and_goes_on_when_resumed(launched: Any) -> None:
    process = launched.start("seed=1,2", "framework.options.seconds=60", "env.max_running=2")
    wait_until(lambda: len(launched.begun()) == 2, "two models")
    (sweep,) = launched.sweeps
    victim = next(place for place in sweep.places("claimed") if place.number == 1)
    worker = sweep.worker(str(victim.worker))
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    launched.open()
    code, out = launched.finished(process)
    assert code == 1 and "1 done, 1 stopped" in out and "killed (SIGKILL)" in out, out
    assert f"daisy resume {sweep.sweep_id}" in out
    done = launched.project.daisy("resume", sweep.sweep_id, environment=launched.environment)
    assert done.code == 0, done.out + done.err
    assert sorted(launched.begun()) == [1, 1, 2]
    assert {seed: result["state"] for seed, result in launched.results().items()} == {1: "done", 2: "done"}


def test_what_is_queued_runs_what_was_submitted(launched: Any) -> None:
    """The adapter's program, the configuration and Daisy's own files are edited while models wait."""
    process = launched.start("seed=1,2,3", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: launched.begun() == [1], "the first model")
    program = launched.project.root / "frameworks" / "sleeper" / "sleep.py"
    program.write_text(program.read_text().replace("VERSION 1", "VERSION 2"))
    conf = launched.project.root / "conf" / "framework" / "sleeper.yaml"
    conf.write_text(conf.read_text().replace("seconds: 0.5", "seconds: 1").replace("epoch_done", "epoch_undone"))
    (launched.project.root / "pairs.tsv").write_text("x\ty\n")
    launched.open()
    code, out = launched.finished(process)
    assert code == 0, out
    for path in (launched.project.root / "models").glob("r*/daisy/run.out"):
        assert "VERSION 1" in path.read_text()
    assert {result["state"] for result in launched.results().values()} == {"done"}


def launcher_killed(launched: Any, seeds: str) -> Any:
    """A sweep of which the first model is done, and whose launcher was killed while the others waited."""
    process = launched.start(f"seed={seeds}", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: len(launched.begun()) == 1, "the first model")
    process.kill()
    process.wait()
    launched.open()
    wait_until(lambda: [result["state"] for result in launched.results().values()] == ["done"], "its end")
    return launched.sweeps[-1]


def test_a_submission_that_fails_takes_nothing_over(launched: Any) -> None:
    sweep = launcher_killed(launched, "1,2,3")
    program = launched.project.root / "frameworks" / "sleeper" / "sleep.py"
    program.write_text(program.read_text() + "# another content, so that the code is copied anew\n")
    (launched.project.root / "models" / ".code").rename(launched.project.root / "models" / ".kept")
    (launched.project.root / "models" / ".code").write_text("no folder can be made here")
    refused = launched.run("seed=2,3", "framework.options.seconds=60")
    assert refused.code == 1 and ".code: File exists; mend that file" in refused.one_line
    assert [other.path for other in launched.sweeps] == [sweep.path] and sweep.waiting() == 2
    (launched.project.root / "models" / ".code").unlink()
    (launched.project.root / "models" / ".kept").rename(launched.project.root / "models" / ".code")
    done = launched.run("seed=2,3", "framework.options.seconds=60")
    assert done.code == 0 and sweep.waiting() == 0, done.err + done.out
    assert sorted(launched.begun()) == [1, 2, 3]


def test_a_worker_that_died_before_its_model_had_a_folder(launched: Any) -> None:
    sweep = launcher_killed(launched, "1,2")
    worker = subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path; from daisy.folder import SweepFolder\n"
         "sweep = SweepFolder(Path(sys.argv[1])); sweep.register('dead'); sweep.claim('dead')", str(sweep.path)],
        check=True,
    )  # fmt: skip
    assert worker.returncode == 0 and sweep.waiting() == 0
    done = launched.run("seed=1,2", "framework.options.seconds=60")
    assert done.code == 0 and "1 not launched again (1 done)" in done.out, done.out
    assert sorted(launched.begun()) == [1, 2]


def test_a_single_run_that_only_waits_for_a_slot_takes_nothing_over(launched: Any) -> None:
    sweep = launcher_killed(launched, "1,2")
    launched.gate.unlink()
    other = launched.start("seed=11", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: 11 in launched.begun(), "the other model")
    words = ("framework=sleeper", "dataset=tiny", "framework.options.seconds=60", "seed=2", "env.max_running=1")
    single = launched.project.start(*words, environment=launched.environment)
    launched.started.append(single)
    assert single.stdout is not None
    wait_until(lambda: b"waiting" in single.stdout.readline(), "it waits for a slot")
    single.terminate()
    assert single.wait() == 143 and sweep.waiting() == 1
    launched.open()
    assert launched.finished(other)[0] == 0
    done = launched.project.daisy(*words, environment=launched.environment)
    assert done.code == 0 and sweep.waiting() == 0 and sorted(launched.begun()) == [1, 2, 11]


def test_a_damaged_sweep_is_in_nobodys_way(launched: Any) -> None:
    damaged = launched.project.root / "models" / ".sweeps" / "s1__x"
    damaged.mkdir(parents=True)
    assert launched.run("seed=1", "framework.options.seconds=0.1").code == 0
    (damaged / "sweep.json").write_text("{")
    assert launched.run("seed=2", "framework.options.seconds=0.1").code == 0


def test_a_script_can_be_run_from_the_frozen_code(launched: Any) -> None:
    script = launched.project.root / "frameworks" / "sleeper" / "run.sh"
    script.write_text('#!/bin/sh\nexec python3 "$@"\n')
    script.chmod(0o755)
    conf = launched.project.root / "conf" / "framework" / "sleeper.yaml"
    conf.write_text(conf.read_text().replace("train: python {here}", "train: \"'{here}/run.sh' {here}").replace(
        "{options.fails}\n", "{options.fails}\"\n", 1))  # fmt: skip
    done = launched.run("seed=1", "framework.options.seconds=0.1")
    assert done.code == 0, done.out + done.err


def test_what_is_not_committed_is_kept_with_each_model(launched: Any) -> None:
    root = launched.project.root
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(root)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    program = root / "frameworks" / "sleeper" / "sleep.py"
    program.write_text(program.read_text() + "# edited\n")
    done = launched.run("seed=1,2", "framework.options.seconds=0.1")
    assert done.code == 0, done.out + done.err
    for model in (root / "models").glob("r*"):
        patch = (model / "daisy" / "project.patch").read_bytes()
        project = json.loads((model / "daisy" / "config.json").read_text())["project"]
        assert b"+# edited" in patch and len(project["commit"]) == 40
        assert project["patch"] == hashlib.sha256(patch).hexdigest()


def test_each_model_has_the_patch_of_its_own_checkout(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    patches = {patch_name(sha256(content)): content for content in (b"of the project", b"of one", b"of another")}
    sweep = create_sweep(tmp_path / "models", "x", {"identities": []}, [], tmp_path, patches, 1.0, "runner")
    for content in (b"of one", b"of another"):
        config = {"project": {"patch": sha256(b"of the project")}, "source": {"patch": sha256(content)}}
        assert patches_of(sweep, config) == {"project.patch": b"of the project", "source.patch": content}
    assert patches_of(sweep, {"project": {"patch": None}}) == {}


def test_a_model_that_begins_while_it_is_asked_for_is_not_begun_again(
    launched: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker takes it from the waiting ones just after the first of the two looks: at the sweeps, and at the models."""
    there = find_project(launched.project.root, {})
    plans = [plan(there, compose(there, ["framework=sleeper", "dataset=tiny"], there.root), lambda text: None)]
    first = submit(there, plans, "first", []).sweep
    assert first is not None
    begun: list[object] = []

    def overtaken(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*arguments: Any, **named: Any) -> Any:
            seen = look(*arguments, **named)
            if not begun and (place := first.claim("runner")) is not None:
                begun.append(begin(first, place))
            return seen

        return looked

    for name in ("in_sweeps", "by_identity"):
        monkeypatch.setattr(submission, name, overtaken(getattr(submission, name)))
    second = submit(there, plans, "second", [])
    assert begun and second.sweep is None and [skipped.state for skipped in second.skipped] == ["waiting"]


def test_a_stopped_model_waits_in_one_sweep(launched: Any) -> None:
    process = launched.start("seed=1", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: launched.begun() == [1], "the model")
    process.terminate()
    assert launched.finished(process)[0] == 143 and launched.sweeps[0].waiting() == 1
    other = launched.start("seed=11", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: 11 in launched.begun(), "the other model")
    waits = launched.start("seed=1", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: len(launched.sweeps) == 3, "its sweep")
    third = launched.run("seed=1", "framework.options.seconds=60", "env.max_running=1")
    assert third.code == 0 and "1 not launched again (1 waiting)" in third.out and len(launched.sweeps) == 3
    assert [sweep.waiting() for sweep in launched.sweeps] == [0, 0, 1]
    launched.open()
    assert [launched.finished(process)[0] for process in (other, waits)] == [0, 0]
    assert launched.begun() == [1, 11, 1] and launched.results()[1]["attempt"] == 2


def test_a_frozen_copy_that_was_edited_is_made_again(launched: Launched) -> None:
    few = ("seed=1", "framework.options.seconds=0.1")
    assert launched.run(*few).code == 0
    (code,) = (launched.project.root / "models" / ".code").glob("[0-9a-f]*")
    (code / "daisy" / "job" / "train.py").write_text("raise RuntimeError('torn')\n")
    done = launched.run("seed=2", "framework.options.seconds=0.1")
    assert done.code == 0, done.out
    assert "torn" not in (code / "daisy" / "job" / "train.py").read_text()


def test_waiting_for_a_sweep_whose_launcher_is_gone_ends(launched: Launched) -> None:
    launcher = launched.start("seed=1,2", "framework.options.seconds=60", "env.max_running=1")
    wait_until(lambda: launched.begun() == [1], "the first one runs")
    launcher.kill()
    launched.open()
    done = launched.project.daisy("wait", "-1", environment=launched.environment, timeout=60)
    assert done.code == 1 and "its launcher is gone: `daisy resume" in done.out
