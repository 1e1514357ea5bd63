"""Fixtures of the launcher's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sleeper import Launched, end_all, with_sleeper
from support import DaisyProject


@pytest.fixture
def launched(project: DaisyProject, tmp_path: Path) -> Iterator[Launched]:
    """A project with the sleeping framework; what still runs at the end is killed."""
    found = with_sleeper(project, tmp_path)
    yield found
    end_all(found)
