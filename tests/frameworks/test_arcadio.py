"""arcadio's adapter: the beam and the attention weights, from the command line to the files."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from frameworks.asked import options, shipped
from frameworks.odd_lines import EXPECTED, predictions_for_odd_lines
from support import CHECKOUT, DaisyProject

from daisy.configuration import config_id, find_project, identity
from daisy.configuration.compose import compose
from daisy.errors import ConfigurationError
from daisy.framework import Adapter, Checkpoint, Command, Options, Paths
from daisy.framework.check import check_adapter

COMPANION = CHECKOUT / "frameworks" / "arcadio"
PATHS = Paths(Path("/d"), Path("/f"), Path("/m"), Path("/c"), None, {"train": 1000, "dev": 100, "test": 0})
BEST = Checkpoint(Path("/m/best.npz"))
GREEDY = ("python", "/c/predict.py", "--model", "/m/best.npz", "--source", "/in", "--output", "/out")
SMALL = ("dataset=tiny", "arch.filters=16", "arch.hidden=16", "arch.embedding=8")


@pytest.fixture
def adapter() -> Adapter:
    return shipped("arcadio")


def prediction(adapter: Adapter, options: Options) -> tuple[str, ...]:
    return adapter.predict(options, PATHS, BEST, Path("/in"), Path("/out")).arguments


def attention(adapter: Adapter, options: Options) -> Command | None:
    return adapter.attention_weights(options, PATHS, BEST, Path("/in"), Path("/out"), Path("/weights"))


def test_the_prediction_to_the_letter(project: DaisyProject, adapter: Adapter) -> None:
    assert prediction(adapter, options(project, "arcadio")) == GREEDY
    assert prediction(adapter, options(project, "arcadio", "+framework.options.beam=1")) == GREEDY
    beam = options(project, "arcadio", "+framework.options.beam=5")
    assert prediction(adapter, beam) == (*GREEDY, "--beam", "5")
    strong = options(project, "arcadio", "+framework.options.beam=5", "+framework.options.normalize=0.6")
    assert prediction(adapter, strong) == (*GREEDY, "--beam", "5", "--normalize", "0.6")
    command = attention(adapter, beam)
    assert command is not None and command.arguments == (*GREEDY, "--beam", "5", "--attention", "/weights")
    assert "--beam" not in adapter.train(beam, PATHS, None).arguments  # while training it stays greedy
    default = options(project, "arcadio", "+framework.options.beam=null", "+framework.options.normalize=null")
    assert prediction(adapter, default) == GREEDY


def test_without_a_beam_everything_is_named_as_before(project: DaisyProject) -> None:
    """Models that were trained before there was a beam are found again."""
    plain = compose(find_project(project.root, {}), ["dataset=tiny"], project.root)
    assert not [key for key in plain.flat() if key.startswith("framework.options")]
    assert config_id(plain, []) == "tiny_k6_f100"
    beam = compose(find_project(project.root, {}), ["dataset=tiny", "+framework.options.beam=5"], project.root)
    assert config_id(beam, []) == "tiny_k6_f100_beam5"
    assert identity(plain, [], {}, "x") != identity(beam, [], {}, "x")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["+framework.options.bean=5"], "has no option bean - did you mean framework.options.beam?"),
        (["+framework.options.temperature=5"], "has no option temperature - there are: beam, normalize"),
        (["framework.options.beam=5"], r"write \+framework.options.beam=5"),
        *(
            ([f"+framework.options.beam={value}"], "must be a whole number from 1 to 1000; 1 is the default")
            for value in ("0", "-5", "x", "2.5", "true", "[5]", "1001")
        ),
        *(
            (
                ["+framework.options.beam=5", f"+framework.options.normalize={value}"],
                "must be a number from 0 to 10; 1.0 is the default",
            )
            for value in ("-1", "x", "true", "11")
        ),
        (["+framework.options.normalize=1"], "greedy decoding compares no lengths"),
    ],
    ids=str,
)
def test_what_it_can_not_honour(project: DaisyProject, adapter: Adapter, overrides: Sequence[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        composed = compose(find_project(project.root, {}), ["dataset=tiny", *overrides], project.root)
        check_adapter(adapter, composed, COMPANION, adapter.describe(PATHS))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_model_without_attention_gives_no_weights(project: DaisyProject, adapter: Adapter) -> None:
    with pytest.raises(ConfigurationError, match=r"arch\.attention=false: this model has no attention weights; leave out"):
        attention(adapter, options(project, "arcadio", "arch.attention=false"))


def lines_of(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_beam_and_its_attention_weights_from_end_to_end(project: DaisyProject) -> None:
    for wrong in ("+framework.options.bean=5", "+framework.options.beam=0"):
        refused = project.daisy(*SMALL, wrong)
        assert refused.code == 2 and "beam" in refused.one_line
    assert project.models() == []

    done = project.daisy(*SMALL, "train.epochs=2", "+framework.options.beam=5")
    assert done.code == 0, done.err
    (model,) = project.models()
    assert "_beam5_" in model.name
    dev = lines_of(model / "daisy" / "predictions" / "dev.tsv")

    done = project.daisy("predict", "-1", "--split", "dev", "--output", "out.tsv", "--attention", "weights.jsonl")
    assert done.code == 0, done.err
    assert "attention weights are in weights.jsonl" in done.err
    rows = lines_of(project.root / "out.tsv")
    assert rows == [[cell.replace(" ", "").replace("<s>", " ") for cell in row] for row in dev]
    examples = [json.loads(line) for line in (project.root / "weights.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [" ".join(example["source"]) for example in examples] == [f"{source} <eos>" for source, _, _ in dev]
    assert [" ".join(example["prediction"]) for example in examples] == [f"{found} <eos>".strip() for _, _, found in dev]
    for example in examples:
        assert len(example["weights"]) == len(example["prediction"])
        for row in example["weights"]:
            assert len(row) == len(example["source"])
            assert sum(row) == pytest.approx(1, abs=1e-4)


def test_without_attention_nothing_is_written(project: DaisyProject) -> None:
    assert project.daisy(*SMALL, "train.epochs=1", "arch.attention=false").code == 0
    done = project.daisy("predict", "-1", "--split", "dev", "--attention", "weights.jsonl")
    assert done.code == 2
    assert "arch.attention=false: this model has no attention weights; leave out --attention" in done.one_line
    assert not (project.root / "weights.jsonl").exists()
    assert project.daisy("predict", "-1", "--split", "dev").code == 0


def test_odd_lines(project: DaisyProject, adapter: Adapter, tmp_path: Path) -> None:
    """Long sources, empty predictions at the end and `<unk>` as a word of the data: each line comes out, in its place.

    What it reads as unknown it never predicts.
    """
    chosen = options(
        project,
        "arcadio",
        "train.validate=each",
        "train.epochs=40",
        "train.batch_size=10",
        "train.learning_rate=0.01",
        "arch.filters=16",
        "arch.hidden=16",
    )
    found = predictions_for_odd_lines(adapter, Path(sys.executable), chosen, COMPANION, tmp_path, ["b a", "b c"])
    assert found[0] in ("a", "b", "c") and found[1:] == [*EXPECTED[1:], "", ""]


def test_its_vocabularies_have_no_gap(project: DaisyProject, adapter: Adapter, tmp_path: Path) -> None:
    """What is spelled like a special entry is read as unknown, and has no number of its own."""
    (tmp_path / "train-source").write_text("b a a\n<pad> <unk> <s> <pad>\n", encoding="utf-8")
    (tmp_path / "train-target").write_text("a\nb\n")
    adapter.write_form(options(project, "arcadio"), Paths(tmp_path, tmp_path, tmp_path, tmp_path))
    written = json.loads((tmp_path / "vocabulary-source.json").read_text(encoding="utf-8"))
    assert written == {"<pad>": 0, "<bos>": 1, "<eos>": 2, "<unk>": 3, "a": 4, "<s>": 5, "b": 6}


def test_its_checkpoints_say_of_which_epoch_they_are(project: DaisyProject, adapter: Adapter) -> None:
    assert project.daisy(*SMALL, "train.epochs=2", "train.learning_rate=0.0000001", "train.validate=each").code == 0
    (model,) = project.models()
    paths = replace(PATHS, model_out=model / "model_out")
    best, last = adapter.best_checkpoint(paths), adapter.resume_checkpoint(paths)
    assert best is not None and last is not None
    assert (best.epoch, last.epoch) == (1, 2), "nothing was learned: the first of equally good epochs is the best"
    whole = last.path.read_bytes()
    last.path.write_bytes(whole[:-1])
    assert adapter.resume_checkpoint(paths) is None
