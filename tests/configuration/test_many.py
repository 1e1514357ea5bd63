"""Many configurations at once: equal to what Hydra composes for each, and the product of the values that are given."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hydra import compose as hydra_compose
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from support import DaisyProject

from daisy.configuration import compose as composing
from daisy.configuration import find_project
from daisy.configuration.compose import compose, composer
from daisy.configuration.overrides import Parser, text_of
from daisy.errors import ConfigurationError

CHOICES = ["architecture=rnn", "architecture=transformer", "architecture=conv", "framework=nematus", "framework=linked"]
VALUES = [
    "arch.kernel=6", "arch.kernel=[2,4]", "++arch.kernel=3", "+arch.kernel=3", "arch.filters=null", "arch.dropout=0.25",
    "arch.dropout=1e-3", "arch.attention=false", "arch.heads=2", "+arch.heads=2", "~arch.pool", "arch.hidden=77",
    "seed=3", "seed=-1", "train.epochs=null", "train.seconds=5", "train={epochs:3,seconds:null}", "+train.mine=[a,null,1.5]",
    "+framework.options.x='a b, \"c\"'", "+framework.options.y={a:1,b:{c:[2]}}", "+framework.options.z=${seed}",
    "++framework.options.deep.er.still=1", "+mine=5", "+mine.deep.key=x", "framework.options.size=4",
    "framework.options.half=${arch.hidden}", "env.models_dir=elsewhere", "env.python.suffix=python3", "again=true",
    "dataset.size=medium", "+arch.kernel.deep=1", "arch.kernel='???'", "+list=[1,[2,3]]", "+framework.options.t=\"\\${x}\"",
]  # fmt: skip
LINKED = """
name: linked
adapter: suffix
options:
  size: ${arch.hidden}
  half: 8
  place: ${oc.env:HOME}/x
  both: ${seed}-${train.batch_size}
"""


def outcome(make: Callable[..., Any], *arguments: Any) -> Any:
    """What comes of it; only that it is refused, where it is: the words may differ."""
    try:
        return make(*arguments)
    except (HydraException, OmegaConfBaseException, ConfigurationError, ValueError):
        return "refused"


def by_hydra(texts: list[str], resolve: bool) -> Any:
    full = hydra_compose("config", overrides=texts)
    return OmegaConf.to_container(full, resolve=resolve)


def compared(project: DaisyProject, count: int, seed: int) -> dict[str, int]:
    """Compose random sets of overrides in both ways; how many were put together here, left to Hydra, refused by both."""
    generator = random.Random(seed)
    (project.root / "conf" / "framework").mkdir(exist_ok=True)
    (project.root / "conf" / "framework" / "linked.yaml").write_text(LINKED)
    seen = {"here": 0, "left to Hydra": 0, "refused": 0}
    with composer(find_project(project.root, {}), project.root) as many:
        for _ in range(count):
            chosen = generator.sample(CHOICES, generator.randint(0, 2)) + generator.sample(VALUES, generator.randint(0, 5))
            generator.shuffle(chosen)
            overrides = outcome(many.parser.overrides, chosen)
            if overrides == "refused":
                continue
            texts = overrides.texts()
            template = outcome(many._template, overrides, tuple(map(text_of, overrides.choices)))
            if template == "refused":
                assert outcome(by_hydra, texts, False) == "refused", texts
                continue
            tree = template.unresolved(overrides.values)
            if tree is None:
                seen["left to Hydra"] += 1
                continue
            seen["here"] += 1
            assert tree == outcome(by_hydra, texts, False), texts
            expected = outcome(by_hydra, texts, True)
            seen["refused"] += expected == "refused"
            assert outcome(template.resolved, overrides.values) == expected, texts
    return seen


def test_equal_to_what_hydra_composes(project: DaisyProject) -> None:
    seen = compared(project, 100, seed=1)
    assert seen["here"] > 30 and seen["left to Hydra"] > 10


@pytest.mark.slow
def test_equal_to_what_hydra_composes_many(project: DaisyProject) -> None:
    seen = compared(project, 400, seed=random.randrange(10**9))
    assert seen["here"] > 120 and seen["left to Hydra"] > 40


def test_each_is_as_if_it_were_alone(project: DaisyProject) -> None:
    """Nothing of one configuration gets into the next."""
    texts = [["arch.kernel=[2,4]"], [], ["seed=2", "architecture=rnn"], ["arch.dropout=0.1", "+framework.options.beam=3"], []]
    there = find_project(project.root, {})
    with composer(there, project.root) as many:
        together = [many.compose(["dataset=tiny", *overrides]) for overrides in texts]
    assert together == [compose(there, ["dataset=tiny", *overrides], project.root) for overrides in texts]


def test_another_hydra_composes_each_itself(project: DaisyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    there, texts = find_project(project.root, {}), ["dataset=tiny", "arch.kernel=4"]
    ours = compose(there, texts, project.root)
    asked: list[list[str]] = []
    monkeypatch.setattr(composing, "version", lambda name: "1.4.0")
    plain = composing._composed
    monkeypatch.setattr(composing, "_composed", lambda overrides: asked.append(overrides) or plain(overrides))
    assert compose(there, texts, project.root) == ours
    assert texts in asked


def expanded(project: DaisyProject, *texts: str) -> list[list[str]]:
    return Parser(find_project(project.root, {}), project.root).expanded(texts)


def test_the_product_of_the_values(project: DaisyProject) -> None:
    assert expanded(project, "arch.kernel=2,4", "seed=range(1,4)") == [
        [f"arch.kernel={kernel}", f"seed={seed}"] for kernel in (2, 4) for seed in (1, 2, 3)
    ]
    assert expanded(project, "arch.kernel=[2,4],6", "+framework.options.x='a,b',c") == [
        [f"arch.kernel={kernel}", f"+framework.options.x={text}"] for kernel in ("[2,4]", "6") for text in ("'a,b'", "c")
    ]
    assert expanded(project, "architecture=glob(r*)", "arch.dropout=choice(0.1,0.2)") == [
        ["architecture=rnn", f"arch.dropout={dropout}"] for dropout in (0.1, 0.2)
    ]
    assert expanded(project) == [[]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed=interval(1,4)", "has no end of values: give some of them"),
        ("seed=range(4,1)", "gives no values"),
        ("architecture=glob(z*)", "fits no option: there are"),
        ("seed=range(0,1000000000)", "and at most 100,000 can be launched"),
        ("seed=glob(*)", "glob() chooses among a group's options"),
        ("arch.kernel=2,,", "is no override that Hydra can read"),
        ("hydra.launcher.n_jobs=1,2", "Daisy decides where models go"),
    ],
)
def test_values_that_can_not_be_told(project: DaisyProject, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        expanded(project, text)
    assert told in str(refused.value)
