"""`again`: a saved configuration composes to the very same one, whatever conf/ says by now; with changes, to what they say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from support import CHECKOUT, DaisyProject

from daisy.configuration import Configuration, Project, config_id, find_project, identity, to_json
from daisy.configuration.again import overrides_of
from daisy.configuration.compose import compose
from daisy.configuration.typed import plain
from daisy.framework import lookup
from daisy.framework.check import check_adapter


def there(project: DaisyProject) -> Project:
    return find_project(project.root, {})


def unused(project: Project, configuration: Configuration) -> list[str]:
    file = lookup.find(project, configuration.framework)
    return check_adapter(lookup.load(file), configuration, file.companion).unused


def saved(project: Project, overrides: Sequence[str]) -> dict[str, Any]:
    """What config.json keeps, as it comes back from the disk."""
    configuration = compose(project, overrides, project.root)
    content: dict[str, Any] = json.loads(json.dumps({**to_json(configuration), "unused": unused(project, configuration)}))
    return content


def anew(project: Project, old: dict[str, Any], *changes: str) -> Configuration:
    return compose(project, overrides_of(project, old, changes, project.root), project.root)


def who(project: Project, configuration: Configuration) -> tuple[str, str]:
    not_read = unused(project, configuration)
    return identity(configuration, not_read, {}, "c"), config_id(configuration, not_read)


def write(project: DaisyProject, name: str, text: str) -> None:
    path = project.root / "conf" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_same_model_again_after_everything_in_conf_was_changed(project: DaisyProject) -> None:
    write(project, "architecture/mine.yaml", "# @package arch\ndefaults: [conv]\nkernel: [2, 4]\nfilters: 10\n")
    here = there(project)
    cases = [
        ["architecture=mine", "dataset=tiny", "train.seconds=5"],
        ["architecture=rnn", "dataset=cs/finnish", "dataset.size=low", "arch.hidden=16", "seed=3"],
        ["framework=suffix", "dataset=tiny", "dataset.tokens=words"],
        ["dataset=simplemma/swedish", "arch.attention=false", "train.validate=each"],
    ]
    before = [saved(here, typed) for typed in cases]
    known = [who(here, compose(here, typed, project.root)) for typed in cases]

    write(
        project, "architecture/mine.yaml", "# @package arch\ndefaults: [conv]\nkernel: 9\ndropout: 0.5\nhidden: ${arch.filters}\n"
    )
    write(project, "architecture/conv.yaml", "# @package arch\nencoder: conv\nkernel: 3\nfilters: 7\nlayers: 4\nembedding: 1\n")
    write(project, "architecture/rnn.yaml", "# @package arch\nencoder: rnn\nembedding: 5\nlayers: 2\nhidden: 9\n")
    write(project, "train/default.yaml", "epochs: 1\nseconds: 3\nbatch_size: 1\nlearning_rate: 1\npatience: 9\nvalidate: best\n")
    write(project, "dataset/tiny.yaml", "defaults: [_files]\ntrain: other.tsv\ndev: other.tsv\ntokens: words\n")
    shipped = (CHECKOUT / "conf" / "config.yaml").read_text()
    write(project, "config.yaml", shipped.replace("architecture: conv", "architecture: rnn").replace("seed: 1", "seed: 8"))

    for old, expected in zip(before, known, strict=True):
        composed = anew(here, old)
        read = sorted(set(composed.flat()) - set(unused(here, composed)))
        assert {key: composed.value(key) for key in read} == {key: from_saved(old, key) for key in read}
        assert who(here, composed)[0] == expected[0]


def from_saved(old: dict[str, Any], key: str) -> Any:
    node = old["configuration"]
    for part in key.split("."):
        node = node[part]
    return node


def test_a_change_applies_and_all_else_stays(project: DaisyProject) -> None:
    here = there(project)
    old = saved(here, ["dataset=cs/finnish", "arch.kernel=3", "train.seconds=5", "seed=2"])
    changed = anew(here, old, "arch.kernel=5")
    assert (changed.value("arch.kernel"), changed.value("train.seconds"), changed.value("seed")) == (5, 5.0, 2)
    assert changed.value("train.epochs") is None and changed.dataset == "cs/finnish"
    other = anew(here, old, "architecture=rnn")
    assert other.value("arch.encoder") == "rnn" and "kernel" not in other.values["arch"]
    assert (other.value("train.seconds"), other.value("seed")) == (5.0, 2)


def test_another_dataset_keeps_what_was_set_by_hand_where_it_has_that(project: DaisyProject) -> None:
    here = there(project)
    old = saved(here, ["dataset=cs/finnish", "dataset.size=low", "arch.kernel=3"])
    german = anew(here, old, "dataset=cs/german")
    assert (german.dataset, german.value("dataset.size"), german.value("dataset.language")) == ("cs/german", "low", "german")
    assert config_id(german, []) == "cs_german_low_k3_f100"
    assert anew(here, old, "dataset=cs/german", "dataset.size=medium").value("dataset.size") == "medium"
    tiny = anew(here, old, "dataset=tiny")
    assert tiny.dataset == "tiny" and "size" not in tiny.values["dataset"] and tiny.value("arch.kernel") == 3


def test_where_models_go_is_not_kept(project: DaisyProject) -> None:
    here = there(project)
    again = anew(here, saved(here, ["env.models_dir=elsewhere", "again=true"]))
    assert again.env.models_dir == project.root / "models" and not again.again


def test_again_of_again(project: DaisyProject) -> None:
    here = there(project)
    first = saved(here, ["arch.kernel=[2,3]", "train.seconds=5"])
    second = anew(here, first, "seed=2")
    old = json.loads(json.dumps({**to_json(second), "unused": unused(here, second)}))
    assert who(here, anew(here, old)) == who(here, second)
    assert who(here, anew(here, old, "seed=1"))[0] == who(here, compose(here, ["arch.kernel=[2,3]", "train.seconds=5"]))[0]


def test_a_baseline_is_trained_again_from_the_command_line(project: DaisyProject) -> None:
    assert project.daisy("framework=suffix", "dataset=tiny").code == 0
    done = project.daisy("again", "-1")
    assert done.code == 0, done.err
    first, second = (json.loads((model / "daisy" / "config.json").read_text()) for model in project.models())
    assert (first["identity"], first["config_id"]) == (second["identity"], second["config_id"])


def test_an_option_that_is_gone_from_conf_is_named(project: DaisyProject) -> None:
    write(project, "architecture/mine.yaml", "# @package arch\ndefaults: [conv]\n")
    old = saved(there(project), ["architecture=mine"])
    (project.root / "conf" / "architecture" / "mine.yaml").unlink()
    model = project.root / "models" / "r1__arcadio__x" / "daisy"
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(old))
    done = project.daisy("again", "r1__arcadio__x")
    assert done.code == 2
    assert "architecture=mine, which is no longer in conf/: choose architecture=NAME" in done.one_line


# Any values

TEXTS = st.text("ab \\'\"${}:,[]()=\n\t😀ä%#~+-./", max_size=12) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(st.none() | st.booleans() | NUMBERS | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@settings(max_examples=500, deadline=None)
@given(VALUES)
@example("${seed}")
@example("\\${a}, '${b}'\\")
@example(["a\\\\${c}", "\\'"])
def test_a_value_that_is_typed_comes_back_as_it_was(value: Any) -> None:
    override = OverridesParser.create().parse_override(f"++x={plain(value)}")
    config = OmegaConf.create({"a": 1})
    OmegaConf.update(config, "x", override.value(), force_add=True)
    back = OmegaConf.to_container(config, resolve=True)
    assert isinstance(back, dict)
    assert repr(back["x"]) == repr(value)


LAYERS = st.integers(1, 3)


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    """Random values of many keys at once."""
    layers = draw(LAYERS)
    per_layer = st.integers(1, 300) | st.lists(st.integers(1, 9), min_size=layers, max_size=layers)
    return {
        "arch.kernel": draw(per_layer),
        "arch.filters": draw(per_layer),
        "arch.attention": draw(st.booleans()),
        "arch.dropout": draw(st.floats(0, 0.99)),
        "train.learning_rate": draw(st.floats(1e-6, 1)),
        "train.seconds": draw(st.none() | st.integers(1, 10**6)),
        "train.epochs": draw(st.integers(1, 99)),
        "dataset.sizes.dev": draw(st.integers(1, 5) | st.floats(0.1, 0.5)),
        "framework.options.text": draw(TEXTS.filter(lambda text: text not in ("", "???") and "\0" not in text)),
        "framework.options.anything": draw(
            VALUES.filter(lambda value: value not in ("", "???") and "\\u0000" not in str([value]))
        ),
        "seed": draw(st.integers(0, 2**32 - 1)),
    }


def test_any_configuration_again(project: DaisyProject, tmp_path: Path) -> None:
    arcadio = (CHECKOUT / "frameworks" / "arcadio.py").read_text()
    reads = "        options.framework_options()\n        return Command.of(*arguments, environment=ONE_THREAD)"
    old_end = "        return Command.of(*arguments, environment=ONE_THREAD)"
    assert old_end in arcadio
    project.add_framework("own", arcadio.replace(old_end, reads), options="{text: a, anything: null}")
    here = there(project)

    @settings(max_examples=6, deadline=None)
    @given(overrides())
    def again(values: dict[str, Any]) -> None:
        typed = ["framework=own", "dataset=tiny", *(f"{key}={plain(value)}" for key, value in values.items())]
        old = saved(here, typed)
        kept = {key: from_saved(old, key) for key in values if key not in ("arch.kernel", "arch.filters")}
        assert kept == {key: values[key] for key in kept}
        assert who(here, anew(here, old)) == who(here, compose(here, typed))

    again()


def test_what_was_set_can_be_taken_back(project: DaisyProject) -> None:
    assert project.daisy("framework=arcadio", "dataset=tiny", "train.epochs=1", "arch.kernel=2", "arch.hidden=8").code == 0
    refused = project.daisy("again", "-1", "framework=suffix")
    assert refused.code == 2
    assert "arch.kernel" in refused.one_line
    taken_back = project.daisy("again", "-1", "framework=suffix", "~arch.kernel", "~arch.hidden", "~train.epochs")
    assert taken_back.code == 0, taken_back.err
