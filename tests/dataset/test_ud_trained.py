"""A network trained on words in context, through Daisy, on a real treebank."""

import json

import pytest
from support import UD_FINNISH, DaisyProject

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not UD_FINNISH.is_dir(), reason="the UD_Finnish-TDT files are not here: set DAISY_TEST_DATA"),
]


@pytest.mark.parametrize("context", [0, 10])
def test_a_network_learns_lemmas_in_context(project: DaisyProject, context: int) -> None:
    done = project.daisy(
        "framework=arcadio", "dataset=ud/finnish-tdt", "dataset.splits.train=test", "dataset.splits.test=null",
        f"dataset.context={context}", "arch.filters=50", "arch.hidden=64", "train.epochs=1", f"env.mirror={UD_FINNISH}",
        timeout=600,
    )  # fmt: skip
    assert done.code == 0, done.err
    (listed,) = json.loads(project.daisy("list", "--json").out)
    assert listed["accuracy"] > 0.1
    (model,) = project.models()
    rows = [row.split("\t") for row in (model / "daisy" / "predictions" / "dev.tsv").read_text(encoding="utf-8").splitlines()]
    right = [source for source, target, prediction in rows if target == prediction]
    assert len(rows) == 15_069 and len(right) / len(rows) == pytest.approx(listed["accuracy"], abs=1e-6)
    assert f"_context{context}_" in model.name and len(set(right)) > 100
