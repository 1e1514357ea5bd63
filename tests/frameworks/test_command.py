"""Any program as a framework: templates, regular expressions, checkpoints; with a real, small program."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from frameworks.real import real_environment
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Paths, lookup

TRAIN = """
import json, pathlib, sys, time
source, target, out, epochs, *rest = sys.argv[1:]
words = {name: value for name, value in (word.split("=", 1) for word in rest if "=" in word)}
print("arguments", json.dumps(sys.argv[1:]))
out, done = pathlib.Path(out), 0
if "resume" in words:
    done = int(pathlib.Path(words["resume"]).read_text())
    print("going on after epoch", done)
for epoch in range(done + 1, int(epochs) + 1):
    while pathlib.Path(out, f"wait-{epoch}").exists():
        time.sleep(0.01)
    print(f"epoch {epoch} of {epochs}: loss {1 / epoch:.3f}, step 1,{epoch:03}", flush=True)
    if words.get("fail") == str(epoch):
        sys.exit("CUDA out of something")
    (out / f"epoch-{epoch}.txt").write_text(str(epoch))
    (out / "last.txt").write_text(str(epoch))
    print("saved", epoch, flush=True)
print("done because of epochs")
"""
PREDICT = """
import sys
checkpoint, source, output = sys.argv[1:4]
lines = open(source, encoding="utf-8").read().splitlines()
right = int(open(checkpoint).read())
open(output, "w", encoding="utf-8").write("".join(f"H-{n} {'x' if n >= right else line}\\n" for n, line in enumerate(lines)))
"""
YAML = r"""
defaults: [_command, _self_]
name: mine
train: python {here}/train.py {train_source} {train_target} {model_out} {train.epochs} [fail={options.fail}] "text={options.text}"
resume: resume={checkpoint}
predict: python {here}/predict.py {checkpoint} {source} {output}
checkpoint: {best: last.txt, last: last.txt, epoch: "epoch-{epoch}.txt"}
progress: {epoch: '^epoch (\d+)', epochs: 'of (\d+):', loss: 'loss ([\d.]+),', step: 'step ([\d,]+)$'}
saved_epoch: '^saved (\d+)$'
ended: '^done because of (\w+)$'
prediction: '^H-\d+ (.*)'
errors: [{match: CUDA out of, hint: buy a bigger one}]
supports: {encoders: [rnn], attention: true}
options: {fail: null, text: plain}
"""


def add(project: DaisyProject, text: str = YAML, name: str = "mine") -> None:
    folder = project.root / "frameworks" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(TRAIN)
    (folder / "predict.py").write_text(PREDICT)
    (project.root / "conf" / "framework" / f"{name}.yaml").write_text(text)


def run(project: DaisyProject, *overrides: str) -> Any:
    return project.daisy("framework=mine", "dataset=tiny", "train.epochs=3", *overrides)


def result(project: DaisyProject) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.models()[-1] / "daisy" / "result.json").read_text())
    return content


def arguments(project: DaisyProject) -> list[str]:
    log = (project.models()[-1] / "daisy" / "run.out").read_text()
    found: list[str] = json.loads(re.findall(r"^arguments (.*)$", log, re.MULTILINE)[-1])
    return found


def test_from_yaml_to_a_model(project: DaisyProject) -> None:
    add(project)
    done = run(project)
    assert done.code == 0, done.err
    assert result(project)["ended_because"] == "epochs"
    (model,) = project.models()
    metrics = [json.loads(line) for line in (model / "daisy" / "metrics.jsonl").read_text().splitlines()]
    assert metrics[0]["loss"] == 1.0 and metrics[0]["epoch"] == 1 and metrics[0]["step"] == 1001
    rows = [row.split("\t") for row in (model / "daisy" / "predictions" / "dev.tsv").read_text(encoding="utf-8").splitlines()]
    assert [found == source for source, _, found in rows] == [True] * 3 + [False] * (len(rows) - 3)  # as predict.py is written
    assert result(project)["correct"] == sum(found == target for _, target, found in rows) == 1
    row = next(line for line in project.daisy("frameworks").out.splitlines() if line.startswith("mine"))
    assert "yes" in row and "rnn, attention, resume" in row
    assert not any(line.startswith("command") for line in project.daisy("frameworks").out.splitlines())


def test_what_is_filled_in_is_never_split_nor_run(project: DaisyProject) -> None:
    add(project)
    nasty = "a b'c\"d $(touch here) `x` ; * {seed} \\"
    assert run(project, f"framework.options.text={json.dumps(nasty)}").code == 0
    assert arguments(project)[-1] == f"text={nasty}"
    assert not list(project.root.rglob("here"))


def test_each_epoch_is_scored(project: DaisyProject) -> None:
    add(project)
    assert run(project, "train.validate=each").code == 0
    assert (result(project)["checkpoint"]["epoch"], result(project)["correct"]) == (1, 1)  # the first of equally good ones


def test_a_real_kill(project: DaisyProject) -> None:
    add(project, YAML.replace("[fail=", "wait={project}/gate [fail="))
    text = TRAIN.replace('pathlib.Path(out, f"wait-{epoch}").exists()', 'epoch == 3 and pathlib.Path(words["wait"]).exists()')
    (project.root / "frameworks" / "mine" / "train.py").write_text(text)
    (project.root / "gate").touch()
    process = project.start("framework=mine", "dataset=tiny", "train.epochs=3")
    until = time.monotonic() + 60
    while not (project.models() and (project.models()[0] / "model_out" / "epoch-2.txt").exists()):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (project.root / "gate").unlink()
    assert run(project).code == 0
    (model,) = project.models()
    assert "going on after epoch 2" in (model / "daisy" / "run.out").read_text()
    assert result(project)["attempt"] == 2


def test_a_known_error(project: DaisyProject) -> None:
    add(project)
    done = run(project, "framework.options.fail=2")
    assert done.code == 1
    assert result(project)["hint"] == "buy a bigger one"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["arch.kernel=3"], "mine does not use arch.kernel"),
        (["seed=3"], "mine does not use seed"),
        (["+framework.options.beam=3"], "mine does not use framework.options.beam"),
        (["framework.options.texts=3"], "did you mean framework.options.text?"),
    ],
)
def test_what_no_template_names_is_refused(project: DaisyProject, overrides: list[str], told: str) -> None:
    add(project)
    done = run(project, *overrides)
    assert done.code == 2 and told in done.one_line
    assert project.models() == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("resume:", "resum:", "framework.resum in conf/framework/mine.yaml is not known - did you mean resume?"),
        ("predict: python", "environment: {}\n#", "framework.predict in conf/framework/mine.yaml must be a command"),
        ("{train_source}", "{train_sorce}", "there is no placeholder {train_sorce} - did you mean {train_source}?"),
        ("{train.epochs}", "{train.epoch}", "train.epoch is missing from the configuration"),
        ("{train.epochs}", "{train.seconds}", "names {train.seconds}, which is null: put it into brackets"),
        ("[fail={options.fail}]", "[fail={options.fail}", "an optional part without its end"),
        ('"text={options.text}"', '"text={options.text}', "can't be split into words"),
        (r"'loss ([\d.]+),'", "'loss ('", "framework.progress.loss in conf/framework/mine.yaml is no regular expression"),
        ("{match: CUDA out of, hint: buy a bigger one}", "CUDA", "must be a list of {match"),
        ("supports:", "setup: {python: 3}\nsupports:", "needs python: VERSION and requirements: FILE"),
    ],
)
def test_a_yaml_that_is_wrong(project: DaisyProject, old: str, new: str, told: str) -> None:
    assert old in YAML
    add(project, YAML.replace(old, new))
    done = run(project)
    assert done.code == 2 and told in done.one_line, done.err
    assert project.models() == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("python {here}/train.py", "no-such-trainer", "train in {yaml}: there is no program no-such-trainer on PATH; install it"),
        (
            "python {here}/train.py",
            "python -u {here}/trian.py",
            "train in {yaml}: there is no file {here}/trian.py; write it there",
        ),
        (
            "python {here}/predict.py",
            ">-\n  {here}/predict.py",
            "predict in {yaml}: {here}/predict.py can't be executed; `chmod +x` it",
        ),
        (
            "python {here}/predict.py",
            ">-\n  {project}/bin/x",
            "predict in {yaml}: there is no file {project}/bin/x; write it there",
        ),
    ],
)
def test_a_program_that_is_not_there(project: DaisyProject, old: str, new: str, told: str) -> None:
    add(project, YAML.replace(old, new))
    done = run(project)
    here = project.root / "frameworks" / "mine"
    words = f"framework.{told}".format(yaml="conf/framework/mine.yaml", here=here, project=project.root)
    assert done.code == 2 and words in done.one_line, done.err
    assert project.models() == []
    assert words in project.daisy("frameworks").out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python {here}/train.py", "env python3 {here}/train.py"),
        ("python {here}/train.py", "mine {here}/train.py"),
        ("python {here}/train.py", ">-\n  {project}/bin/mine {here}/train.py"),
    ],
)
def test_a_program_that_is_there(project: DaisyProject, old: str, new: str) -> None:
    program = project.root / "bin" / "mine"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nexec python3 "$@"\n')
    program.chmod(0o755)
    path = "{project}/bin:" + os.environ["PATH"]
    add(project, YAML.replace(old, new).replace("supports:", f'environment: {{PATH: "{path}"}}\nsupports:'))
    assert run(project).code == 0


def test_the_seconds_alone_leave_the_epochs_out(project: DaisyProject) -> None:
    add(project, YAML.replace("{train.epochs} [", "3 [epochs={train.epochs}] ["))
    assert project.daisy("framework=mine", "dataset=tiny", "train.seconds=30").code == 0
    assert not any(word.startswith("epochs=") for word in arguments(project))


def adapter(**section: Any) -> Adapter:
    file = lookup.AdapterFile("command", CHECKOUT / "frameworks" / "command.py")
    return lookup.load(file, {"name": "mine", "train": "a", "predict": "b", **section})


def test_lines() -> None:
    read = adapter(progress={"loss": r"loss (\S+)", "epoch": r"epoch (\d+)"}, epoch_done="^end").read_line
    assert read("nothing") is None
    both = read("epoch 3 loss 0.5")
    assert both is not None and (both.epoch, both.measures) == (3, {"loss": 0.5})
    nan = read("loss nan")
    assert nan is not None and nan.measures["loss"] != nan.measures["loss"]
    assert read("loss much") is None
    end = read("end")
    assert end is not None and end.epoch_done
    for length in range(20):
        read("epoch 3 loss 0.5\ufffd\x00"[:length])


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-3", "1e15", "1e400", "9" * 5000, "much"])
def test_what_is_no_count(number: str) -> None:
    """An epoch, a step or a second is none of these; the rest of the line is read all the same."""
    names = ("epoch", "epochs", "step", "steps", "seconds")
    patterns = {name: rf"{name}=(\S+)" for name in names} | {"loss": r"loss=(\S+)"}
    read = adapter(progress=patterns, saved_epoch=r"saved (\S+)").read_line
    assert read(f"saved {number}") is None
    assert read(" ".join(f"{name}={number}" for name in names)) is None
    some = read(f"epoch={number} step=7 saved {number} loss=0.5")
    assert some is not None and (some.epoch, some.step, some.saved_epoch, some.measures) == (None, 7, None, {"loss": 0.5})
    saved = read("saved 1,003")
    assert saved is not None and saved.saved_epoch == 1003


def test_hints_of_its_own_come_first() -> None:
    mine = adapter(errors=[{"match": "CUDA out of", "hint": "buy a bigger one"}])
    assert mine.hint("CUDA out of memory") == "buy a bigger one"
    assert "smaller train.batch_size" in str(mine.hint("MemoryError"))
    assert "set env.python.mine" in str(mine.hint("No module named 'x'"))
    assert mine.hint("all is well") is None


def test_only_blanks_are_taken_off_a_prediction() -> None:
    assert adapter(prediction="^H (.*)").read_predictions("H \u00a0 a \nx\nH \n") == ["\u00a0 a", ""]


def test_the_newest_of_several_checkpoints(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path, tmp_path, tmp_path)
    mine = adapter(checkpoint={"best": "best-*.pt", "last": "step-*"}, resume="x")
    assert mine.best_checkpoint(paths) is None and mine.resume_checkpoint(paths) is None
    for name in ("best-9.pt", "best-10.pt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "step-100").mkdir()
    (tmp_path / "step-100" / "weights").write_text("12345")
    best, last = mine.best_checkpoint(paths), mine.resume_checkpoint(paths)
    assert best is not None and best.path.name == "best-10.pt"
    assert last is not None and (last.path.name, last.bytes) == ("step-100", 5)
    assert adapter(checkpoint={"last": "step-*"}).resume_checkpoint(paths) is None  # nothing says how to resume


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_the_example_in_the_docs_learns(project: DaisyProject) -> None:
    """With the Python of a framework that has PyTorch."""
    environment = real_environment("joeynmt")[0].partition("=")[2]
    python = json.loads((Path(environment) / "joeynmt" / "setup.json").read_text())["python"]
    page = (CHECKOUT / "docs" / "frameworks" / "command.md").read_text(encoding="utf-8")
    add(project, block(page, "yaml"))
    (project.root / "frameworks" / "mine" / "train.py").write_text(block(page, "python"), encoding="utf-8")
    done = project.daisy(
        "framework=mine", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=4", f"env.mirror={SIGMORPHON}",
        f"env.python.mine={python}", timeout=600,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert result(project)["accuracy"] > 0.05


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean progress"):
        adapter(progres={})


def test_without_checkpoints_of_epochs_each_is_refused(project: DaisyProject) -> None:
    without = YAML.replace(', epoch: "epoch-{epoch}.txt"', "").replace("resume: resume={checkpoint}\n", "")
    add(project, without)
    assert "train.validate=each: mine keeps no checkpoint of each epoch" in run(project, "train.validate=each").one_line
    assert project.models() == []
    row = next(line for line in project.daisy("frameworks").out.splitlines() if line.startswith("mine"))
    assert "rnn, attention" in row and "resume" not in row


def test_models_behind_a_link(project: DaisyProject, tmp_path: Path) -> None:
    """The model's folder is reached by a link, and the checkpoint is a link within it."""
    add(project, YAML.replace("best: last.txt", "best: best.txt"))
    train = project.root / "frameworks" / "mine" / "train.py"
    link = '    (out / "best.txt").unlink(missing_ok=True)\n    (out / "best.txt").symlink_to(f"epoch-{epoch}.txt")\n'
    train.write_text(train.read_text().replace('    print("saved"', f'{link}    print("saved"'))
    (tmp_path / "elsewhere").mkdir()
    (project.root / "models").symlink_to(tmp_path / "elsewhere")
    assert run(project).code == 0
    assert result(project)["checkpoint"]["path"] == "model_out/best.txt"
