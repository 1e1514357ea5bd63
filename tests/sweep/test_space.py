"""The space of a search: as a file says it, as an Optuna study has it, and back; what is wrong in it."""

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from support import DaisyProject

from daisy.configuration import Project, find_project
from daisy.configuration.compose import composer
from daisy.configuration.overrides import Parser
from daisy.configuration.project import shipped_folder
from daisy.errors import ConfigurationError
from daisy.sweep.space import Space
from daisy.sweep.space_parts import read_space

WHERE = "sweeps/x.yaml"
EXCLUSIVE = {
    "architecture=conv": {"arch.kernel": "2,4,[2,4]", "arch.filters": "range(50,201,50)"},
    "architecture=rnn": {"arch.hidden": "tag(log,interval(32,256))", "arch.attention": "true,false"},
}
NESTED = {
    "architecture=conv": {
        "arch.kernel": "range(2,9)",
        "when": {"arch.layers=2": {"arch.highway": "range(0,3)"}, "arch.layers=3": {"arch.highway": "0,5"}},
    },
    "architecture=rnn": {"arch.attention": "true,false"},
    "arch.attention=true": {"arch.kernel": "3,5"},
}
CONDITIONAL = {"architecture": "conv,rnn,transformer", "arch.layers": "range(1,4)", "arch.dropout": "range(0,0.5,0.1)"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna tells of each trial otherwise; a warning of a distribution's is an error."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Parser:
    """In a project that has what Daisy ships."""
    return Parser(Project(tmp_path_factory.mktemp("project"), shipped_folder()), Path("/"))


def space_of(parser: Parser, space: Mapping[str, str], when: Mapping[str, Mapping[str, Any]] | None = None) -> Space:
    """A space as a file says it."""
    return read_space(parser, space, when or {}, WHERE)


def drawn(space: Space, trials: int, sampler: optuna.samplers.BaseSampler | None = None) -> list[dict[str, Any]]:
    """The points that a study gives so many trials; each fits, and is what its parameters say."""
    study = optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=1))
    points = []
    for _ in range(trials):
        trial = study.ask()
        point = space.suggest(trial)
        assert space.fits(point) is None and list(point) == list(meant := space.point_of(trial.params))
        assert all(value == meant[key] or value == float(f"{meant[key]:.4g}") for key, value in point.items())
        assert space.distributions(point) == trial.distributions
        study.tell(trial, len(points) % 7)
        points.append(point)
    return points


def test_the_end_of_a_range_is_never_tried(parser: Parser) -> None:
    values = [point["arch.kernel"] for point in drawn(space_of(parser, {"arch.kernel": "range(1,4)"}), 200)]
    assert set(values) == {1, 2, 3} and all(type(value) is int for value in values)


def test_a_grid_has_the_values_of_its_ranges(parser: Parser) -> None:
    space = space_of(parser, {"arch.highway": "range(0,5,step=2)", "architecture": "conv,rnn"})
    assert space.count() == 6
    assert list(space.points()) == [
        {"architecture": architecture, "arch.highway": value} for architecture in ("conv", "rnn") for value in (0, 2, 4)
    ]


def test_steps_are_drawn_as_a_person_writes_them(parser: Parser) -> None:
    space = space_of(parser, {"arch.dropout": "range(0,0.8,0.1)"})
    typed = {space.overrides(point)[0] for point in drawn(space, 200)}
    assert typed == {f"arch.dropout=0.{digit}" for digit in range(8)}


def test_intervals_are_drawn_from_end_to_end(parser: Parser) -> None:
    space = space_of(parser, {"train.learning_rate": "tag(log, interval(1e-4,1e-2))", "arch.dropout": "interval(0,0.5)"})
    points = drawn(space, 200)
    rates = [point["train.learning_rate"] for point in points]
    assert min(rates) >= 1e-4 and max(rates) <= 1e-2
    assert 70 < sum(rate < 1e-3 for rate in rates) < 130  # half of them lie below the middle of a logarithm
    assert max(point["arch.dropout"] for point in points) > 0.4 and space.count() is None


def test_what_is_conditional_is_asked_for_only_where_it_holds(parser: Parser) -> None:
    space = space_of(parser, {"arch.dropout": "0,0.1", "architecture": "conv,rnn,transformer"}, EXCLUSIVE)
    assert space.keys()[0] == "architecture", "groups come first"
    keys = {point["architecture"]: set(point) - {"architecture", "arch.dropout"} for point in drawn(space, 60)}
    assert keys == {"conv": {"arch.kernel", "arch.filters"}, "rnn": {"arch.hidden", "arch.attention"}, "transformer": set()}


