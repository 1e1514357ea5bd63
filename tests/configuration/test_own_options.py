"""A user writes options of their own, in YAML alone: architectures, training, frameworks; and makes mistakes in them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support import DaisyProject

from daisy.configuration import Configuration, config_id, find_project
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.framework import lookup
from daisy.framework.check import check_adapter

ADAPTER = '''
"""An adapter that reads what a test's framework has."""
from daisy.framework import Adapter, Command, Description


class Mine(Adapter):
    def train(self, options, paths, resume):
        return Command.of("python", options["arch.heads"], options["train.epochs"], *options.framework_options().values())

    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("python")

    def read_line(self, line):
        return None

    def best_checkpoint(self, paths):
        return None

    def describe(self, paths):
        return Description("1")
'''


def write(project: DaisyProject, name: str, text: str) -> Path:
    path = project.root / "conf" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def composed(project: DaisyProject, *overrides: str) -> Configuration:
    return compose(find_project(project.root, {}), overrides, project.root)


def unused(project: DaisyProject, configuration: Configuration) -> list[str]:
    file = lookup.find(find_project(project.root, {}), configuration.framework)
    return check_adapter(lookup.load(file), configuration, file.companion).unused


def refusal(project: DaisyProject, overrides: Sequence[str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        unused(project, composed(project, *overrides))
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_an_architecture_of_ones_own(project: DaisyProject) -> None:
    write(project, "architecture/deep.yaml", "# @package arch\ndefaults: [conv]\nkernel: [2, 4, 6]\nhidden: ${arch.embedding}\n")
    deep = composed(project, "architecture=deep", "arch.embedding=32")
    assert (deep.value("arch.kernel"), deep.value("arch.layers"), deep.value("arch.hidden")) == ([2, 4, 6], 3, 32)
    assert deep.set_by["arch.kernel"] == "architecture=deep"
    assert unused(project, deep) == ["arch.highway"]
    assert config_id(deep, []) == "simplemma_finnish_k2-4-6_f100_l3_emb32_h32"


def test_training_of_ones_own(project: DaisyProject) -> None:
    write(project, "train/long.yaml", "defaults: [default]\nepochs: 30\n")
    long = composed(project, "train=long", "train.patience=2")
    assert (long.value("train.epochs"), long.value("train.patience"), long.value("train.validate")) == (30, 2, "best")
    assert config_id(long, []) == "simplemma_finnish_k6_f100_e30_p2"
    assert "suffix does not use train.epochs (set by train=long)" in refusal(project, ["framework=suffix", "train=long"])


def test_a_projects_file_comes_before_the_shipped_one(project: DaisyProject) -> None:
    write(
        project, "train/default.yaml", "epochs: 3\nseconds: null\nbatch_size: 5\nlearning_rate: 1\npatience: 0\nvalidate: best\n"
    )
    shadowed = composed(project)
    assert (shadowed.value("train.epochs"), shadowed.value("train.learning_rate")) == (3, 1.0)
    assert shadowed.changed() == {} and config_id(shadowed, []) == "simplemma_finnish_k6_f100"  # it is the default here


def test_a_framework_of_ones_own(project: DaisyProject) -> None:
    project.add_framework("mine", ADAPTER, options="{beam_size: 5, penalty: 0.5, greedy: false, tags: null}")
    write(project, "architecture/heads.yaml", "# @package arch\nheads: 8\n")
    own = ["framework=mine", "architecture=heads"]
    mine = composed(project, *own, "framework.options.beam_size=3", "arch.heads=4")
    assert unused(project, mine) == ["train.seconds", "train.batch_size", "train.learning_rate", "train.patience", "seed"]
    assert config_id(mine, unused(project, mine)) == "simplemma_finnish_heads4_beam-size3"
    for override, told in (
        ("framework.options.beam_size=2.5", "framework.options.beam_size must be a whole number (its default is 5)"),
        ("framework.options.greedy=1", "framework.options.greedy must be true or false (its default is False)"),
        ("framework.options.penalty=much", "framework.options.penalty must be a number"),
        ("framework.options.penalty=nan", "framework.options.penalty must be a number"),
        ("framework.options.tags=nan", "framework.options.tags must be a finite number"),
        ("framework.options.tags=[1,inf]", "framework.options.tags must be a finite number"),
        ("framework.options.bean_size=3", "did you mean framework.options.beam_size?"),
        ("+framework.options.bean_size=3", "did you mean framework.options.beam_size?"),
        ("framework.options.width=3", "write +framework.options.width=3 if the framework has it"),
        ("seed=2", "mine does not use seed"),
    ):
        assert told in refusal(project, [*own, override])


def test_options_that_only_the_framework_knows_can_be_added(project: DaisyProject) -> None:
    project.add_framework("mine", ADAPTER)
    write(project, "architecture/heads.yaml", "# @package arch\nheads: 8\n")
    for option in ("beam", "name", "x", "batch_size"):  # however much they look like framework.name and beam_size
        mine = composed(project, "framework=mine", "architecture=heads", f"+framework.options.{option}=3")
        assert f"{option.replace('_', '-')}3" in config_id(mine, unused(project, mine))


def test_a_section_of_ones_own_can_be_pointed_at(project: DaisyProject) -> None:
    shipped = (find_project(project.root, {}).shipped / "conf" / "config.yaml").read_text()
    write(project, "config.yaml", shipped + "\nmine: {size: 64}\n")
    write(project, "architecture/own.yaml", "# @package arch\ndefaults: [conv]\nhidden: ${mine.size}\n")
    own = composed(project, "architecture=own", "mine.size=32")
    assert own.value("arch.hidden") == 32
    assert unused(project, own) == ["arch.highway"]
    assert "did you mean mine.size?" in refusal(project, ["mine.sizes=32"])


MISTAKES = [
    # a file under conf/, its text, the overrides, what is told
    (
        "architecture/mine.yaml",
        "# @package arch\ndefaults: [conv]\nkernal: 4\n",
        "architecture=mine",
        "arch.kernal (set by archi",
    ),
    ("architecture/mine.yaml", "# @package arch\nencoder: conv\nkernal: 4\n", "architecture=mine", "(there is arch.kernal)"),
    ("architecture/conv.yaml", "# @package arch\nencoder: conv\nkernal: 4\n", "framework=suffix", "did you mean arch.kernel?"),
    ("train/mine.yaml", "defaults: [default]\nepoch: 30\n", "train=mine", "does not use train.epoch (set by train=mine)"),
    (
        "architecture/mine.yaml",
        "# @package arch\ndefaults: [conv]\nkernel: six\n",
        "architecture=mine",
        "arch.kernel='six' (from",
    ),
    (
        "architecture/mine.yaml",
        "# @package arch\ndefaults: [conv]\nkernel: {a: 1}\n",
        "architecture=mine",
        "arch.kernel={'a': 1}",
    ),
    ("architecture/mine.yaml", "# @package arch\ndefaults: [conv]\nfilters: [10, 0]\n", "architecture=mine", "[10, 0] (from"),
    ("architecture/conv.yaml", "# @package arch\nencoder: conv\nkernel: '6'\n", "", "arch.kernel='6': arch.kernel must be"),
    ("train/default.yaml", "epochs: 3\nlearning_rate: .nan\n", "", "train.learning_rate=nan: train.learning_rate must be"),
    ("train/default.yaml", "epochs: yes\n", "", "train.epochs=True: train.epochs must be"),
    ("architecture/mine.yaml", "kernel: 4\n", "architecture=mine", "the configuration has no section arch"),  # no @package
    ("architecture/mine.yaml", "", "architecture=mine", "the configuration has no section arch"),
    ("architecture/mine.yaml", "- 4\n", "architecture=mine", "the configuration has no section arch"),
    ("architecture/mine.yaml", "# @package arch\nkernel: [1\n", "architecture=mine", 'mine.yaml", line 2, column 9'),
    ("architecture/mine.yaml", "# @package arch\nkernel: 1\nkernel: 2\n", "architecture=mine", "duplicate key kernel"),
    ("architecture/mine.yaml", '# @package arch\nkernel: "\x01"\n', "architecture=mine", "special characters are not allowed"),
    ("architecture/mine.yaml", "# @package arch\ndefaults: [gone]\n", "architecture=mine", "'architecture/gone'"),
    ("architecture/mine.yaml", "# @package arch\ndefaults: [mine]\n", "architecture=mine", "include each other without end"),
    (
        "architecture/mine.yaml",
        "# @package arch\ndefaults: [conv]\nhidden: ${nope}\n",
        "architecture=mine",
        "arch.hidden: Interp",
    ),
    ("train/mine.yaml", "defaults: [default]\nbatch.size: 4\n", "train=mine", "a dot in the key 'batch.size' of a YAML file"),
    ("architecture/mine.yaml", '# @package arch\ndefaults: [conv]\nextra: "a\\0b"\n', "architecture=mine", "without NUL"),
    ("framework/mine.yaml", "options: {}\n", "framework=mine", "framework.name=None"),
    ("framework/mine.yaml", "name: ../../x\n", "framework=mine", "framework.name='../../x'"),
    ("framework/mine.yaml", "name: nowhere\n", "framework=mine", "write frameworks/nowhere.py"),
    ("dataset/mine.yaml", "defaults: [_cs]\n", "dataset=mine", "dataset.language is not set (???): add dataset.language=VALUE"),
    ("env/mine.yaml", "data_dir: data\n", "env=mine", "env.models_dir is missing from env=mine: set it in conf/env/mine.yaml"),
    ("env/mine.yaml", "defaults: [local]\nmiror: /m\n", "env=mine", "there is no key env.miror - did you mean env.mirror?"),
    ("env/mine.yaml", "defaults: [local]\nmirror: [a]\n", "env=mine", "env.mirror=['a']"),
    ("env/mine.yaml", "defaults: [local]\npython: python3\n", "env=mine", "write env.python.NAME=PATH"),
    (
        "env/mine.yaml",
        'defaults: [local]\nmodels_dir: "a\\0b"\n',
        "env=mine",
        "env.models_dir must be a finite number, true or false, null, a text in UTF-8 without NUL",
    ),
    (
        "config.yaml",
        "defaults: [framework: arcadio, env: local, _self_]\nseed: 1\n",
        "",
        "the configuration has no section dataset",
    ),
    ("config.yaml", "defaults: [framework: arcado, _self_]\n", "", "framework/arcado"),
]


@pytest.mark.parametrize(("name", "text", "override", "told"), MISTAKES, ids=[f"{case[0]} {case[3]}" for case in MISTAKES])
def test_a_mistake_in_a_file_of_ones_own(name: str, text: str, override: str, told: str, project: DaisyProject) -> None:
    write(project, name, text)
    assert told in refusal(project, override.split())


def test_a_file_that_is_no_utf8(project: DaisyProject) -> None:
    write(project, "architecture/mine.yaml", "").write_bytes("# @package arch\n# käsi\n".encode("latin-1"))
    assert "mend that file" in refusal(project, ["architecture=mine"])


def test_a_new_option_is_offered_at_once(project: DaisyProject) -> None:
    assert "there are: conv, rnn, transformer" in refusal(project, ["architecture=memory"])
    write(project, "architecture/memories.yaml", "# @package arch\ndefaults: [conv]\n")
    write(project, "architecture/_base.yaml", "# @package arch\n")
    assert "did you mean architecture=memories? There are: conv, memories, rnn, transformer" in refusal(
        project, ["architecture=memorie"]
    )
