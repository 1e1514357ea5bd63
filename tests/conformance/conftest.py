"""The configurations that the kit asks with."""

from pathlib import Path

import pytest
from conformance.broken import GOOD
from support import DaisyProject

from daisy.configuration import Configuration, find_project
from daisy.configuration.compose import compose
from daisy.framework.conformance import Case

OPTIONS = "{beam: 5, most: 10}"


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """The framework as it is, and with each architecture."""
    from daisy.cli.init import make_project

    root = tmp_path_factory.mktemp("cases") / "project"
    make_project(root)
    project = DaisyProject(root)
    project.add_framework("mine", GOOD, options=OPTIONS)
    alone = ["framework=mine", "env.device=cpu"]
    asked = {"framework=mine": alone, **{name: [*alone, f"architecture={name}"] for name in ("conv", "rnn", "transformer")}}
    return [Case(name, _composed(root, words)) for name, words in asked.items()]


def _composed(root: Path, words: list[str]) -> Configuration:
    return compose(find_project(root, {}), words, root)