def test_a_part_may_have_parts_and_go_by_what_is_itself_conditional(parser: Parser) -> None:
    space = space_of(parser, CONDITIONAL, NESTED)
    points = list(space.points())
    kernels = {True: {3, 5}, False: {None}, None: set(range(2, 9))}
    for point in points:
        if point["architecture"] != "transformer":
            assert point.get("arch.kernel") in kernels[point.get("arch.attention")]
        highway = {2: {0, 1, 2}, 3: {0, 5}}.get(point["arch.layers"], {None}) if point["architecture"] == "conv" else {None}
        assert point.get("arch.highway") in highway
    # conv: 7 kernels, with 1 + 3 + 2 of layers and highway; rnn: 3 layers, with 2 kernels or none; transformer: 3 layers
    assert space.count() == len(points) == 5 * (7 * 6 + 3 * 3 + 3)
    assert len({json.dumps(point, sort_keys=True) for point in points}) == len(points)
    assert all(space.fits(point) is None for point in points)


@pytest.mark.parametrize("condition", ["architecture=conv arch.layers=2", "architecture=conv, arch.layers=2"])
def test_several_conditions_must_all_hold(parser: Parser, condition: str) -> None:
    space = space_of(parser, {"architecture": "conv,rnn", "arch.layers": "1,2"}, {condition: {"arch.kernel": "2,4"}})
    assert [len(point) for point in space.points()] == [2, 3, 3, 2, 2]


def test_a_condition_can_go_by_a_value_per_layer(parser: Parser) -> None:
    space = space_of(parser, {"arch.kernel": "2,[2,4]"}, {"arch.kernel=[2,4]": {"arch.filters": "50,[50,100]"}})
    assert list(space.points()) == [
        {"arch.kernel": 2},
        {"arch.kernel": [2, 4], "arch.filters": 50},
        {"arch.kernel": [2, 4], "arch.filters": [50, 100]},
    ]


def test_a_key_with_other_values_elsewhere_is_another_parameter_of_the_study(parser: Parser) -> None:
    when = {
        "architecture=conv": {"arch.kernel": "range(2,9)", "arch.hidden": "32,64"},
        "architecture=rnn": {"arch.kernel": "2,[2,4]", "arch.hidden": "32,64"},
    }
    space = space_of(parser, {"architecture": "conv,rnn"}, when)
    assert space.keys() == ["architecture", "arch.kernel", "arch.hidden"]
    names = {point["architecture"]: list(space.parameters(point)) for point in space.points()}
    assert names["conv"] == ["architecture", "arch.kernel (architecture=conv)", "arch.hidden"]
    assert names["rnn"] == ["architecture", "arch.kernel (architecture=rnn)", "arch.hidden"]
    for point in space.points():
        assert space.point_of(space.parameters(point)) == point and "arch.kernel" in point


@pytest.mark.parametrize("name", ["tpe", "nsga2", "brute"])
def test_samplers_go_through_a_conditional_space(parser: Parser, name: str) -> None:
    space = space_of(parser, CONDITIONAL, NESTED)
    sampler = {
        "tpe": lambda: optuna.samplers.TPESampler(multivariate=True, group=True, n_startup_trials=5, seed=1),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=5, seed=1),
        "brute": lambda: optuna.samplers.BruteForceSampler(seed=1),
    }[name]()
    assert len(drawn(space, 40, sampler)) == 40


def test_brute_force_finds_each_point_once_and_no_other(parser: Parser) -> None:
    space = space_of(
        parser, {**CONDITIONAL, "arch.dropout": "range(0,0.4,0.1)"}, EXCLUSIVE | {"architecture=rnn": {"arch.pool": "1,2"}}
    )
    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler(seed=1))
    found = []
    study.optimize(lambda trial: found.append(space.suggest(trial)) or 0.0, n_trials=2 * (space.count() or 0))
    told = sorted(json.dumps(point) for point in found)
    assert told == sorted(json.dumps(point) for point in space.points()) and len(told) == space.count()


