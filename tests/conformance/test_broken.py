"""The conformance kit finds nothing in a good adapter, and something in each broken one."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from conformance.broken import BROKEN, GOOD, Broken
from support import DaisyProject

from daisy.configuration import Configuration, find_project
from daisy.configuration.compose import compose
from daisy.framework.conformance import Case, Evidence, Subject, Verdict, examine, sandbox
from daisy.framework.conformance.kit import CHECKS, Check
from daisy.framework.lookup import AdapterFile

LOG = b"".join(
    b"epoch %d step %d loss %.4f\n" % (epoch, 10 * epoch, 3.25 / epoch) + b"epoch %d is whole\n" % epoch for epoch in range(1, 13)
)
CHECKPOINT = '{"epoch": 12}'
OPTIONS = "{beam: 5, most: 10}"


@pytest.fixture(scope="module")
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


def verdicts(text: str, cases: list[Case], folder: Path, checks: Sequence[Check] = CHECKS) -> dict[str, Verdict]:
    """What the kit says of an adapter."""
    (folder / "mine").mkdir()
    (folder / "mine.py").write_text(text, encoding="utf-8")
    (folder / "mine" / "requirements.txt").write_text("numpy==1.26.4\nrich==13.8.0  # as it was tried\n")
    (folder / "mine" / "open.txt").write_text("numpy>=1.26\n")
    model_out = folder / "model_out"
    model_out.mkdir()
    for name in ("best.bin", "best.json", "last.bin"):
        (model_out / name).write_text(CHECKPOINT)
    section = cases[0].configuration.values["framework"]
    evidence = Evidence([LOG + b"finished: epochs\n"], model_out)
    subject = Subject(AdapterFile("mine", folder / "mine.py"), section, cases, sandbox(folder / "sandbox"), evidence)
    return {verdict.check.name: verdict for verdict in examine(subject, checks)}


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
    assert len(list((tmp_path / "model_out").iterdir())) == 3
    assert sorted(failing) == sorted(broken.caught_by), failing
    told = [finding for findings in failing.values() for finding in findings]
    assert any(broken.told in finding for finding in told), told


def test_each_check_catches_something() -> None:
    assert {name for broken in BROKEN for name in broken.caught_by} == {check.name for check in CHECKS}
