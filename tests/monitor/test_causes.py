"""Models that failed alike are one thing to mend."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from registry.filled import begun, rewrite
from support import DaisyProject

from daisy import registry
from daisy.folder.cause import LONGEST_LINE
from daisy.monitor.failures import Group, causes

OOM: dict[str, Any] = {
    "reason": "the framework ended with exit code 1",
    "hint": "out of memory: lower train.batch_size, or take a larger GPU",
    "last_lines": [
        "epoch 3: loss 0.43",
        "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total)",
        "  at /home/me/models/r1/x.py",
        "Aborted (core dumped), error 134",
        "a third error",
    ],
}


def failed(models: Path, number: int, host: str | None = "gpu12", **told: Any) -> None:
    """A model that failed, with what was told of it."""
    result = {"state": "failed", "attempt": 1, "host": host, "job": "7", "ended": 1.0, **OOM, **told}
    begun(models, number).write_result({name: value for name, value in result.items() if value is not None})


def found(models: Path) -> list[Group]:
    return causes(models, registry.read(models).rows)


def words(models: Path) -> list[str]:
    return [cause.words for cause in found(models)]


def test_what_the_adapter_says_is_the_cause(tmp_path: Path) -> None:
    for number in range(4):
        failed(tmp_path, number)
    (cause,) = found(tmp_path)
    assert cause.words == "4 models, one cause: out of memory, all on node gpu12"
    assert cause.lines == [OOM["last_lines"][1], OOM["last_lines"][3]]  # the first two that say so
    assert len(cause.models) == 4


def test_on_several_nodes_it_is_no_nodes_fault(tmp_path: Path) -> None:
    failed(tmp_path, 0)
    failed(tmp_path, 1, host="gpu13")
    assert words(tmp_path) == ["2 models, one cause: out of memory"]


def test_one_alone(tmp_path: Path) -> None:
    failed(tmp_path, 0, hint=None)
    assert words(tmp_path) == ["1 model: the framework ended with exit code 1, on node gpu12"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("error: tried to allocate 20.00 MiB (GPU 0)", "error: tried to allocate 1 MiB (GPU 3)"),
        ("error in /models/r1/x.py: bad", "error in /scratch/models/r2__a/x.py: bad"),
        ("fault at 0x7f3a", "fault at 0x99ff00"),
    ],
)
def test_numbers_addresses_and_paths_do_not_make_another_cause(tmp_path: Path, one: str, other: str) -> None:
    failed(tmp_path, 0, last_lines=[one])
    failed(tmp_path, 1, last_lines=[other])
    assert words(tmp_path) == ["2 models, one cause: out of memory, all on node gpu12"]


def test_another_error_is_another_cause(tmp_path: Path) -> None:
    failed(tmp_path, 0, last_lines=["error: no such file: vocab.txt"])
    failed(tmp_path, 1, last_lines=["error: no such file: dev.txt"])
    assert len(words(tmp_path)) == 2


def test_the_most_frequent_first_and_each_with_its_own_lines(tmp_path: Path) -> None:
    failed(tmp_path, 0, hint=None, last_lines=["FileNotFoundError: no such file: vocab.txt"], host="n1")
    for number in range(1, 4):
        failed(tmp_path, number, host=f"n{number}")
    failed(tmp_path, 4, hint=None, last_lines=["all was well", "until it ended"], reason="killed by SIGSEGV", host=None)
    rewrite(begun(tmp_path, 5).result, {"state": "stopped", **OOM})
    told = found(tmp_path)
    assert [cause.words for cause in told] == [
        "3 models, one cause: out of memory",
        "1 model: the framework ended with exit code 1, on node n1",
        "1 model: killed by SIGSEGV",
    ]
    assert told[1].lines == ["FileNotFoundError: no such file: vocab.txt"] and told[2].lines == []


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        ("out of memory: lower it", "out of memory"),
        ("no GPU; use env.device=cpu", "no GPU"),
        ("just this", "just this"),
        ("", "the framework ended with exit code 1"),
    ],
)
def test_a_hint_is_cut_before_what_to_do(tmp_path: Path, hint: str, text: str) -> None:
    failed(tmp_path, 0, hint=hint)
    assert found(tmp_path)[0].text == text


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    failed(tmp_path, 0, last_lines=["error: " + "x" * 10_000])
    (cause,) = found(tmp_path)
    assert [len(line) for line in cause.lines] == [LONGEST_LINE]


def listed(project: DaisyProject) -> Sequence[str]:
    done = project.daisy("list")
    assert done.code == 0, done.err
    return done.out.splitlines()


def test_the_list_tells_them(project: DaisyProject) -> None:
    models = project.root / "models"
    for number in range(4):
        failed(models, number)
    failed(models, 4, hint="\x1b[31mred\x07: stop", last_lines=["\x1b[2Jerror"])
    lines = listed(project)
    at = lines.index("failed  4 models, one cause: out of memory, all on node gpu12")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [OOM["last_lines"][1], OOM["last_lines"][3]]
    assert not any("\x1b" in line or "\x07" in line for line in lines)
    assert any("red" in line and line.startswith("failed  1 model: ") for line in lines)
    assert sum(row["state"] == "failed" for row in json.loads(project.daisy("list", "--json").out)) == 5


def test_more_causes_than_a_screen_should_have(project: DaisyProject) -> None:
    for number, name in enumerate(("one", "two", "three", "four", "five")):
        failed(project.root / "models", number, hint=name)
    lines = listed(project)
    assert sum(line.startswith("failed  ") for line in lines) == 3
    assert "... and 2 other causes" in [line.strip() for line in lines]
