"""Whatever an adapter answers, the kit says what is wrong with it."""

import json
from pathlib import Path

import pytest
from conformance.broken import GOOD
from conformance.examined import verdicts

from daisy.framework.conformance import Case
from daisy.framework.conformance.commands import names
from daisy.framework.conformance.finding import Finding, told
from daisy.framework.conformance.kit import CHECKS

METHODS = {
    "form": (3, {}, []),
    "train": (None, 3, [], ["python"]),
    "predict": (None, "python predict.py"),
    "attention_weights": (3, ["python"]),
    "read_line": (3, "loss", {"loss": 1.0}, ()),
    "best_checkpoint": (3, "best.bin", ()),
    "resume_checkpoint": (3, "last.bin", ()),
    "epoch_checkpoint": (3, "last.bin", ()),
    "read_predictions": (None, 3, "text", [3]),
    "hint": (3, [], ("a", "b")),
    "setup": (3, (), "requirements.txt"),
    "describe": (None, 3, "1.0"),
}
BUILT = (
    ("train", "Command('python train.py')"),
    ("train", "Command(None)"),
    ("train", "Command(('a',), None)"),
    ("train", "Command(('a',), {}, 'folder')"),
    ("train", "Command((3, None))"),
    ("train", "Command(('a',), {3: 4})"),
    ("form", "Form(None)"),
    ("form", "Form({}, None)"),
    ("form", "Form({}, 'python make.py')"),
    ("form", "Form({}, [['python']])"),
    ("form", "Form({(1, 2): 3})"),
    ("form", "Form({}, 3)"),
    ("best_checkpoint", "Checkpoint(None)"),
    ("best_checkpoint", "Checkpoint('best.bin')"),
    ("best_checkpoint", "Checkpoint(Path('best.bin'), files='best.bin')"),
    ("best_checkpoint", "Checkpoint(Path('/'), files=None)"),
    ("best_checkpoint", "Checkpoint(Path('/'), epoch='3')"),
    ("setup", "Setup('3.11', companion / 'requirements.txt', 1, 1)"),
    ("setup", "Setup(None, companion, 1, 1)"),
    ("setup", "Setup(('3.11',), 'requirements.txt', 1, 1)"),
    ("setup", "Setup((3.11,), None, 1, 1)"),
    ("setup", "Setup(('3.11',), companion / 'requirements.txt', '10 MB', None)"),
    ("describe", "Description(None)"),
    ("describe", "Description(3)"),
    ("describe", "Command(None)"),
    ("read_line", "Progress(measures=None)"),
    ("read_line", "Progress(measures=[3])"),
    ("read_line", "Progress(measures={3: 1.0})"),
    ("read_line", "Progress(measures={'loss': 'nan'})"),
    ("read_line", "Progress(epoch=1.5)"),
    ("read_line", "Progress(ended=True)"),
    ("read_line", "Progress(seconds='1')"),
    ("read_line", "Progress(epoch_done=1)"),
)


@pytest.mark.parametrize(
    ("method", "answer"), [*((name, repr(value)) for name, values in METHODS.items() for value in values), *BUILT], ids=str
)
def test_an_answer_of_another_type_is_a_finding(method: str, answer: str, cases: list[Case], tmp_path: Path) -> None:
    """Never a traceback of the kit's own."""
    parameters = {"setup": "self, companion", "describe": "self, paths"}.get(method, "self, *given, **named")
    text = f"{GOOD}\n    def {method}({parameters}):\n        return {answer}\n"
    checks = [check for check in CHECKS if check.name != "elsewhere"]
    found = [finding for verdict in verdicts(text, cases, tmp_path, checks).values() for finding in verdict.findings]
    assert found
    assert not [finding for finding in found if "can't be looked at" in finding], found


PLACE = Path('/tmp/it\'s "ä" \\ folder/lines')


@pytest.mark.parametrize(
    ("word", "is_there"),
    [
        (str(PLACE), True),
        (f"--input={PLACE}", True),
        (f"{PLACE}.gz", True),
        (f"{PLACE}/train-source", True),
        (json.dumps({"data": [{"test": str(PLACE)}]}), True),
        (json.dumps([str(PLACE)], ensure_ascii=False), True),
        ("--config=" + json.dumps({"test": f"{PLACE}/x"}), True),
        (PLACE.name, False),
        (f"{PLACE}2", False),
        (f"/other{PLACE}", False),
        (f"{{{PLACE.parent}", False),
        ("--flag={", False),
    ],
)
def test_a_path_is_found_whole(word: str, is_there: bool) -> None:
    assert names({"arguments": ["python", word, 3], "environment": {}, "folder": None}, PLACE) is is_there
    assert names({"arguments": ["python"], "environment": {"INPUT": word}, "folder": None}, PLACE) is is_there


def test_the_same_reason_is_told_once() -> None:
    lines = [Finding(f"line {number}", f"read_line raised KeyError in line 7: '{number}': mend it") for number in range(4)]
    lines += [Finding("line 9", "read_line raised KeyError in line 8: 'x': mend it"), lines[0]]
    first, second = told(lines)
    assert first == "line 0: read_line raised KeyError in line 7: '0': mend it (and so in 3 more)"
    assert second == "line 9: read_line raised KeyError in line 8: 'x': mend it"
