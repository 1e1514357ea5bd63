"""The conformance kit finds nothing in a good adapter, and something in each broken one."""

from pathlib import Path

import pytest
from conformance.broken import BROKEN, GOOD, Broken
from conformance.examined import CHECKPOINT, verdicts

from daisy.framework.conformance import Case
from daisy.framework.conformance.kit import CHECKS


def test_a_good_adapter_passes_all_checks(cases: list[Case], tmp_path: Path) -> None:
    found = verdicts(GOOD, cases, tmp_path)
    assert {name: verdict.findings for name, verdict in found.items() if not verdict.ok} == {}
    assert all(verdict.not_made is None for verdict in found.values())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_adapter_is_caught(broken: Broken, cases: list[Case], tmp_path: Path) -> None:
    # Two more processes for each take most of the time: they are asked where they must find something.
    checks = [check for check in CHECKS if check.name != "elsewhere" or "elsewhere" in broken.caught_by]
    found = verdicts(broken.text, cases, tmp_path, checks)
    failing = {name: verdict.findings for name, verdict in found.items() if not verdict.ok}
    assert {path.read_text() for path in (tmp_path / "model_out").iterdir()} == {CHECKPOINT}, "the real model is spoilt"
    assert len(list((tmp_path / "model_out").iterdir())) == 5
    assert sorted(failing) == sorted(broken.caught_by), failing
    told = [finding for findings in failing.values() for finding in findings]
    assert any(broken.told in finding for finding in told), told


def test_each_check_catches_something() -> None:
    assert {name for broken in BROKEN for name in broken.caught_by} == {check.name for check in CHECKS}
