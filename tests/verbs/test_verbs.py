"""The verbs, as people type them."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import DaisyProject

from daisy.files import read_json, write_json


@pytest.fixture
def trained(project: DaisyProject) -> DaisyProject:
    """A project with one model."""
    done = project.daisy("framework=suffix", "dataset=tiny")
    assert done.code == 0, done.err
    return project


def copies(project: DaisyProject, count: int) -> None:
    """More models like the first, each some seconds older."""
    first = project.models()[0]
    began = int(first.name[1:].partition("__")[0])
    for number in range(1, count + 1):
        shutil.copytree(first, first.parent / f"r{began - 60 * number}__suffix__tiny")


def rewrite(path: Path, **changes: object) -> None:
    write_json(path, {**read_json(path), **changes})


def test_list_shows_a_model_with_everything_that_is_known_of_it(trained: DaisyProject) -> None:
    shown = trained.daisy("list").out
    row = next(line for line in shown.splitlines() if "tiny" in line)
    for text in ("-1", "tiny", "suffix", "just now", "done", "100.0 %", "best"):
        assert text in row
    assert time.strftime("%Y-%m-%d %H:") in row


def test_list_shows_the_best_for_the_dataset_and_the_difference_to_it(trained: DaisyProject) -> None:
    copies(trained, 1)
    rewrite(trained.models()[0] / "daisy" / "result.json", accuracy=0.75)
    older, newer = (line.split() for line in trained.daisy("list").out.splitlines() if " tiny " in line)
    assert older[-4:] == ["%", "100.0", "%", "-25.0"]
    assert newer[-1] == "best"


def test_rows_of_another_dataset_or_scorer_are_not_compared(trained: DaisyProject) -> None:
    copies(trained, 2)
    first, second = trained.models()[:2]
    rewrite(first / "daisy" / "result.json", accuracy=0.75, scorer=99)
    config = read_json(second / "daisy" / "config.json")
    config["dataset"]["checksum"] = "another"
    write_json(second / "daisy" / "config.json", config)
    rewrite(second / "daisy" / "result.json", accuracy=0.5)
    rows = [line.split() for line in trained.daisy("list").out.splitlines() if " tiny " in line]
    assert [row[-1] for row in rows] == ["best", "best", "best"]


def test_list_newest_last_and_only_what_is_asked_for(trained: DaisyProject) -> None:
    copies(trained, 4)
    rewrite(trained.models()[1] / "daisy" / "result.json", state="failed")

    def ids(*flags: str) -> list[str]:
        return [row["model_id"] for row in json.loads(trained.daisy("list", "--json", *flags).out)]

    names = [path.name for path in trained.models()]
    assert ids() == names
    assert ids("--last", "2") == names[-2:]
    assert ids("--state", "failed") == [names[1]]
    assert ids("--dataset", "tiny", "--framework", "suffix") == names
    assert ids("--dataset", "cs/finnish") == []
    assert ids("--framework", "arcadio") == []
    wrong = trained.daisy("list", "--state", "finished")
    assert wrong.code == 2
    assert "running, done" in wrong.one_line


def test_json_has_the_configuration_and_fractions(trained: DaisyProject) -> None:
    (row,) = json.loads(trained.daisy("list", "--json").out)
    assert row["accuracy"] == 1.0
    assert row["values"]["dataset"]["task"] == "files"
    assert row["state"] == "done"


def test_damaged_and_foreign_folders_are_named_and_do_not_stop_a_listing(trained: DaisyProject) -> None:
    copies(trained, 3)
    empty, cut, lacking, _ = trained.models()
    (empty / "daisy" / "config.json").write_text("")
    (cut / "daisy" / "result.json").write_text('{"state": "do')
    rewrite(lacking / "daisy" / "config.json", configuration=None)
    (trained.root / "models" / "holiday-pictures").mkdir(exist_ok=True)
    (trained.root / "models" / "notes.txt").write_text("mine")
    shown = trained.daisy("list")
    assert shown.code == 0
    assert sum(" tiny " in line for line in shown.out.splitlines()) == 1
    warnings = shown.err.splitlines()
    assert len(warnings) == 5
    for name in (empty.name, cut.name, lacking.name, "holiday-pictures", "notes.txt"):
        assert any(name in line and line.startswith("daisy: warning: ") for line in warnings), name


def test_no_models_yet(project: DaisyProject) -> None:
    shown = project.daisy("list")
    assert shown.code == 0
    assert "no models" in shown.out
    assert "no model" in project.daisy("show", "-1").one_line


def test_a_narrow_screen_keeps_rows_on_one_line(trained: DaisyProject) -> None:
    wide = max(map(len, trained.daisy("list").out.splitlines()))
    assert wide > 100
    shown = subprocess.run(
        ["script", "-qec", " ".join(trained.command("list")), "/dev/null"],
        cwd=trained.root,
        env=trained.environment({"COLUMNS": "70", "NO_COLOR": "1", "TERM": "xterm"}),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    ).stdout.decode()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    table = [line for line in plain.splitlines() if "tiny" in line or "config id" in line]
    assert len(table) == 2
    assert [line for line in table if len(line.rstrip()) > 70] == []


@pytest.mark.parametrize("wanted", ["-1", "tiny", "whole id", "part of the time"])
def test_a_model_can_be_named_in_several_ways(trained: DaisyProject, wanted: str) -> None:
    model = trained.models()[0].name
    names = {"whole id": model, "part of the time": model[:11]}
    shown = trained.daisy("show", names.get(wanted, wanted))
    assert shown.code == 0, shown.err
    assert shown.out.startswith(model)


def test_a_part_of_several_ids_is_refused_with_their_names(trained: DaisyProject) -> None:
    copies(trained, 2)
    wrong = trained.daisy("show", "tiny")
    assert wrong.code == 2
    assert all(path.name in wrong.one_line for path in trained.models())
    assert trained.daisy("show", "-4").code == 2
    assert trained.daisy("show", "-2").out.startswith(trained.models()[-2].name)


def test_show_tells_configuration_command_accuracy_times_and_hints(project: DaisyProject) -> None:
    assert project.daisy("framework=arcadio", "dataset=tiny", "train.epochs=1", "arch.kernel=3", "arch.hidden=8").code == 0
    shown = project.daisy("show", "-1").out
    for text in (
        "accuracy",
        "95 % interval",
        "edit distance",
        "took",
        "train.py",
        "--epochs 1",
        "OMP_NUM_THREADS=1",
        "daisy again",
    ):
        assert text in shown
    sections = shown.split("\n")
    changed = sections[sections.index("differs from the defaults") + 1 : sections.index("configuration")]
    assert [line.split()[0] for line in changed] == ["arch.kernel", "arch.hidden", "train.epochs"]
    assert "(default 6)" in changed[0]


def test_the_command_that_is_shown_can_be_run_by_hand(trained: DaisyProject) -> None:
    shown = trained.daisy("show", "-1").out.splitlines()
    command = shown[shown.index("command") + 1]
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("learned ")


def test_tail_shows_the_end_of_each_log(trained: DaisyProject) -> None:
    assert trained.daisy("tail", "-1").out.splitlines()[0].startswith("learned ")
    lines = trained.daisy("tail", "-1", "--job", "--lines", "2").out.splitlines()
    assert len(lines) == 2
    assert lines[-1].endswith("done")


def test_tail_follows_a_model_until_it_ends(project: DaisyProject) -> None:
    training = project.start("framework=arcadio", "dataset=tiny", "train.epochs=300", "arch.hidden=8")
    deadline = time.monotonic() + 60
    while not (project.models() and (project.models()[0] / "daisy" / "run.out").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    followed = project.daisy("tail", "-1", "-n", "1")
    assert training.wait(60) == 0
    run_out = (project.models()[0] / "daisy" / "run.out").read_text()
    assert followed.out.splitlines()[-1] == "finished: epochs"
    assert followed.out in run_out
    assert "state             running" not in project.daisy("show", "-1").out


def test_list_says_running_while_a_model_trains(project: DaisyProject) -> None:
    training = project.start("framework=arcadio", "dataset=tiny", "train.epochs=100000", "arch.hidden=8")
    deadline = time.monotonic() + 60
    try:
        while True:
            rows = json.loads(project.daisy("list", "--json").out)
            if rows and rows[0]["epoch"]:
                break
            assert time.monotonic() < deadline
        assert rows[0]["state"] == "running"
        assert 0 < rows[0]["progress"] < 1
        assert rows[0]["dev_accuracy"] is not None
        shown = project.daisy("list").out
        assert "running" in shown and "/100000" in shown
    finally:
        training.terminate()
        training.wait(60)
    assert json.loads(project.daisy("list", "--json").out)[0]["state"] == "stopped"


def test_watch_shows_the_table_again_until_ctrl_c(trained: DaisyProject) -> None:
    watching = trained.start("list", "--watch")
    assert watching.stdout is not None
    while b"tiny" not in watching.stdout.readline():
        assert watching.poll() is None
    watching.send_signal(2)
    watching.communicate(timeout=30)
    assert watching.returncode == 0


def test_again_with_a_modification_and_without_one(trained: DaisyProject) -> None:
    first = read_json(trained.models()[0] / "daisy" / "config.json")
    same = trained.daisy("again", "-1")
    assert same.code == 0, same.err
    assert read_json(trained.models()[-1] / "daisy" / "config.json")["identity"] == first["identity"]
    changed = trained.daisy("again", "-1", "dataset.tokens=words")
    assert changed.code == 0, changed.err
    config = read_json(trained.models()[-1] / "daisy" / "config.json")
    assert config["identity"] != first["identity"]
    assert config["configuration"]["dataset"]["tokens"] == "words"
    assert len(trained.models()) == 3
    wrong = trained.daisy("again", "-1", "dataset.token=words")
    assert wrong.code == 2
    assert "dataset.tokens" in wrong.one_line


def test_resume_of_a_model_that_is_done_is_refused(trained: DaisyProject) -> None:
    wrong = trained.daisy("resume", "-1")
    assert wrong.code == 2
    assert "is done" in wrong.one_line and "daisy again" in wrong.one_line


def test_data_prepares_and_describes(project: DaisyProject) -> None:
    shown = project.daisy("data", "tiny")
    assert shown.code == 0, shown.err
    for text in ("18 train, 18 dev, 18 test", "distinct", "100.0 %", "t a l o n  ->  t a l o"):
        assert text in shown.out
    wrong = project.daisy("data", "tinny")
    assert wrong.code == 2
    assert "tiny" in wrong.one_line


def test_frameworks_lists_the_options_of_one(project: DaisyProject) -> None:
    shown = project.daisy("frameworks", "arcadio").out.splitlines()
    assert shown[0].startswith("arcadio files-") and shown[1:] == ["framework.options.beam", "framework.options.normalize"]
    assert "conf/framework/suffix.yaml" in project.daisy("frameworks", "suffix").out
    assert "there is no framework arcado - did you mean arcadio?" in project.daisy("frameworks", "arcado").one_line
    assert project.daisy("frameworks", "joeynmt").code == 2  # it is not set up here


def test_frameworks_says_which_are_ready_and_why_not(project: DaisyProject) -> None:
    project.add_framework("broken", "import nothing_like_this\n")
    shown = project.daisy("frameworks").out
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert "yes" in lines["arcadio"] and "yes" in lines["suffix"]
    assert " no " in lines["broken"]
    assert "broken: the adapter" in shown and "nothing_like_this" in shown


def test_init_makes_a_project_and_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(exist_ok=True)
    (tmp_path / "mine" / ".gitignore").write_text("my own\n")
    run = [sys.executable, "-m", "daisy", "init", "mine"]
    assert subprocess.run(run, cwd=tmp_path, capture_output=True).returncode == 0
    assert (tmp_path / "mine" / ".gitignore").read_text() == "my own\n"
    assert (tmp_path / "mine" / "daisy.yaml").is_file()
    second = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 2
    assert "already" in second.stderr and "Traceback" not in second.stderr


def test_outside_a_project_the_way_out_is_named(project: DaisyProject, tmp_path: Path) -> None:
    for words in (["list"], ["framework=suffix"], ["--cfg", "job"]):
        wrong = project.daisy(*words, cwd=tmp_path)
        assert wrong.code == 2
        assert "daisy init" in wrong.one_line
    named = project.daisy("list", cwd=tmp_path, environment={"DAISY_PROJECT": str(project.root)})
    assert named.code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lst"], "did you mean list?"),
        (["frobnicate"], "there are: list"),
        (["show"], "MODEL"),
        (["list", "--last", "many"], "--last"),
        (["list", "--nonsense"], "--nonsense"),
        (["--nonsense"], "--nonsense"),
        (["show", "-1", "-2"], "-2"),
        (["tail", "-1", "--lines", "-3"], "--lines"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(project: DaisyProject, words: list[str], told: str) -> None:
    wrong = project.daisy(*words)
    assert wrong.code == 2
    assert told in wrong.one_line


def test_help_and_version(project: DaisyProject) -> None:
    shown = project.daisy("--help")
    assert shown.code == 0
    for verb in ("list", "show", "diff", "tail", "resume", "again", "data", "init", "frameworks"):
        assert f" {verb} " in shown.out
    assert project.daisy("--version").out.startswith("daisy ")


def test_output_that_nobody_reads_is_no_traceback(trained: DaisyProject) -> None:
    copies(trained, 50)
    command = " ".join(trained.command("list", "--json"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], cwd=trained.root, env=trained.environment(), capture_output=True, text=True
    )
    assert done.stdout == "[\n"
    assert done.stderr == ""


def completed(project: DaisyProject, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    environment = {"_DAISY_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return project.daisy(environment=environment).out.split()


def test_the_shell_completes_verbs_and_models(trained: DaisyProject) -> None:
    assert completed(trained, "daisy li") == ["list"]
    assert completed(trained, "daisy show r") == [trained.models()[0].name]
    assert completed(trained, "daisy tail x") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("predict -1 --spilt test", "`daisy predict` has no option --spilt - did you mean --split?"),
        ("resume -1 --forse", "`daisy resume` has no option --forse - did you mean --force?"),
        ("again -1 --weird seed=2", "`daisy again` has no option --weird - there are: --help, --env"),
        ("list --jsn", "`daisy list` has no option --jsn - did you mean --json?"),
        ("tail -1 -x", "`daisy tail` has no option -x - there are: --help, --job, --lines, --follow, --no-follow, --env"),
        ("show", "MODEL is missing: `daisy show --help` shows how it is used"),
        ("show -1 -2", "it takes no -2 besides: `daisy show --help`"),
        ("list --dataset", "--dataset needs a value: `daisy list --help`"),
        ("list --json=3", "--json takes no value: `daisy list --help`"),
        ("tail -1 --lines many", "--lines must be a whole number: `daisy tail --help`"),
        ("list --last 0", "--last must be at least 1: `daisy list --help`"),
        ("sweep -1 --by accuracy", "--by accuracy: there are 'number', 'goal': `daisy sweep --help`"),
        ("lsit", "there is no verb lsit - did you mean list? (overrides are KEY=VALUE)"),
    ],
)
def test_words_that_a_verb_does_not_take(trained: DaisyProject, words: str, told: str) -> None:
    wrong = trained.daisy(*words.split())
    assert wrong.code == 2
    assert wrong.one_line.startswith(f"daisy: {told}")


def test_words_that_a_verb_takes(trained: DaisyProject) -> None:
    for words in ("tail -1 -n5", "tail -1 -n 5", "tail -1 --no-follow", "tail -n=-1 -1", "show -h", "show -- -1"):
        assert "has no option" not in trained.daisy(*words.split()).err
    assert trained.daisy("predict", "-1", "--split", "dev", "-o", "--odd").code == 0
    assert (trained.root / "--odd").is_file()
