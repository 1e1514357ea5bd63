"""Fixtures that all tests share: a project of its own for each, the real data where it is there."""

from pathlib import Path

import pytest
from support import SIGMORPHON, DaisyProject

PAIRS = [(f"{stem}{ending}", stem) for stem in ("talo", "kala", "auto", "puu", "meri", "tie") for ending in ("", "n", "ssa")]


@pytest.fixture
def project(tmp_path: Path) -> DaisyProject:
    """A new project as `daisy init` makes it."""
    from daisy.cli.init import make_project

    root = tmp_path / "project"
    make_project(root)
    (root / "conf" / "dataset").mkdir(exist_ok=True)
    (root / "conf" / "dataset" / "tiny.yaml").write_text(
        "defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\ntest: pairs.tsv\n"
    )
    (root / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS))
    return DaisyProject(root)


@pytest.fixture(scope="session")
def sigmorphon() -> Path:
    """The real CoNLL-SIGMORPHON files."""
    if not (SIGMORPHON / "finnish-dev").is_file():
        pytest.skip(f"the CoNLL-SIGMORPHON 2017 files are not in {SIGMORPHON}; set DAISY_TEST_DATA to the folder above them")
    return SIGMORPHON
