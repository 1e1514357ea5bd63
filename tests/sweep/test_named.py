"""Named sweeps, as a person launches them: grids, lists and ablations, and what is wrong in their files."""

from pathlib import Path

import pytest
from sleeper import wait_until
from sweep.named_sweeps import BASE, Sweeps, share

from daisy.configuration import find_project
from daisy.configuration.compose import composer
from daisy.errors import ConfigurationError
from daisy.sweep import named

RIGHT = "framework.options.right"


def test_a_grid_has_each_combination_but_those_that_are_skipped(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: 'range(2,5)', seed: '1,2'}}, skip: ['{RIGHT}=3 seed=2', [{RIGHT}=4]]}}")
    done = sweeps.launch("g")
    assert done.code == 0, done.err
    assert sorted(sweeps.trained()) == [(2, 1), (2, 2), (3, 1)]


def test_a_range_ends_before_its_end_and_has_its_steps(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: 'range(0,5,step=2)'}}}}")
    assert sweeps.launch("g").code == 0
    assert [right for right, _ in sweeps.trained()] == [0, 2, 4]


def test_a_list_is_written_out_or_goes_side_by_side(sweeps: Sweeps) -> None:
    sweeps.write("l", f"{{kind: list, jobs: [{RIGHT}=2, '{RIGHT}=3 seed=7'], zip: {{{RIGHT}: [5, 6], seed: '8,9'}}}}")
    assert sweeps.launch("l").code == 0
    assert sorted(sweeps.trained()) == [(2, 1), (3, 7), (5, 8), (6, 9)]


def test_repeats_are_seeds_of_each(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,4'}}, repeat: 2}}")
    assert sweeps.launch("g").code == 0
    assert sorted(sweeps.trained()) == [(2, 1), (2, 2), (4, 1), (4, 2)]
    [compared] = sweeps.compared()
    assert [(variant["name"], variant["states"], variant["accuracy"]["count"]) for variant in compared["variants"]] == [
        (f"{RIGHT}=2", {"done": 2}, 2),
        (f"{RIGHT}=4", {"done": 2}, 2),
    ]
    assert not compared["to_full"]


def test_an_ablation_has_the_full_model_and_one_model_a_factor(sweeps: Sweeps) -> None:
    base = f"{BASE}framework: {{options: {{right: 9}}}}\n"
    sweeps.write(
        "a", f"{{kind: ablation, without: {{half: {RIGHT}=4, all: {RIGHT}=0}}, replace: {{{RIGHT}: '12'}}, repeat: 2}}", base
    )
    done = sweeps.launch("a")
    assert done.code == 0, done.err
    assert sorted({right for right, _ in sweeps.trained()}) == [0, 4, 9, 12] and len(sweeps.trained()) == 8
    [compared] = sweeps.compared()
    variants = {variant["name"]: variant for variant in compared["variants"]}
    assert list(variants) == ["full", "without half", "without all", f"{RIGHT}=12"]
    assert variants["full"]["difference"] is None and variants["full"]["accuracy"]["value"] == pytest.approx(share(9))
    for name, right in (("without half", 4), ("without all", 0), (f"{RIGHT}=12", 12)):
        difference = variants[name]["difference"]
        assert difference["value"] == pytest.approx(share(right) - share(9), abs=1e-5) and difference["count"] == 2
        assert difference["interval"] == pytest.approx([difference["value"]] * 2)
    shown = sweeps.daisy("sweep", "-1").out
    assert "to full" in shown and "-27.8" in shown and "full" in shown


def test_two_things_taken_out_at_a_time(sweeps: Sweeps) -> None:
    without = f"{{a: {RIGHT}=4, b: seed=5, c: framework.options.seconds=0.2}}"
    sweeps.write("a", f"{{kind: ablation, without: {without}, pairs: true}}")
    assert len(sweeps.planned("a")) == 7


def test_a_variant_that_is_the_full_model_is_an_error(sweeps: Sweeps) -> None:
    sweeps.write("a", f"{{kind: ablation, without: {{nothing: {RIGHT}=3, half: {RIGHT}=1}}}}")  # 3 is the default
    refused = sweeps.launch("a")
    assert refused.code == 2 and f"without nothing ({RIGHT}=3) is the full model itself" in refused.one_line
    assert sweeps.launched.sweeps == [] and sweeps.trained() == []


def test_what_the_full_model_has_can_be_given_on_the_command_line(sweeps: Sweeps) -> None:
    sweeps.write("a", f"{{kind: ablation, without: {{half: {RIGHT}=1}}}}")
    assert sweeps.launch("a", f"{RIGHT}=6").code == 0
    assert sorted(sweeps.trained()) == [(1, 1), (6, 1)]


def test_more_values_on_the_command_line_are_a_sweep_each(sweeps: Sweeps) -> None:
    root = sweeps.launched.project.root
    (root / "conf" / "dataset" / "other.yaml").write_text(
        (root / "conf" / "dataset" / "tiny.yaml").read_text().replace("pairs", "more")
    )
    (root / "more.tsv").write_text((root / "pairs.tsv").read_text() + "a n\ta\n")
    sweeps.write("a", f"{{kind: ablation, without: {{half: {RIGHT}=1}}}}")
    assert sweeps.launch("a", "dataset=tiny,other").code == 0
    assert len(sweeps.trained()) == 4
    told = sweeps.compared()
    assert [base["base"] for base in told] == [["dataset=tiny"], ["dataset=other"]]
    assert all(variant["states"] == {"done": 1} for base in told for variant in base["variants"])


def test_the_same_command_again_trains_what_is_missing(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,-1,4'}}}}")
    assert sweeps.launch("g").code == 1  # less than none right: one fails
    first = sweeps.launched.sweeps
    again = sweeps.launch("g")
    assert again.code == 1 and "2 not launched again (2 done)" in again.out
    assert [right for right, _ in sweeps.trained()].count(-1) == 2 and len(sweeps.trained()) == 4
    assert len(first) == 1 and sweeps.launched.sweeps[0].info() == first[0].info()
    states = {variant["name"]: variant["states"] for variant in sweeps.compared()[0]["variants"]}
    assert states == {f"{RIGHT}=2": {"done": 1}, f"{RIGHT}=-1": {"failed": 1}, f"{RIGHT}=4": {"done": 1}}


def test_what_was_trained_before_the_sweep_is_used(sweeps: Sweeps) -> None:
    assert sweeps.daisy("-m", "framework=graded", "dataset=tiny", f"{RIGHT}=2,4").code == 0
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,4'}}}}")
    done = sweeps.launch("g")
    assert done.code == 0 and "2 not launched again (2 done)" in done.out and len(sweeps.trained()) == 2
    [compared] = sweeps.compared()
    assert [variant["accuracy"]["value"] for variant in compared["variants"]] == pytest.approx([share(2), share(4)], abs=1e-5)
    # A third time there is its folder already.
    count = len(sweeps.launched.sweeps)
    assert sweeps.launch("g").code == 0 and len(sweeps.launched.sweeps) == count


def test_a_definition_that_has_changed_is_refused_with_the_difference(sweeps: Sweeps) -> None:
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3'}}}}")
    assert sweeps.launch("g").code == 0
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '2,3,4'}}}}")
    for words in ((), ("--dry-run",)):
        refused = sweeps.launch("g", *words)
        assert refused.code == 2 and f"sweep.axes.{RIGHT}: '2,3', now '2,3,4'" in refused.one_line
    assert len(sweeps.trained()) == 2
    assert sweeps.launch("g", "seed=5").code == 0, "another sweep of the same name"
    extended = sweeps.launch("g", "sweep.extend=true")
    assert extended.code == 0 and "2 not launched again" in extended.out
    assert sorted(sweeps.trained()) == [(2, 1), (2, 5), (3, 1), (3, 5), (4, 1), (4, 5)]
    assert sweeps.launch("g").code == 0, "it is what it was when it was extended"


