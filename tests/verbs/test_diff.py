"""`daisy diff`: what differs between two models; `show` and `again`: which code a model is from, and what is not so now."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from framework.settable import add
from support import DaisyProject

from daisy.files import read_json, write_json

SUFFIX = ("framework=suffix", "dataset=tiny")
SMALL = ("framework=arcadio", "dataset=tiny", "train.epochs=1", "arch.hidden=4", "arch.filters=4", "arch.embedding=4")


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def write(project: DaisyProject, name: str, text: str) -> None:
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def train(project: DaisyProject, *words: str) -> None:
    """One more model, of a later second than the others: the newest one."""
    newest = max([int(path.name[1:].partition("__")[0]) for path in project.models()], default=0)
    while time.time() < newest + 1:
        time.sleep(0.02)
    done = project.daisy(*words, "again=true")
    assert done.code == 0, done.err + done.out


def rewrite(where: DaisyProject, place: int, file: str, **changes: object) -> None:
    path = where.models()[place] / "daisy" / file
    write_json(path, {**read_json(path), **changes})


def diff(project: DaisyProject, *words: str) -> str:
    done = project.daisy("diff", *(words or ("-2", "-1")))
    assert done.code == 0, done.err
    return done.out


def on_a_terminal(project: DaisyProject, width: int) -> str:
    """The same on a terminal that is so wide, without its colours."""
    shown = subprocess.run(
        ["script", "-qec", " ".join(project.command("diff", "-2", "-1")), "/dev/null"],
        cwd=project.root,
        env=project.environment({"COLUMNS": str(width), "NO_COLOR": "1", "TERM": "xterm"}),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    ).stdout.decode()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    return "".join(f"{line.rstrip()}\n" for line in plain.splitlines())


def as_data(project: DaisyProject) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(diff(project, "-2", "-1", "--json"))
    return found


def row(shown: str, name: str) -> list[str]:
    """The cells of a line of the table."""
    (line,) = (line for line in shown.splitlines() if line.startswith(f"  {name}  "))
    return re.split(r"\s{2,}", line.strip())[1:]


@pytest.fixture
def versioned(project: DaisyProject) -> DaisyProject:
    """A project in a git repository, with one model of its first commit."""
    git(project.root, "init", "--quiet")
    commit(project.root, "one")
    train(project, *SUFFIX)
    return project


def test_two_models_of_which_only_the_commits_differ(versioned: DaisyProject) -> None:
    first = git(versioned.root, "rev-parse", "HEAD")
    write(versioned, "conf/architecture/mine.yaml", "# @package arch\ndefaults: [conv]\nkernel: 2\n")
    write(versioned, "notes.txt", "no code\n")
    commit(versioned.root, "two")
    second = commit(versioned.root, "three")
    train(versioned, *SUFFIX)
    shown = diff(versioned)
    lines = shown.splitlines()
    assert lines[:2] == [f"A  {versioned.models()[0].name}", f"B  {versioned.models()[1].name}"]
    assert row(shown, "project's commit") == [first[:12], second[:12]]
    told = lines.index("  the project: 2 commits from A to B; below conf/, daisy/, frameworks/, sweeps/ 1 file differs:")
    assert lines[told + 1] == "    conf/architecture/mine.yaml"
    assert "notes.txt" not in shown and "patch" not in shown
    for section in ("configuration: the same", "data: the same", "env: the same"):
        assert section in lines
    assert "the accuracy is the same, 100.0 %" in shown
    assert "2 commits from B to A" in diff(versioned, "-1", "-2")
    history = as_data(versioned)["code"]["history"]
    assert history == {"ahead": 2, "behind": 0, "files": ["conf/architecture/mine.yaml"]}


def test_models_of_two_branches(versioned: DaisyProject) -> None:
    git(versioned.root, "checkout", "--quiet", "-b", "other")
    commit(versioned.root, "on a branch")
    train(versioned, *SUFFIX)
    git(versioned.root, "checkout", "--quiet", "-b", "third", "HEAD~1")
    commit(versioned.root, "on another one")
    commit(versioned.root, "and one more")
    train(versioned, *SUFFIX)
    assert "A has 1 commit that B has not, B has 2 commits; no file below conf/" in diff(versioned)


def test_what_was_not_committed_is_named(versioned: DaisyProject) -> None:
    write(versioned, "conf/train/long.yaml", "# @package train\ndefaults: [default]\nepochs: 99\n")
    train(versioned, *SUFFIX)
    shown = diff(versioned)
    (patch,) = (entry["second"] for entry in as_data(versioned)["code"]["differs"])
    assert row(shown, "project's patch") == ["none", patch[:12]]
    assert "not committed (daisy/project.patch) - A: nothing; B: conf/train/long.yaml" in shown
    assert f"the project's commit is {git(versioned.root, 'rev-parse', 'HEAD')[:12]} in both" in shown
    train(versioned, *SUFFIX)
    assert "code: the same (the project's commit is" in diff(versioned) and "with the same patch)" in diff(versioned)
    (versioned.models()[1] / "daisy" / "project.patch").unlink()
    assert "A: nothing; B: unknown, there is no patch that tells" in diff(versioned, "-3", "-2")


def test_values_that_differ_and_what_only_one_framework_reads(versioned: DaisyProject) -> None:
    train(versioned, *SMALL)
    shown = diff(versioned)
    assert row(shown, "framework.name") == ["suffix", "arcadio"]
    assert row(shown, "arch.hidden") == ["128 (not used)", "4"]
    assert "used by B alone:" in shown and "arch.kernel=6" in shown and "\n  arch.kernel" not in shown
    config = read_json(versioned.models()[1] / "daisy" / "config.json")
    config["configuration"]["arch"]["highway"] = 7  # neither reads it
    rewrite(versioned, 1, "config.json", configuration=config["configuration"])
    assert diff(versioned) == shown and "highway" not in shown
    assert "arch.highway" not in {entry["name"] for entry in as_data(versioned)["configuration"]}
    assert row(shown, "framework's version")[0].startswith("files-")
    assert row(shown, "epochs") == ["-", "1", *row(shown, "epochs")[2:]]
    train(versioned, *SMALL, "arch.dropout=0.3", "train.batch_size=7")
    shown = diff(versioned)
    section = shown[shown.index("configuration\n") : shown.index("\ncode")]
    assert [line.split() for line in section.splitlines()[1:]] == [
        ["arch.dropout", "0.1", "0.3"],
        ["train.batch_size", "20", "7"],
    ]
    entries = {entry["name"]: entry for entry in as_data(versioned)["configuration"]}
    assert entries["arch.dropout"] == {"name": "arch.dropout", "first": 0.1, "second": 0.3, "used": [True, True]}


def test_accuracies_of_the_same_data_are_compared_in_points(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX)
    rewrite(versioned, 0, "result.json", accuracy=0.5, edit_distance=1.25)
    rewrite(versioned, 1, "result.json", accuracy=0.75)
    shown = diff(versioned)
    assert row(shown, "accuracy") == ["50.0 %", "75.0 %", "+25.0 points"]
    assert row(shown, "edit distance") == ["1.25", "0", "-1.25"]
    assert "can't be compared" not in shown
    entries = {entry["name"]: entry for entry in as_data(versioned)["result"]["differs"]}
    assert entries["accuracy"] == {"name": "accuracy", "first": 0.5, "second": 0.75, "difference": 0.25}
    rewrite(versioned, 1, "result.json", accuracy=0.50004)
    assert row(diff(versioned), "accuracy") == ["0.5", "0.50004", "+0.0040 points"]


def test_accuracies_of_other_data_or_another_scorer_are_not_compared(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX, "dataset.tokens=words")
    shown = diff(versioned)
    assert len(set(row(shown, "checksum"))) == 2
    assert row(shown, "accuracy") == ["100.0 %", "100.0 %"]
    assert "the accuracies can't be compared: their data are not the same" in shown
    assert "the accuracy is the same" not in shown
    assert as_data(versioned)["result"]["not_compared"] == "their data are not the same"
    train(versioned, *SUFFIX, "dataset.tokens=words")
    rewrite(versioned, 1, "result.json", scorer=1, accuracy=0.5)
    shown = diff(versioned)
    assert row(shown, "accuracy") == ["50.0 %", "100.0 %"]
    assert "can't be compared: they were scored in two ways (versions 1 and 2 of the scorer)" in shown


def test_what_test_gave_is_compared_too(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX)
    assert versioned.daisy("predict", "-1", "--split", "test").code == 0
    assert row(diff(versioned), "accuracy on test") == ["-", "100.0 %"]
    rewrite(versioned, 0, "result.json", test={"accuracy": 0.25, "scorer": 2})
    assert row(diff(versioned), "accuracy on test") == ["25.0 %", "100.0 %", "+75.0 points"]
    rewrite(versioned, 0, "result.json", test={"accuracy": 0.25, "scorer": 1})
    assert row(diff(versioned), "accuracy on test") == ["25.0 %", "100.0 %"]


def test_a_model_that_failed_beside_one_that_is_done(versioned: DaisyProject) -> None:
    write(versioned, "frameworks/suffix/suffix.py", "import sys\nsys.exit('out of luck')\n")
    shutil.copy(Path(__file__).parents[2] / "frameworks" / "suffix.py", versioned.root / "frameworks" / "suffix.py")
    assert versioned.daisy(*SUFFIX, "again=true").code == 1
    shown = diff(versioned)
    assert row(shown, "state") == ["done", "failed"]
    assert row(shown, "accuracy") == ["100.0 %", "-"]
    assert "can't be compared" not in shown
    assert "not committed (daisy/project.patch) - A: nothing; B: frameworks/suffix.py, frameworks/suffix/suffix.py" in shown


def test_where_they_ran(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX, "env.device=cpu")
    assert row(diff(versioned), "device") == ["auto", "cpu"]
    rewrite(versioned, 1, "result.json", host="node7")
    assert row(diff(versioned), "host")[1] == "node7"
    versioned_config = read_json(versioned.models()[1] / "daisy" / "config.json")
    rewrite(versioned, 1, "config.json", env={**versioned_config["env"], "python": {"suffix": "conda:torch"}})
    assert row(diff(versioned), "python")[1] == "conda:torch"


def test_a_checkout_of_the_framework_with_its_commit_and_patch(project: DaisyProject, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "code.py").write_text("1\n")
    git(checkout, "init", "--quiet")
    first = commit(checkout, "one")
    add(project)
    write(project, "conf/framework/mine.yaml", f"name: mine\nsource: {checkout}\noptions: {{}}\n")
    words = ("framework=mine", "dataset=tiny", "env.python.mine=this")
    train(project, *words)
    (checkout / "code.py").write_text("2\n")
    second = commit(checkout, "two")
    (checkout / "code.py").write_text("3\n")
    train(project, *words)
    shown = diff(project)
    assert row(shown, "framework's commit") == [first[:12], second[:12]]
    assert row(shown, "framework's patch")[0] == "none"
    assert "not committed (daisy/source.patch) - A: nothing; B: code.py" in shown
    facts = project.daisy("show", "-1").out
    assert f"{checkout}, commit {second[:12]}, with a patch (daisy/source.patch)" in facts
    (checkout / "code.py").write_text("4\n")
    told = project.daisy("again", "-2", "--env", "python.mine=this")
    assert told.code == 0, told.err
    assert row(told.out, "framework's commit") == [first[:12], second[:12]]
    assert "not committed (daisy/source.patch) - then: nothing; now: code.py" in told.out


def test_a_project_that_is_in_no_repository(project: DaisyProject) -> None:
    train(project, *SUFFIX)
    train(project, *SUFFIX)
    assert "code: the same\n" in diff(project)
    assert f"project           {project.root.name}" not in project.daisy("show", "-1").out
    assert ", no commit\n" in project.daisy("show", "-1").out


def test_commits_that_are_not_there_and_no_git_are_said_in_words(versioned: DaisyProject, tmp_path: Path) -> None:
    gone = git(versioned.root, "rev-parse", "HEAD")
    shutil.rmtree(versioned.root / ".git")
    git(versioned.root, "init", "--quiet")
    commit(versioned.root, "history written anew, with another message")
    train(versioned, *SUFFIX)
    unknown = "what lies between the project's two commits is not known: "
    shown = diff(versioned)
    assert row(shown, "project's commit")[0] == gone[:12]
    assert f"{unknown}commit {gone[:12]} is not in the git repository of {versioned.root}" in shown
    (tmp_path / "nothing").mkdir()
    without = {"PATH": str(tmp_path / "nothing")}
    done = versioned.daisy("diff", "-2", "-1", environment=without)
    assert done.code == 0 and f"{unknown}git can't be run here (No such file or directory)" in done.out
    shutil.rmtree(versioned.root / ".git")
    assert f"{unknown}{versioned.root} is in no git repository that can be read" in diff(versioned)


def test_what_a_file_claims_to_be_a_commit_is_no_option_of_gits(versioned: DaisyProject, tmp_path: Path) -> None:
    train(versioned, *SUFFIX)
    project = read_json(versioned.models()[0] / "daisy" / "config.json")["project"]
    rewrite(versioned, 0, "config.json", project={**project, "commit": f"--output={tmp_path / 'written'}"})
    assert f"is not known: {f'--output={tmp_path}'[:12]} is no commit" in diff(versioned)
    assert not (tmp_path / "written").exists()
    rewrite(versioned, 0, "config.json", project={**project, "commit": "\x1b[31m" + "0" * 40})
    assert "\x1b" not in diff(versioned)


def test_odd_names_and_values_stay_on_their_line(versioned: DaisyProject) -> None:
    write(versioned, "conf/odd \x1b[31m\nname.yaml", "a: 1\n")
    commit(versioned.root, "two")
    train(versioned, *SUFFIX)
    config = read_json(versioned.models()[1] / "daisy" / "config.json")
    config["configuration"]["framework"] |= {"tab": "\t", "empty": "", "text": "1", "list": [1, "x"], "turned": "\u202ex"}
    config["configuration"]["framework"]["options"] = {"flag": True}
    rewrite(versioned, 1, "config.json", configuration=config["configuration"])
    shown = diff(versioned)
    assert "    conf/odd \\x1b[31m\\nname.yaml\n" in shown
    assert row(shown, "framework.tab") == ["-", '"\\t"']
    assert row(shown, "framework.empty") == ["-", '""']
    assert row(shown, "framework.list") == ["-", '[1, "x"]']
    assert row(shown, "framework.turned") == ["-", '"\\u202ex"']
    assert row(shown, "framework.options.flag") == ["-", "true"]
    shutil.copytree(versioned.models()[1], versioned.models()[1].with_name("r99999999999__suffix__tiny"))
    config["configuration"]["framework"] |= {"text": 1}
    rewrite(versioned, 2, "config.json", configuration=config["configuration"])
    assert row(diff(versioned), "framework.text") == ['"1"', "1"]  # what is not the same does not look the same


@pytest.mark.parametrize("width", [40, 60, 100])
def test_on_a_narrow_screen_no_line_is_folded(versioned: DaisyProject, width: int) -> None:
    write(versioned, f"conf/{'deep/' * 20}mine.yaml", "a: 1\n")
    commit(versioned.root, "two")
    train(versioned, *SMALL)
    config = read_json(versioned.models()[1] / "daisy" / "config.json")
    config["configuration"]["framework"]["options"] = {"weights": list(range(100)), "ö" * 50: 1}
    rewrite(versioned, 1, "config.json", configuration=config["configuration"])
    lines = on_a_terminal(versioned, width).splitlines()
    assert [line for line in lines[2:] if len(line) > width] == []
    assert sum("conf/deep/" in line for line in lines) == 1
    assert sum(line.startswith("  framework.name") or line.startswith("  frame…name") for line in lines) == 1


def test_long_values_are_cut_where_they_are_alike(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX)
    for place, number in ((0, 47), (1, 48)):
        configuration = read_json(versioned.models()[place] / "daisy" / "config.json")["configuration"]
        configuration["framework"]["options"] = {"weights": [*range(40), number, *range(40)]}
        rewrite(versioned, place, "config.json", configuration=configuration)
    wide = row(diff(versioned), "framework.options.weights")
    assert wide[0].startswith("…, 47, 0, 1") and wide[1].startswith("…, 48, 0, 1")
    narrow = row(on_a_terminal(versioned, 80), "framework.options.weights")
    assert narrow[0].startswith("…, 47") and narrow[1].startswith("…, 48")
    (entry,) = as_data(versioned)["configuration"]
    assert entry["first"] == [*range(40), 47, *range(40)]


def test_models_that_are_not_two_or_not_whole(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX)
    model = versioned.models()[1].name
    assert f"both are {model}: name two models" in versioned.daisy("diff", "-1", model).one_line
    assert "there is no model -3" in versioned.daisy("diff", "-1", "-3").one_line
    assert "B is missing: `daisy diff --help`" in versioned.daisy("diff", "-1").one_line
    for file, changes in (
        ("config.json", {"configuration": None}),
        ("config.json", {"dataset": 5}),
        ("result.json", {"state": 1}),
    ):
        kept = (versioned.models()[0] / "daisy" / file).read_bytes()
        rewrite(versioned, 0, file, **changes)
        wrong = versioned.daisy("diff", "-1", versioned.models()[0].name)
        assert wrong.code == 1
        assert str(versioned.models()[0]) in wrong.one_line and "move" in wrong.one_line
        (versioned.models()[0] / "daisy" / file).write_bytes(kept)


def test_models_of_another_env_and_what_the_shell_completes(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX, "env.models_dir=elsewhere")
    train(versioned, *SUFFIX, "env.models_dir=elsewhere")
    assert "env: the same" in diff(versioned, "-2", "-1", "--env", "models_dir=elsewhere")
    assert versioned.daisy("diff", "-2", "-1").code == 2
    for line, place in (("daisy diff r", "2"), ("daisy diff -1 r", "3")):
        words = {"_DAISY_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": place}
        assert versioned.daisy(environment=words).out.split() == [versioned.models()[0].name]


def test_show_names_the_commit_the_patch_and_the_sweep(versioned: DaisyProject) -> None:
    head = git(versioned.root, "rev-parse", "HEAD")[:12]
    facts = versioned.daisy("show", "-1").out
    assert f"commit {head}\n" in facts and "patch" not in facts and "  sweep  " not in facts
    write(versioned, "conf/train/long.yaml", "# @package train\ndefaults: [default]\nepochs: 99\n")
    done = versioned.daisy("-m", *SUFFIX, "dataset.tokens=words,characters", "again=true")
    assert done.code == 0, done.err + done.out
    facts = versioned.daisy("show", "words").out
    assert f"commit {head}, with a patch (daisy/project.patch)\n" in facts
    (sweep,) = (versioned.root / "models" / ".sweeps").iterdir()
    assert re.search(rf"^  sweep +{re.escape(sweep.name)}/1$", facts, re.MULTILINE)
    next(versioned.root.glob("models/*words/daisy/project.patch")).unlink()
    assert "with a patch (daisy/project.patch, not there any more)" in versioned.daisy("show", "words").out


def test_again_says_what_is_not_as_it_was(versioned: DaisyProject) -> None:
    first = git(versioned.root, "rev-parse", "HEAD")
    quiet = versioned.daisy("again", "-1")
    assert quiet.code == 0 and quiet.out.startswith("r") and "then" not in quiet.out
    for number in range(9):
        write(versioned, f"conf/train/length{number}.yaml", f"# @package train\ndefaults: [default]\nepochs: {number + 1}\n")
    second = commit(versioned.root, "two")
    write(versioned, "sweeps/mine.yaml", "# not yet\n")
    rewrite(versioned, 0, "config.json", versions={"daisy": "0.0.9", "suffix": "files-0"})
    told = versioned.daisy("again", versioned.models()[0].name)
    assert told.code == 0, told.err
    block = told.out[: told.out.index("preparing the dataset")]
    assert block.startswith(f"not the same as for {versioned.models()[0].name}:\n")
    assert row(block, "daisy")[0] == "0.0.9"
    assert row(block, "framework's version")[0] == "files-0"
    assert row(block, "project's commit") == [first[:12], second[:12]]
    told_files = "conf/train/length0.yaml, conf/train/length1.yaml, conf/train/length2.yaml"
    assert f"1 commit from then to now; below conf/, daisy/, frameworks/, sweeps/ 9 files differ: {told_files}" in block
    assert "and 3 more" in " ".join(block.split())
    assert "not committed (daisy/project.patch) - then: nothing; now: sweeps/mine.yaml" in block
    assert "checksum" not in block
    assert len(block.splitlines()) <= 12


def test_again_tells_of_data_that_changed_and_not_of_what_was_asked_for(versioned: DaisyProject) -> None:
    asked = versioned.daisy("again", "-1", "dataset.tokens=words")
    assert asked.code == 0 and "then" not in asked.out
    other = versioned.daisy("again", versioned.models()[0].name, "framework=arcadio", *SMALL[2:])
    assert other.code == 0 and "then" not in other.out, other.err
    with (versioned.root / "pairs.tsv").open("a") as file:
        file.write("kalat\tkala\n")
    told = versioned.daisy("again", versioned.models()[0].name)
    assert told.code == 0, told.err
    then, now = (read_json(versioned.models()[place] / "daisy" / "config.json")["dataset"]["checksum"][:12] for place in (0, -1))
    assert then != now and row(told.out, "dataset's checksum") == [then, now]


def test_again_of_what_is_there_already_says_nothing_of_code(versioned: DaisyProject) -> None:
    train(versioned, *SUFFIX, "dataset.tokens=words")
    commit(versioned.root, "two")
    done = versioned.daisy("again", "-1", "dataset.tokens=characters")
    assert done.code == 0 and "already" in done.out and "then" not in done.out


def test_again_trains_whatever_is_known_of_the_code(versioned: DaisyProject, tmp_path: Path) -> None:
    """A model of an early version has not all that is recorded now; git may be gone, or say nothing of a commit."""
    (tmp_path / "nothing").mkdir()
    without = {"PATH": str(tmp_path / "nothing")}
    told = versioned.daisy("again", "-1", environment=without)
    assert told.code == 0, told.err
    assert row(told.out, "project's commit")[1] == "none"
    project = read_json(versioned.models()[0] / "daisy" / "config.json")["project"]
    for recorded in (None, 5, {}, {**project, "commit": "0" * 40}, {**project, "commit": 7, "patch": [1]}):
        rewrite(versioned, 0, "config.json", project=recorded, versions=None)
        told = versioned.daisy("again", versioned.models()[0].name)
        assert told.code == 0, told.err
        assert "project's commit" in told.out
