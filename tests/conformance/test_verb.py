"""`daisy check-adapter` as a person types it."""

from pathlib import Path

import pytest
from conformance.broken import GOOD
from support import DaisyProject

YAML = """\
defaults: [_command, _self_]
name: mine
train: python {here}/train.py --lr {train.learning_rate} --seed {seed} [--epochs {train.epochs}]
predict: python {here}/predict.py {checkpoint} {source} {output}
checkpoint: {best: best.pt}
progress: {epoch: '^epoch (\\d+) loss', loss: 'loss (\\S+)$'}
ended: '^finished: (\\w+)$'
"""
LOG = "epoch 1 loss 2.5\nepoch 2 loss 1.25\nfinished: epochs\n"


@pytest.mark.parametrize("framework", ["suffix", "arcadio"])
def test_a_framework_that_daisy_ships(project: DaisyProject, framework: str) -> None:
    """With the log and the model_out of its newest model, which it has trained just now."""
    limit = ["train.epochs=2", "train.validate=each"] if framework == "arcadio" else []
    trained = project.daisy(f"framework={framework}", "dataset=tiny", *limit)
    assert trained.code == 0, trained.err
    done = project.daisy("check-adapter", framework)
    assert done.code == 0, done.out
    assert f"with what {project.models()[0].name} left" in done.out
    assert f"{framework}: all 20 checks are passed" in done.out


def test_an_adapter_of_ones_own(project: DaisyProject) -> None:
    """By its file or its name; what can't be checked without a log is said, and is no failure."""
    project.add_framework("mine", GOOD, {"requirements.txt": "numpy==1.26.4\n"}, options="{beam: 5, most: 10}")
    for named in ("mine", "frameworks/mine.py", "conf/framework/mine.yaml"):
        done = project.daisy("check-adapter", named)
        assert done.code == 0, done.out
        assert "log: not checked, no log: train a model, or give one with --log" in done.out
        assert "mine: all 12 checks are passed" in done.out


def test_an_adapter_that_is_broken(project: DaisyProject) -> None:
    text = GOOD.replace('"--seed", options["seed"]', '"--seeded", options["seed"] is not None')
    project.add_framework("mine", text, {"requirements.txt": "numpy==1.26.4\n"}, options="{beam: 5, most: 10}")
    done = project.daisy("check-adapter", "mine")
    assert done.code == 1
    assert "  fails keys: " in done.out
    assert "framework=mine: seed is read, and changes nothing: use it, or leave it unread (then it is refused)" in done.out
    assert "mine: 1 of 12 checks fail" in done.out
    assert "Traceback" not in done.out + done.err


def test_a_framework_in_yaml(project: DaisyProject) -> None:
    yaml = project.root / "conf" / "framework" / "mine.yaml"
    yaml.write_text(YAML)
    (project.root / "log").write_text(LOG)
    done = project.daisy("check-adapter", "mine", "--log", "log")
    assert done.code == 0, done.out
    yaml.write_text(YAML.replace(r"loss (\S+)$", r"loss ([\d.]+)$"))
    done = project.daisy("check-adapter", "mine", "--log", "log")
    assert done.code == 1
    assert "with nan in the place of the loss it tells no loss" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none"], "there is no framework none"),
        (["gone.py"], "gone.py: there is no such file; give frameworks/NAME.py, or a framework's name"),
        (["elsewhere.py"], "is not in frameworks/ of a project: put it there, beside a conf/framework/elsewhere.yaml"),
        (["lonely"], "it can't be chosen yet: write conf/framework/lonely.yaml"),
        (["suffix", "--log", "gone"], "--log gone: there is no such file"),
        (["suffix", "--model-out", "gone"], "--model-out gone: there is no such folder"),
    ],
)
def test_what_is_asked_wrong(project: DaisyProject, arguments: list[str], told: str) -> None:
    (project.root / "elsewhere.py").write_text(GOOD)
    (project.root / "frameworks" / "lonely.py").write_text(GOOD)
    done = project.daisy("check-adapter", *arguments)
    assert done.code == 2
    assert told in done.one_line


def test_what_the_kit_looks_at_stays_as_it_is(project: DaisyProject) -> None:
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    (model,) = project.models()

    def files() -> dict[Path, tuple[int, bytes]]:
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(model.rglob("*")) if path.is_file()}

    before = files()
    assert project.daisy("check-adapter", "suffix").code == 0
    assert files() == before