def test_what_was_submitted_is_trained_though_the_file_is_edited(sweeps: Sweeps) -> None:
    gate = sweeps.launched.gate
    gate.unlink()
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: 'range(2,6)'}}}}", f"{BASE}framework: {{options: {{seconds: 60}}}}\n")
    running = sweeps.launched.project.start("-m", "+sweep=g", "env.max_running=1", environment=sweeps.launched.environment)
    sweeps.launched.started.append(running)
    wait_until(lambda: len(sweeps.launched.begun()) == 1, "the first one trains")
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '9'}}}}", f"{BASE}framework: {{options: {{seconds: 61}}}}\n")
    sweeps.launched.open()
    assert sweeps.launched.finished(running)[0] == 0
    assert sorted(sweeps.trained()) == [(right, 1) for right in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("{kind: grit, axes: {seed: '1,2'}}", "there are the kinds grid, list, ablation"),
        ("{axes: {seed: '1,2'}}", "add sweep.kind"),
        ("{kind: grid, axis: {seed: '1,2'}}", "sweep.axis (sweeps/x.yaml): there is no such key - did you mean axes?"),
        ("{kind: ablation, witout: {a: seed=2}}", "did you mean without?"),
        (
            "{kind: grid, without: {a: seed=2}, axes: {seed: '1,2'}}",
            "sweep.without (sweeps/x.yaml) is for sweeps of kind ablation",
        ),
        ("{kind: grid}", "needs sweep.axes; write it"),
        ("{kind: grid, axes: 3}", "must be a section with keys"),
        ("{kind: grid, axes: {seed: }}", "gives no values"),
        ("{kind: grid, axes: {seed: '1,2'}, repeat: fifty}", "sweep.repeat=fifty (sweeps/x.yaml): write how many seeds"),
        ("{kind: grid, axes: {seed: '1,2'}, extend: perhaps}", "must be true or false"),
        ("{kind: grid, axes: {seed: '1,2'}, skip: ['train.epochs=2']}", "is no axis of this sweep"),
        ("{kind: grid, axes: {seed: '1,2'}, skip: ['seed=3']}", "that is none of its values: seed=1, seed=2"),
        ("{kind: grid, axes: {seed: '1,2'}, skip: ['seed=1', 'seed=2']}", "skip less"),
        ("{kind: list, zip: {seed: '1,2', framework.options.right: '1'}}", "give each as many values"),
        ("{kind: list, jobs: [seed]}", "is no set of overrides"),
        ("{kind: list, jobs: seed=1}", "must be a list"),
        ("{kind: grid, axes: {seed: 'range(1,'}}", "is no override that Hydra can read"),
        ("3", "must be a section with keys"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(sweeps: Sweeps, definition: str, words: str) -> None:
    sweeps.write("x", definition)
    project = find_project(sweeps.launched.project.root, {})
    with composer(project, project.root) as composing, pytest.raises(ConfigurationError) as refused:
        named(project, composing.parser, ["+sweep=x"])
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("+sweep=g",), "a sweep is many models: add -m"),
        (("-m", "sweep=g"), "write +sweep=g"),
        (("-m", "+sweep=kernel_size"), "there is no sweep=kernel_size - did you mean sweep=kernel_sizes?"),
        (("-m", "+sweep=g,g"), "names several values"),
        (("-m", "sweep.repeat=2"), "this command names no sweep"),
        (("-m", "+sweep=g", "+sweep=g2"), "this command names 2 sweeps"),
        (("-m", "+sweep=g", "sweep.repet=2"), "did you mean repeat?"),
        (("-m", "+sweep=g", "sweep.repeat=2,3"), "a sweep has one definition"),
        (("-m", "+sweep=g", "seed=4"), "sweeps/g.yaml gives seed its values"),
        (("-m", "+sweep=wrong"), "did you mean framework.options.right?"),
    ],
)
def test_what_is_wrong_on_a_command_line_is_one_line(sweeps: Sweeps, arguments: tuple[str, ...], words: str) -> None:
    for name in ("g", "g2"):
        sweeps.write(name, "{kind: grid, axes: {seed: '1,2'}}")
    sweeps.write("wrong", "{kind: grid, axes: {framework.options.rigth: '1,2'}}")
    refused = sweeps.daisy(*arguments)
    assert refused.code == 2 and words in refused.one_line, refused.err
    assert sweeps.launched.sweeps == [] and sweeps.trained() == []


