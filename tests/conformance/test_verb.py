"""`daisy check-adapter` as a person types it."""

from pathlib import Path

import pytest
from conformance.broken import GOOD
from support import DaisyProject

YAML = """\
defaults: [_command, _self_]
name: mine
train: python {here}/train.py {dataset} --lr {train.learning_rate} --seed {seed} [--epochs {train.epochs}]
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
    assert f"{framework}: all 21 checks are passed" in done.out


def test_an_adapter_of_ones_own(project: DaisyProject) -> None:
    """By its file or its name; what can't be checked without a log is said, and is no failure."""
    add_mine(project)
    for named in ("mine", "frameworks/mine.py", "conf/framework/mine.yaml"):
        done = project.daisy("check-adapter", named)
        assert done.code == 0, done.out
        assert "log: not checked, no log: train a model, or give one with --log" in done.out
        assert "mine: all 13 checks are passed" in done.out


def test_an_adapter_that_is_broken(project: DaisyProject) -> None:
    text = GOOD.replace('"--seed", options["seed"]', '"--seeded", options["seed"] is not None')
    add_mine(project, text)
    done = project.daisy("check-adapter", "mine")
    assert done.code == 1
    assert "  fails keys: " in done.out
    assert "framework=mine: seed is read, and changes nothing: use it, or leave it unread (then it is refused)" in done.out
    assert "mine: 1 of 13 checks fail" in done.out
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


def test_architectures_of_ones_own(project: DaisyProject) -> None:
    """One value per layer, and a value that the adapter refuses: no reason to fail a good one."""
    add_mine(project)
    folder = project.root / "conf" / "architecture"
    folder.mkdir(exist_ok=True)
    (folder / "deep.yaml").write_text("# @package arch\ndefaults: [conv, _self_]\nkernel: [2, 4]\n")
    (folder / "pooled.yaml").write_text("# @package arch\ndefaults: [conv, _self_]\npool: 2\n")
    done = project.daisy("check-adapter", "mine")
    assert done.code == 0, done.out
    add_mine(project, GOOD.replace('options.per_layer("arch.kernel")', 'options.per_layer("arch.kernel")[:1]'))
    done = project.daisy("check-adapter", "mine")
    assert "that of the second layer changes nothing: use all of them (and so in 2 more)" in done.out


def test_the_log_of_a_run_that_failed(project: DaisyProject) -> None:
    """Its hint is right there, and wrong at the end of a training that ended as it should."""
    add_mine(project)
    steps = "".join(f"epoch 1 step {step} loss 2.5000\n" for step in range(1, 4))
    (project.root / "log").write_text(f"{steps}RuntimeError: out of memory\n")
    failed = project.daisy("check-adapter", "mine", "--log", "log")
    assert failed.code == 0, failed.out
    (project.root / "log").write_text(f"{steps}out of memory is what we never are\nfinished: epochs\n")
    ended = project.daisy("check-adapter", "mine", "--log", "log")
    assert "less memory' of a log in which nothing went wrong" in ended.out


def test_a_log_that_is_gone(project: DaisyProject) -> None:
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    (model,) = project.models()
    (log,) = model.rglob("run.out")
    log.unlink()
    done = project.daisy("check-adapter", "suffix")
    assert done.code == 2
    assert (
        f"the log of {model.name}: {log} can't be read (No such file or directory): give another log with --log" in done.one_line
    )


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("        self.framework = framework['gone']\n", "raised KeyError in line"),
        ("        raise SystemExit(3)\n", "raised SystemExit in line"),
    ],
)
def test_an_adapter_that_cannot_be_made(project: DaisyProject, new: str, told: str) -> None:
    head = "    attention = True\n"
    add_mine(
        project,
        GOOD.replace(head, f"{head}\n    def __init__(self, framework=None):\n        super().__init__(framework)\n{new}"),
    )
    done = project.daisy("check-adapter", "mine")
    assert (done.code, "Traceback" in done.out + done.err) == (2, False)
    assert told in done.one_line


def add_mine(project: DaisyProject, text: str = GOOD) -> None:
    project.add_framework("mine", text, {"requirements.txt": "numpy==1.26.4\n"}, options="{beam: 5, most: 10}")
