"""The conformance kit finds nothing in a good adapter, and something in each broken one."""

from pathlib import Path

import pytest
from conformance.broken import BROKEN, GOOD, Broken
from support import DaisyProject

from daisy.configuration import Configuration, find_project
from daisy.configuration.compose import compose
from daisy.framework.conformance import Case, Evidence, Subject, Verdict, examine, sandbox
from daisy.framework.lookup import AdapterFile

LOG = b"".join(
    b"epoch %d step %d loss %.4f\n" % (epoch, 10 * epoch, 3.25 / epoch) + b"epoch %d is whole\n" % epoch for epoch in range(1, 13)
)
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


def verdicts(text: str, cases: list[Case], folder: Path) -> dict[str, Verdict]:
    """What the kit says of an adapter."""
    (folder / "mine").mkdir()
    (folder / "mine.py").write_text(text, encoding="utf-8")
    (folder / "mine" / "requirements.txt").write_text("numpy==1.26.4\nrich==13.8.0  # as it was tried\n")
    (folder / "mine" / "open.txt").write_text("numpy>=1.26\n")
    model_out = folder / "model_out"
    model_out.mkdir()
    for name in ("best.bin", "best.json", "last.bin"):
        (model_out / name).write_text('{"epoch": 12}')
    section = cases[0].configuration.values["framework"]
    evidence = Evidence([LOG + b"finished: epochs\n"], model_out)
    subject = Subject(AdapterFile("mine", folder / "mine.py"), section, cases, sandbox(folder / "sandbox"), evidence)
    return {verdict.check.name: verdict for verdict in examine(subject)}


def test_a_good_adapter_passes_all_checks(cases: list[Case], tmp_path: Path) -> None:
    found = verdicts(GOOD, cases, tmp_path)
    assert {name: verdict.findings for name, verdict in found.items() if not verdict.ok} == {}
    assert all(verdict.not_made is None for verdict in found.values())


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_adapter_is_caught(broken: Broken, cases: list[Case], tmp_path: Path) -> None:
    found = verdicts(broken.text, cases, tmp_path)
    failing = {name: verdict.findings for name, verdict in found.items() if not verdict.ok}
    assert sorted(failing) == sorted(broken.caught_by), failing
    told = [finding for findings in failing.values() for finding in findings]
    assert any(broken.told in finding for finding in told), told


def test_each_check_catches_something() -> None:
    from daisy.framework.conformance.kit import CHECKS

    assert {name for broken in BROKEN for name in broken.caught_by} == {check.name for check in CHECKS}