def test_which_there_are(sweeps: Sweeps) -> None:
    sweeps.write("mine/first", "{kind: grid, axes: {seed: '1,2'}}")
    sweeps.write("encoder", "{kind: grid, axes: {seed: '1,2'}}")  # instead of the one that Daisy ships
    (sweeps.launched.project.root / "sweeps" / "_parts.yaml").write_text("seed: 3\n")
    told = {
        line.split()[0]: line.split(None, 1)[1]
        for line in sweeps.daisy("sweeps", "--available").out.splitlines()
        if line[:1].isalpha()
    }
    assert told["mine/first"] == "About mine/first" and told["encoder"] == "About encoder"
    assert "kernel_sizes" in told and "_parts" not in told
    assert len(sweeps.planned("mine/first")) == 2
    assert len(sweeps.planned("kernel_sizes")) == 21


def test_a_sweep_may_build_on_another_one(sweeps: Sweeps) -> None:
    sweeps.write("_common", "{kind: grid, repeat: 2}")
    sweeps.write("g", f"{{axes: {{{RIGHT}: '2,4'}}}}", "defaults: [_common, _self_]\n")
    assert len(sweeps.planned("g")) == 4


def test_a_sweep_of_none_is_said_to_be_none(sweeps: Sweeps, tmp_path: Path) -> None:
    assert sweeps.daisy("-m", "framework=graded", "dataset=tiny", "seed=1,2").code == 0
    refused = sweeps.daisy("sweep", "-1")
    assert refused.code == 2 and "is of no named sweep" in refused.one_line


def test_its_file_sets_options_as_the_command_line_does(sweeps: Sweeps) -> None:
    """A whole number where the framework has 0.1 is the same model, and a text is refused."""
    one = sweeps.daisy("framework=graded", "dataset=tiny", "framework.options.seconds=1")
    assert one.code == 0, one.err
    sweeps.write("g", f"{{kind: grid, axes: {{{RIGHT}: '3,4'}}}}", f"{BASE}framework: {{options: {{seconds: 1}}}}\n")
    assert sweeps.launch("g").code == 0
    assert sorted(sweeps.trained()) == [(3, 1), (4, 1)]
    sweeps.write("w", f"{{kind: grid, axes: {{{RIGHT}: '3,4'}}}}", f"{BASE}framework: {{options: {{seconds: soon}}}}\n")
    assert "framework.options.seconds must be a number" in sweeps.launch("w").one_line