def test_a_study_is_made_again_from_points(parser: Parser, tmp_path: Path) -> None:
    space = space_of(parser, {**CONDITIONAL, "train.learning_rate": "tag(log,interval(1e-5,1))"}, NESTED)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    points = []
    for number in range(120):
        trial = study.ask()
        points.append(json.loads(json.dumps(space.suggest(trial))))  # as a trial's file has it
        study.tell(trial, number)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    again = optuna.create_study(
        storage=storage, study_name="again", sampler=optuna.samplers.TPESampler(group=True, multivariate=True)
    )
    for number, point in enumerate(points):
        parameters, distributions = space.parameters(point), space.distributions(point)
        again.add_trial(optuna.create_trial(params=parameters, distributions=distributions, value=number))
    loaded = optuna.load_study(study_name="again", storage=JournalStorage(JournalFileBackend(str(tmp_path / "study.log"))))
    assert [space.point_of(trial.params) for trial in loaded.trials] == points
    assert [trial.distributions for trial in loaded.trials] == [trial.distributions for trial in study.trials]
    trial = again.ask()
    assert space.fits(space.suggest(trial)) is None, "the study goes on with the same distributions"
    importances = optuna.importance.get_param_importances(loaded, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
    assert "train.learning_rate" in importances


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("a[],1é '\"\\{:", min_size=1),
)


def texts_of(values: list[Any]) -> str:
    """Values as they are typed."""
    from daisy.configuration.typed import plain

    return ",".join(map(plain, values))


@settings(deadline=None)
@given(st.lists(st.one_of(SCALARS, st.lists(SCALARS, min_size=1, max_size=3)), min_size=2, max_size=6), st.integers(0, 5))
@example([1, True, False, 0], 1)
@example([[1, 2], "[1,2]"], 0)
@example([[1, 2], "[1,2]"], 1)
@example(["1", 1, "true", True, None, "null"], 4)
def test_any_values_go_to_the_study_and_back(parser: Parser, values: list[Any], which: int) -> None:
    try:
        space = space_of(parser, {"framework.options.own": texts_of(values)})
    except ConfigurationError as error:
        assert "is there twice" in str(error)  # 1 and 1.0
        return
    chosen = values[which % len(values)]
    point = {"framework.options.own": chosen}
    kept = json.loads(json.dumps(space.parameters(point)))
    [distribution] = space.distributions(point).values()
    stored = optuna.distributions.json_to_distribution(optuna.distributions.distribution_to_json(distribution))
    [(name, code)] = kept.items()
    back = stored.to_external_repr(stored.to_internal_repr(code))  # what a storage does with it
    assert repr(space.point_of({name: back})) == repr(point) and space.fits(point) is None
    [override] = parser.overrides(space.overrides(point)).values
    assert repr(override.value()) == repr(chosen)


@settings(deadline=None)
@given(st.floats(1e-300, 1e15), st.floats(1e-300, 1e15), st.floats(0, 1))
def test_any_number_goes_to_the_study_and_back(parser: Parser, one: float, other: float, share: float) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    value = min(max(low + share * (high - low), low), high)
    space = space_of(parser, {"framework.options.own": f"tag(log,interval({low!r},{high!r}))"})
    point = {"framework.options.own": value}
    assert space.fits(point) is None
    assert space.point_of(json.loads(json.dumps(space.parameters(point)))) == point
    [override] = parser.overrides(space.overrides(point)).values
    assert override.value() == value


