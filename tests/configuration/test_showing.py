"""What a composed configuration looks like before anything is trained, and that looking leaves nothing behind."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from support import DaisyProject

from daisy.configuration import find_project
from daisy.configuration.compose import composed_yaml
from daisy.errors import ConfigurationError


def shown(project: DaisyProject, *overrides: str, package: str | None = None, resolve: bool = False) -> Any:
    text = composed_yaml(find_project(project.root, {}), overrides, package, resolve)
    return OmegaConf.to_container(OmegaConf.create(text))


def test_cfg_job_shows_what_would_be_trained(project: DaisyProject) -> None:
    done = project.daisy("framework=suffix", "dataset=cs/finnish", "arch.kernel=6", "--cfg", "job")
    assert (done.code, done.err) == (0, "")
    tree = OmegaConf.to_container(OmegaConf.create(done.out))
    assert isinstance(tree, dict)
    assert set(tree) == {"framework", "dataset", "arch", "train", "env", "seed", "again"}
    assert tree["framework"] == {"name": "suffix", "options": {}}
    assert (tree["dataset"]["task"], tree["dataset"]["language"], tree["arch"]["kernel"]) == ("cs", "finnish", 6)


def test_a_package_alone_and_resolved(project: DaisyProject) -> None:
    expression = "arch.filters=${arch.hidden}"
    assert shown(project, expression, package="arch")["filters"] == "${arch.hidden}"
    resolved = shown(project, expression, package="arch", resolve=True)
    assert resolved["filters"] == resolved["hidden"] and isinstance(resolved["hidden"], int)
    done = project.daisy("--cfg", "job", "-p", "arch.kernel", "arch.kernel=4")
    assert (done.code, done.out) == (0, "4\n")


def test_showing_checks_what_a_run_checks_but_lets_values_be_open(project: DaisyProject) -> None:
    assert shown(project, "arch.kernel=???", package="arch")["kernel"] == "???"
    for overrides, told in (
        (["arch.kernal=6"], "did you mean arch.kernel?"),
        (["arch.kernel=six"], "must be a whole number"),
        (["dataset=cs/finish"], "did you mean dataset=cs/finnish"),
    ):
        with pytest.raises(ConfigurationError, match=told.replace("?", r"\?")):
            shown(project, *overrides)


@pytest.mark.parametrize(
    ("package", "told"),
    [("kernel", "the configuration has no such section"), ("arch..[", "no such section"), ("arch.x", "no such")],
)
def test_a_package_that_is_not_there(package: str, told: str, project: DaisyProject) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shown(project, package=package)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_an_expression_that_points_nowhere_is_told_when_it_is_resolved(project: DaisyProject) -> None:
    assert shown(project, "arch.filters=${nope}", package="arch")["filters"] == "${nope}"
    with pytest.raises(ConfigurationError, match=r"arch\.filters: Interpolation key 'nope' not found"):
        shown(project, "arch.filters=${nope}", resolve=True)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--info"], "Config search path"),
        (["--info", "searchpath"], "/project/conf"),
        (["--info", "defaults-tree", "dataset=cs/finnish"], "cs/finnish"),
        (["--hydra-help"], "Hydra (1.3"),
        (["--cfg", "hydra"], "run:"),
        (["--cfg", "all", "arch.kernel=4"], "  kernel: 4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_hydra_shows_itself_and_leaves_nothing_behind(arguments: list[str], part: str, project: DaisyProject) -> None:
    before = set(project.root.rglob("*"))
    done = project.daisy(*arguments)
    assert (done.code, done.err) == (0, "")
    assert part in done.out
    assert set(project.root.rglob("*")) == before


def test_training_leaves_models_and_data_and_nothing_of_hydra(project: DaisyProject, tmp_path: Path) -> None:
    elsewhere = project.root / "notes"
    elsewhere.mkdir(exist_ok=True)
    before = set(tmp_path.iterdir()) | set(project.root.iterdir())
    done = project.daisy("framework=suffix", "dataset=tiny", cwd=elsewhere)
    assert done.code == 0, done.err
    made = (set(tmp_path.iterdir()) | set(project.root.iterdir())) - before
    assert made - {project.root / ".daisy"} == {project.root / "models", project.root / "data"}
    assert not list(elsewhere.iterdir())
    of_hydra = {"outputs", "multirun", ".hydra", "hydra.yaml", "overrides.yaml", "daisy.log"}
    assert not [path for path in tmp_path.rglob("*") if path.name in of_hydra]
