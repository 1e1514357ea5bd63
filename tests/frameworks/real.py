"""Real frameworks, where they are set up."""

import json
import os
from pathlib import Path

import pytest

VARIABLE = "DAISY_TEST_ENVIRONMENTS"


def real_environment(framework: str) -> list[str]:
    """The overrides that run a framework for real; skips the test where it is not set up."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no folder of `daisy setup`: frameworks are not run for real")
    setup = Path(named) / framework / "setup.json"
    if not setup.is_file():
        pytest.skip(f"{framework} is not set up in {VARIABLE}: `daisy setup {framework}` there")
    source = json.loads(setup.read_text(encoding="utf-8"))["source"]
    return [f"env.environments_dir={named}", *([f"framework.source={source}"] if source else [])]


def real_python(framework: str) -> Path:
    """The Python of a framework that is set up; skips the test where it is not."""
    real_environment(framework)
    setup = Path(os.environ[VARIABLE]) / framework / "setup.json"
    return Path(json.loads(setup.read_text(encoding="utf-8"))["python"])