def test_a_value_that_a_person_enqueues_is_given(parser: Parser) -> None:
    space = space_of(parser, {"arch.kernel": "2,[2,4]", "arch.layers": "range(1,4)"})
    study = optuna.create_study()
    study.enqueue_trial(space.parameters({"arch.kernel": [2, 4], "arch.layers": 2}))
    assert space.suggest(study.ask()) == {"arch.kernel": [2, 4], "arch.layers": 2}
    study.enqueue_trial({"arch.kernel": 2, "arch.layers": 9})
    with pytest.warns(UserWarning, match="out of range"):
        point = space.suggest(study.ask())
    assert space.fits(point) == "arch.layers=9 is not in the space, which has whole numbers from 1 to 3"


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ({"architecture": "conv", "arch.layers": 1, "arch.dropout": 0.1, "arch.kernel": 2}, None),
        ({"architecture": "conv", "arch.layers": 1, "arch.dropout": 0.30000000000000004, "arch.kernel": 2}, None),
        ({"architecture": "rnn", "arch.layers": 1, "arch.dropout": 0, "arch.attention": False}, None),
        (
            {"architecture": "lstm", "arch.layers": 1, "arch.dropout": 0.1},
            "architecture=lstm is not in the space, which has conv, rnn, transformer",
        ),
        (
            {"architecture": "rnn", "arch.layers": 4, "arch.dropout": 0.1, "arch.attention": False},
            "arch.layers=4 is not in the space, which has whole numbers from 1 to 3",
        ),
        (
            {"architecture": "rnn", "arch.layers": 1, "arch.dropout": 0.15, "arch.attention": False},
            "arch.dropout=0.15 is not in the space, which has numbers from 0.0 to 0.4 in steps of 0.1",
        ),
        (
            {"architecture": "rnn", "arch.layers": 1, "arch.dropout": 0.1, "arch.attention": 1},
            "arch.attention=1 is not in the space, which has true, false",
        ),
        (
            {"architecture": "rnn", "arch.layers": 1, "arch.dropout": 0.1},
            "arch.attention is not there, of which the space has true, false",
        ),
        (
            {"architecture": "transformer", "arch.layers": 1, "arch.dropout": 0.1, "arch.kernel": 2},
            "arch.kernel is not searched there",
        ),
        ({}, "architecture is not there, of which the space has conv, rnn, transformer"),
    ],
)
def test_why_a_point_is_not_in_the_space(parser: Parser, point: dict[str, Any], sentence: str | None) -> None:
    assert space_of(parser, CONDITIONAL, NESTED).fits(point) == sentence


def test_parameters_of_another_space_are_no_point(parser: Parser) -> None:
    space = space_of(parser, {"arch.kernel": "2,4", "arch.layers": "range(1,4)"})
    for parameters in ({"arch.kernel": 2}, {"arch.kernel": 3, "arch.layers": 1}, {"arch.kernel": 2, "arch.layers": 1, "seed": 3}):
        with pytest.raises(ConfigurationError, match=r"made with another space: .* give the sweep another name"):
            space.point_of(parameters)


def test_samples_compose_and_show_each_part(project: DaisyProject) -> None:
    found = find_project(project.root, {})
    with composer(found, project.root) as composing:
        space = space_of(
            composing.parser,
            {**CONDITIONAL, "framework": "arcadio,suffix", "train.learning_rate": "interval(1e-4,1e-2)"},
            {
                "architecture=conv framework=arcadio": {"arch.kernel": "2,4", "when": {"arch.layers=2": {"arch.highway": "1,2"}}},
                "arch.layers=3": {"dataset": "cs/finnish,simplemma/estonian"},
            },
        )
        samples = list(space.samples())
        assert {key for point in samples for key in point} == set(space.keys())
        groups = {(point["framework"], point["architecture"], point.get("dataset")) for point in samples}
        assert len(groups) == 2 * 3 * 3 and samples[0] == space.first()
        # Two of one layer or two are alike, but for the convolutions' highway of arcadio.
        assert len(samples) == len(groups) + 1
        assert all(space.fits(point) is None for point in samples)
        for point in samples:
            if point["framework"] == "arcadio":  # suffix has no architecture
                values = composing.compose(space.overrides(point)).values
                assert values["arch"]["encoder"] == point["architecture"] and values["framework"]["name"] == "arcadio"
                assert values["arch"].get("highway", 0) == point.get("arch.highway", 0)


def test_a_point_is_typed_for_hydra(parser: Parser) -> None:
    space = space_of(
        parser,
        {"arch.kernel": "2,[2,4]", "framework.options.own": "'a b',null"},
        {"arch.kernel=[2,4]": {"architecture": "conv,rnn", "arch.attention": "true,false"}},
    )
    point = {"arch.kernel": [2, 4], "framework.options.own": "a b", "architecture": "conv", "arch.attention": True}
    assert space.overrides(point) == [
        "architecture=conv",
        "arch.kernel=[2,4]",
        "framework.options.own='a b'",
        "arch.attention=true",
    ]


def test_a_large_space_is_counted_without_going_through_it(parser: Parser) -> None:
    keys = {f"framework.options.k{number}": "range(1,1000)" for number in range(12)}
    space = space_of(parser, {"arch.layers": "range(1,100001)", **keys}, {"arch.layers=7": {"arch.kernel": "2,4,6"}})
    assert space.count() == 999**12 * (100_000 - 1 + 3)


