"""Fixtures of the tests of sweeps."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sleeper import end_all, with_sleeper
from support import DaisyProject
from sweep.named_sweeps import Sweeps


@pytest.fixture
def sweeps(project: DaisyProject, tmp_path: Path) -> Iterator[Sweeps]:
    """A project for named sweeps; what still runs at the end is killed."""
    launched = with_sleeper(project, tmp_path)
    launched.open()
    yield Sweeps(launched)
    end_all(launched)
