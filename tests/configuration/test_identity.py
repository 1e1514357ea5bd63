"""Who a configuration is: what enters its identity and its config id, and what does not."""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import DaisyProject

from daisy.configuration import Configuration, Environment, config_id, find_project, identity
from daisy.configuration.compose import compose
from daisy.launch.planning import Plan, plan

ENV = Environment("local", Path("/models"), Path("/data"), None, {})
CONV = {"encoder": "conv", "kernel": 6, "filters": 100, "attention": True, "dropout": 0.1}
VALUES: dict[str, Any] = {
    "framework": {"name": "arcadio", "options": {}},
    "dataset": {"task": "cs", "language": "finnish", "size": "high"},
    "arch": CONV,
    "train": {"epochs": 9, "seconds": None, "learning_rate": 0.003},
    "seed": 1,
}


def configuration(
    values: Mapping[str, Any] = VALUES, dataset: str = "cs/finnish", defaults: Mapping[str, Any] | None = None
) -> Configuration:
    """A configuration as composing makes it, without composing."""
    before = Configuration(values, ENV, {"dataset": dataset}, {}, {})
    return replace(before, defaults=before.flat() if defaults is None else defaults)


def planned(project: DaisyProject, *overrides: str) -> Plan:
    there = find_project(project.root, {})
    return plan(there, compose(there, overrides, project.root), lambda text: None)


# The version of the identity


@pytest.mark.parametrize(
    ("values", "unused", "dataset", "checksum", "expected"),
    [
        (VALUES, [], {"task": "cs", "language": "finnish", "size": "high"}, "c" * 64, "1-97b899c091bfba67fd1d457fa7cb9412"),
        (
            {**VALUES, "arch": {**CONV, "kernel": [2, 4, 6]}, "seed": 7},
            ["train.seconds"],
            {},
            "c" * 64,
            "1-ce5062da5dab7975a8cefc953a61c410",
        ),
        (
            {"framework": {"name": "suffix", "options": {"text": "ä😀", "list": [None, False, 0.1]}}},
            [],
            {},
            "",
            "1-88e28e41bf2bd5b6163c93c3fc195b7e",
        ),
    ],
    ids=["plain", "per layer", "options"],
)
def test_version_1_stays_what_it_is(
    values: Mapping[str, Any], unused: list[str], dataset: Mapping[str, Any], checksum: str, expected: str
) -> None:
    # Models on people's disks carry these: a change needs a new version beside this one, never another text here.
    assert identity(configuration(values), unused, dataset, checksum) == expected


# What enters

NAMES = st.text("abcdefgh_0", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
LEAVES = SCALARS | st.lists(SCALARS, max_size=3)
SECTIONS = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=6)
TREES = st.dictionaries(NAMES.filter(lambda name: name != "dataset"), SECTIONS, max_size=4)


def spelled(value: Any) -> Any:
    """A value such that only the same values of the same types are equal, whatever the order of keys."""
    if isinstance(value, dict):
        return {key: spelled(inner) for key, inner in value.items()}
    return (type(value), [spelled(entry) for entry in value] if isinstance(value, list) else repr(value))


def shuffled(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: shuffled(value[key], chance) for key in keys}


def who(values: Mapping[str, Any], checksum: str = "c", dataset: str = "cs/finnish") -> str:
    return identity(configuration(values, dataset), [], {}, checksum)


@settings(max_examples=300, deadline=None)
@given(TREES, TREES)
def test_two_configurations_never_share_an_identity(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (who(one) == who(other)) == (spelled(one) == spelled(other))


@settings(max_examples=300, deadline=None)
@given(TREES.filter(bool), st.data())
def test_a_change_of_any_one_value_is_another_identity(tree: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(configuration(tree).flat())))
    changed = json.loads(json.dumps(tree))
    *sections, last = path.split(".")
    node = changed
    for section in sections:
        node = node[section]
    value = data.draw(LEAVES)
    assume(spelled(value) != spelled(node[last]))
    node[last] = value
    assert who(changed) != who(tree)