@pytest.mark.parametrize(
    ("space", "when", "words"),
    [
        ({}, {}, "sweep.space has no keys: write KEY: VALUES below it"),
        ({"arch.kernel": "range(5,2)"}, {}, "arch.kernel=range(5,2) is empty"),
        (
            {"architecture": "conv,rnn"},
            {"architecture": {"seed": "1,2"}},
            "when architecture: architecture is no condition: write KEY=VALUE",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=conf": {"seed": "1,2"}},
            "there is no architecture=conf - did you mean architecture=conv?",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=transformer": {"seed": "1,2"}},
            "when architecture=transformer: architecture never has this value: write one of conv, rnn",
        ),
        (
            {"architecture": "conv,rnn"},
            {"arch.layers=2": {"seed": "1,2"}},
            "when arch.layers=2: arch.layers is not searched; there are: architecture, seed",
        ),
        ({"arch.layers": "1,2"}, {"arch.layer=2": {"seed": "1,2"}}, "arch.layer is not searched - did you mean arch.layers?"),
        (
            {"arch.attention": "true,false"},
            {"arch.attention=1": {"seed": "1,2"}},
            "never has this value: write one of true, false",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=conv,rnn": {"seed": "1,2"}},
            "a condition has one value: write a part for each",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=conv architecture=rnn": {"seed": "1,2"}},
            "architecture=conv and architecture=rnn can't both hold: leave one of them out",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=conv": {"when": {"architecture=rnn": {"seed": "1,2"}}}},
            "architecture=conv and architecture=rnn can't both hold",
        ),
        ({"architecture": "conv,rnn"}, {"architecture=conv": "arch.kernel"}, "must be a section: write KEY: VALUES below it"),
        ({"arch.dropout": "interval(0,0.5)"}, {"arch.dropout=0.0": {"seed": "1,2"}}, "give arch.dropout values to choose from"),
        (
            {"arch.kernel": "2,4", "architecture": "conv,rnn"},
            {"architecture=conv": {"arch.kernel": "2,6"}},
            "in sweep.space and when architecture=conv",
        ),
        (
            {"arch.layers": "1,2", "architecture": "conv,rnn"},
            {"architecture=conv": {"arch.kernel": "2,6"}, "arch.layers=2": {"arch.kernel": "2,6"}},
            "arch.kernel is in when architecture=conv and when arch.layers=2, which can both hold: leave it in one",
        ),
        (
            {"seed": "1,2"},
            {"arch.pool=1": {"arch.layers": "1,2"}, "arch.layers=1": {"arch.pool": "1,2"}},
            "the conditions of arch.layers and arch.pool go round in a circle: take one of them out",
        ),
        (
            {"architecture": "conv,rnn"},
            {"architecture=conv": {"arch.pool": "1,2"}, "architecture=rnn arch.pool=1": {"arch.layers": "1,2"}},
            "when architecture=rnn arch.pool=1: that never holds, so arch.layers is not searched: take it out",
        ),
    ],
)
def test_what_is_wrong_in_a_space_is_told_with_its_file(
    parser: Parser, space: Mapping[str, str], when: Mapping[str, Mapping[str, Any]], words: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        space_of(parser, space, when)
    assert str(refused.value).startswith(f"{WHERE}: ") and words in str(refused.value) and "\n" not in str(refused.value)


OPTIONS = st.sampled_from(["conv", "rnn", "transformer"])


@settings(deadline=None)
@given(
    st.lists(OPTIONS, min_size=2, max_size=3, unique=True),
    st.integers(2, 4),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(2, 3)), max_size=4),
)
def test_the_count_is_how_many_points_there_are(
    parser: Parser, options: list[str], layers: int, parts: list[tuple[int, int, int]]
) -> None:
    when = {
        f"architecture={options[number % len(options)]} arch.layers={1 + layer % layers}": {
            f"framework.options.k{place}": ",".join(map(str, range(values)))
        }
        for place, (number, layer, values) in enumerate(parts)
    }
    space = space_of(parser, {"architecture": ",".join(options), "arch.layers": f"range(1,{layers + 1})"}, when)
    points = list(space.points())
    assert space.count() == len(points) == len({json.dumps(point) for point in points})
    assert all(space.fits(point) is None and space.point_of(space.parameters(point)) == point for point in points)
    assert {key for point in space.samples() for key in point} == set(space.keys())