@settings(max_examples=100, deadline=None)
@given(TREES, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_the_env_change_nothing(tree: dict[str, Any], chance: random.Random) -> None:
    there = configuration(shuffled(tree, chance))
    elsewhere = replace(there, env=Environment("slurm", Path("/m"), Path("/d"), "/mirror", {"arcadio": "/py"}), again=True)
    assert identity(elsewhere, [], {}, "c") == who(tree)


def test_what_looks_alike_is_not_the_same() -> None:
    alike = [1, 1.5, True, "1", "1.5", "true", None, "null", "None", "", [], [1], ["1"], [[1]], "[1]", [True], "a\nb", "a b"]
    assert len({who({"arch": {"x": value}}) for value in alike}) == len(alike)
    assert len({who(tree) for tree in ({"a": {"b": 1}}, {"b": {"a": 1}}, {"ab": 1}, {"a": {"b": 1, "c": 1}})}) == 4


def test_dataset_and_checksum_enter() -> None:
    told = {who(VALUES), who(VALUES, checksum="d"), who(VALUES, dataset="cs/german")}
    assert len(told | {identity(configuration(), [], {"size": "low"}, "c")}) == 4


def test_unused_keys_do_not_enter() -> None:
    other = {**VALUES, "arch": {**CONV, "kernel": 2}}
    assert who(other) != who(VALUES)
    unused = ["arch.kernel"]
    assert identity(configuration(other), unused, {}, "c") == identity(configuration(), unused, {}, "c")


# The same, with real projects


def test_the_order_of_overrides_changes_nothing(project: DaisyProject) -> None:
    typed = ["framework=suffix", "dataset=tiny", "dataset.split_seed=3", "train.seconds=60"]
    plans = [planned(project, *typed), planned(project, *reversed(typed)), planned(project, *typed[2:], *typed[:2])]
    assert len({(one.identity, one.config_id) for one in plans}) == 1


def test_another_env_changes_nothing(project: DaisyProject) -> None:
    (project.root / "conf" / "env" / "big.yaml").write_text("models_dir: m\ndata_dir: d\nmirror: /m\npython: {suffix: this}\n")
    here, there = (planned(project, "framework=suffix", "dataset=tiny", *more) for more in ([], ["env=big"]))
    assert here.configuration.env != there.configuration.env
    assert (here.identity, here.config_id) == (there.identity, there.config_id)


def test_other_data_is_another_model_and_another_path_is_not(project: DaisyProject) -> None:
    pairs = project.root / "pairs.tsv"
    before = planned(project, "framework=suffix", "dataset=tiny")
    (project.root / "moved.tsv").write_bytes(pairs.read_bytes())
    moved = planned(project, "framework=suffix", "dataset=tiny", "dataset.train=moved.tsv", "dataset.dev=moved.tsv")
    assert moved.identity == before.identity
    pairs.write_text(pairs.read_text() + "kissan\tkissa\n")
    assert planned(project, "framework=suffix", "dataset=tiny").identity != before.identity


def test_defaults_that_the_framework_does_not_read_are_listed_as_unused(project: DaisyProject) -> None:
    before = planned(project, "framework=suffix", "dataset=tiny")
    assert {"arch.kernel", "train.epochs", "seed"} <= set(before.content["unused"])
    assert not {"train.validate", "framework.name"} & set(before.content["unused"])
    (project.root / "conf" / "train").mkdir(exist_ok=True)
    (project.root / "conf" / "train" / "default.yaml").write_text("{epochs: 3, seconds: null, batch_size: 2, validate: best}")
    after = planned(project, "framework=suffix", "dataset=tiny")
    assert after.configuration.value("train.epochs") == 3
    assert (after.identity, after.config_id) == (before.identity, before.config_id)


def test_one_network_written_in_two_ways_is_one(project: DaisyProject) -> None:
    there = find_project(project.root, {})
    ways = ["arch.kernel=[3,3]", "arch.kernel=3 arch.layers=2", "arch.kernel=[3,3] arch.filters=[100,100] arch.layers=2"]
    composed = [compose(there, ["dataset=tiny", *way.split()], project.root) for way in ways]
    assert len({identity(one, [], {}, "c") for one in composed}) == 1
    assert [config_id(one, []) for one in composed] == ["tiny_k3_f100_l2"] * 3
    minus, zero = (compose(there, [f"arch.dropout={zero}"], project.root) for zero in ("-0.0", "0"))
    assert identity(minus, [], {}, "c") == identity(zero, [], {}, "c")


# Config ids

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("dataset=cs/finnish", "cs_finnish_k6_f100"),
        ("dataset=cs/finnish arch.filters=200", "cs_finnish_k6_f200"),
        ("dataset=cs/finnish dataset.size=low seed=2 arch.kernel=[2,4,6]", "cs_finnish_low_k2-4-6_f100_l3_s2"),
        ("train.seconds=60 train.batch_size=100 train.learning_rate=1e-4", "simplemma_finnish_k6_f100_t60_b100_lr0.0001"),
        ("arch.attention=false arch.dropout=0.25 train.validate=each", "simplemma_finnish_k6_f100_noattention_d0.25_each"),
        ("architecture=rnn arch.layers=2", "simplemma_finnish_rnn_l2"),
        ("train.seconds=60 train.epochs=5", "simplemma_finnish_k6_f100_e5_t60"),
        ("train.learning_rate=0.1234567", "simplemma_finnish_k6_f100_lr0.1234567"),
        ("arch.kernel=6 seed=1", "simplemma_finnish_k6_f100"),
        ("env.mirror=/somewhere again=true", "simplemma_finnish_k6_f100"),
    ],
)
def test_config_ids(overrides: str, expected: str, project: DaisyProject) -> None:
    composed = compose(find_project(project.root, {}), overrides.split(), project.root)
    assert config_id(composed, []) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("beam", 12, "beam12"),
        ("beam_size", 12, "beam-size12"),
        ("penalty", -0.5, "penalty-0.5"),
        ("kind", "greedy", "kind-greedy"),
        ("kind", None, "kind-none"),
        ("shared", True, "shared"),
        ("shared", False, "noshared"),
        ("sizes", [1, 2.5, "a"], "sizes1-2.5-a"),
        ("rate", 1e-7, "rate1e-07"),
    ],
)
def test_what_only_the_framework_knows_in_a_config_id(key: str, value: object, expected: str) -> None:
    values = {"framework": {"name": "mine", "options": {key: value}}}
    assert config_id(configuration(values, "my_data", defaults={}), []) == f"my-data_{expected}"
    assert config_id(configuration(values, "my_data", defaults={}), [f"framework.options.{key}"]) == "my-data"


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=300), st.dictionaries(st.text(min_size=1, max_size=20), LEAVES, max_size=5))
def test_a_config_id_is_a_safe_file_name(dataset: str, options: dict[str, Any]) -> None:
    values = {**VALUES, "framework": {"name": "mine", "options": options}}
    name = config_id(configuration(values, dataset, defaults={}), [])
    assert SAFE.fullmatch(name) and len(name) <= 100 and "__" not in name and ".." not in Path(name).parts


def test_long_names_are_cut_and_still_differ() -> None:
    one, other = ({**VALUES, "arch": {"text": "x" * 400 + end}} for end in "ab")
    names = {config_id(configuration(values, defaults={}), []) for values in (one, other)}
    assert [len(name) for name in names] == [100, 100]
