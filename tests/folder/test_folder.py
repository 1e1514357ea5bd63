"""A model's folder on disk: made at once or not at all, never shared, and honest about who runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daisy.errors import FolderError, ModelError
from daisy.folder import (
    Attempt,
    ModelFolder,
    boot_id,
    by_identity,
    create,
    folders,
    index,
    natural,
    observed_state,
    process_start,
    tail_json,
    this_machine,
)

LIMIT = 60.0  # seconds
CREATE = """
import sys, time
from pathlib import Path
from daisy.folder import create
folder, gate, number = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
(gate.parent / f"up-{number}").touch()
while not gate.exists():
    time.sleep(0.001)
model = create(folder, "puppet", "tiny_k6", {"number": number}, 1532308429.7)
print(model.model_id, flush=True)
"""


def model(tmp_path: Path, identity: str = "1-a", now: float = 1532308429.7) -> ModelFolder:
    return create(tmp_path, "puppet", "tiny_k6", {"identity": identity}, now)


def test_fifty_processes_of_the_same_second_get_fifty_folders(tmp_path: Path) -> None:
    models, gate = tmp_path / "models", tmp_path / "gate"
    racers = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", PATH + CREATE, models, gate, str(number)], stdout=subprocess.PIPE, text=True
        )
        for number in range(50)
    ]
    until = time.monotonic() + LIMIT
    while len(list(tmp_path.glob("up-*"))) < 50:
        assert time.monotonic() < until
        time.sleep(0.01)
    gate.touch()
    ids = {racer.communicate(timeout=LIMIT)[0].strip() for racer in racers}
    assert ids == {"r1532308429__puppet__tiny_k6", *(f"r1532308429__puppet__tiny_k6__{n}" for n in range(2, 51))}
    assert {path.name for path in models.iterdir()} == ids  # and nothing half made
    configs = [folder.read_config() for folder in folders(models)]
    assert sorted(int(config["number"]) for config in configs) == list(range(50))
    assert [config["model_id"] for config in configs] == [folder.model_id for folder in folders(models)]
    attempts = [folder.read_attempt(1) for folder in folders(models)]
    assert {attempt.pid for attempt in attempts if attempt} == {racer.pid for racer in racers}


# Fifty interpreters start; none needs what `site` would look for.
PATH = (
    f"import sys; sys.path[:0] = {[str(Path(__file__).parents[2]), *(path for path in sys.path if 'site-packages' in path)]!r}\n"
)


def test_whole_commands_of_the_same_second(project: Any) -> None:
    commands = [project.start("framework=suffix", "dataset=tiny", "again=true") for _ in range(3)]
    for command in commands:
        out, _ = command.communicate(timeout=LIMIT)
        assert command.returncode == 0, out.decode()
    results = [ModelFolder(path).read_result() for path in project.models()]
    assert [result["state"] for result in results] == ["done"] * 3
    assert len({result["checkpoint"]["bytes"] for result in results}) == 1


def test_a_new_folder_has_everything_that_says_what_it_is(tmp_path: Path) -> None:
    folder = model(tmp_path / "deep" / "models")
    assert folder.path == tmp_path / "deep" / "models" / "r1532308429__puppet__tiny_k6"
    assert sorted(str(path.relative_to(folder.path)) for path in folder.path.rglob("*")) == [
        "daisy",
        "daisy/attempts",
        "daisy/attempts/1.json",
        "daisy/config.json",
        "daisy/result.json",
        "model_out",
    ]
    assert folder.read_config() == {"format": 1, "model_id": folder.model_id, "identity": "1-a"}
    result = folder.read_result()
    assert (result["state"], result["attempt"]) == ("running", 1)
    assert folder.read_attempt(1) == replace(Attempt.of_this_process(1), started=result["started"])
    assert observed_state(folder, result) == ("running", "")


def test_a_name_too_long_for_the_disk_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="name too long"):
        create(tmp_path, "puppet", "k" * 300, {}, 1.0)
    assert list(tmp_path.iterdir()) == []


def test_the_paths_of_the_design(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "r1__a__b")
    names = {
        "config": "daisy/config.json",
        "job_out": "daisy/job.out",
        "run_out": "daisy/run.out",
        "metrics": "daisy/metrics.jsonl",
        "result": "daisy/result.json",
        "model_out": "model_out",
    }
    for name, path in names.items():
        assert getattr(folder, name) == folder.path / path
    assert folder.predictions() == folder.path / "daisy/predictions/dev.tsv"
    assert folder.predictions("test") == folder.path / "daisy/predictions/test.tsv"


def test_attempts_are_claimed_one_after_the_other(tmp_path: Path) -> None:
    folder = model(tmp_path)
    assert folder.last_attempt() == 1
    assert folder.begin_attempt(1).number == 2
    with pytest.raises(ModelError, match="has just been started by another process"):
        folder.begin_attempt(1)  # whoever has not seen attempt 2 does not get past it
    for number in range(2, 11):
        folder.begin_attempt(number)
    (folder.daisy / "attempts" / "x.json").touch()
    (folder.daisy / "attempts" / ".12.json").touch()
    assert folder.attempts() == list(range(1, 12))
    assert folder.last_attempt() == 11


def test_who_lives(tmp_path: Path) -> None:
    mine = Attempt.of_this_process(1)
    assert mine.alive() is True
    assert (mine.pid, mine.host, mine.boot) == (os.getpid(), socket.gethostname(), this_machine())
    assert replace(mine, process_start="1").alive() is False  # another process that has its number now
    assert replace(mine, boot="another").alive() is False
    assert replace(mine, host="renamed-since").alive() is True
    assert replace(mine, host="node7", boot="another").alive() is None
    assert replace(mine, boot=f"{boot_id()}/another container").alive() is None
    assert replace(mine, process_start="").alive() is None
    child = subprocess.Popen(["sleep", "100"])
    his = replace(mine, pid=child.pid, process_start=process_start(child.pid) or "")
    assert his.alive() is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert his.alive() is False  # a zombie does not live
    child.wait()
    assert his.alive() is False


def test_what_can_be_said_of_a_models_state(tmp_path: Path) -> None:
    folder = model(tmp_path)
    gone = replace(Attempt.of_this_process(1), process_start="1")

    def say(attempt: Attempt | None, state: str = "running", attempts: int = 1) -> tuple[str, str]:
        for number in folder.attempts():
            folder.attempt_file(number).unlink()
        for number in range(1, attempts + 1):
            if attempt is not None:
                folder.attempt_file(number).write_text(json.dumps(vars(replace(attempt, number=number))))
        return observed_state(folder, {"state": state, "attempt": 1})

    assert say(gone) == ("stopped", f"process {os.getpid()} on {socket.gethostname()} is gone")
    assert say(replace(gone, host="node7", boot="another"))[0] == "unknown"
    assert "node7" in say(replace(gone, host="node7", boot="another"))[1]
    assert say(None)[0] == "unknown"
    for state in ("done", "failed", "stopped", "pruned"):
        assert say(gone, state) == (state, "")
        assert say(Attempt.of_this_process(1), state) == (state, "")
    # A later attempt has begun and has not said so in result.json yet.
    assert say(Attempt.of_this_process(1), "failed", attempts=2) == ("running", "")
    assert say(gone, "failed", attempts=2)[0] == "stopped"
    assert say(gone, "done", attempts=2) == ("done", "")
    folder.attempt_file(2).write_text("{")
    assert observed_state(folder, {"state": "running", "attempt": 1})[0] == "unknown"


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"state": "trained"}', b"\xff\xfe", b"{}", b"nul"])
def test_a_damaged_result_is_an_error_with_a_way_out(tmp_path: Path, content: bytes | None) -> None:
    folder = model(tmp_path)
    folder.result.unlink()
    if content is not None:
        folder.result.write_bytes(content)
    with pytest.raises(FolderError, match=r"result\.json.*: move the folder .* away"):
        folder.read_result()


def test_models_are_found_by_identity_and_damage_is_passed_over(tmp_path: Path) -> None:
    first, second = model(tmp_path, "1-a"), model(tmp_path, "1-b")
    third = model(tmp_path, "1-a", now=1532308430.0)
    damaged = model(tmp_path, "1-a")
    damaged.config.write_text("{")
    (tmp_path / "somebody's").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / ".sweeps").mkdir()
    many = [model(tmp_path, "1-c") for _ in range(20)]  # so that an index is worth while
    for _ in range(2):  # the second time from the index
        known = by_identity(tmp_path)
        assert [folder.path for folder in known["1-a"]] == [first.path, third.path]
        assert [folder.path for folder in known["1-b"]] == [second.path]
        assert [folder.path for folder in known["1-c"]] == [folder.path for folder in many]
    cache = tmp_path / ".identities-1.json"
    for damage in (b"[1", cache.read_bytes().replace(b"1-b", b"1-x"), b""):  # a cache: it is made again
        cache.write_bytes(damage)
        assert [folder.path for folder in by_identity(tmp_path)["1-b"]] == [second.path]
    entries = index.kept(tmp_path, "identities", ("identity",))
    assert len(entries) == 23
    index.keep(tmp_path, "identities", ("identity",), {**entries, second.model_id: "from the index"}, len(entries))
    assert [folder.path for folder in by_identity(tmp_path)["from the index"]] == [second.path]
    (tmp_path / second.model_id).rename(tmp_path / "r1532308430__puppet__renamed")
    assert [folder.model_id for folder in by_identity(tmp_path)["1-b"]] == ["r1532308430__puppet__renamed"]
    assert list(folders(tmp_path / "none")) == []
    with pytest.raises(FolderError, match=r"set env\.models_dir"):
        list(folders(tmp_path / "file"))


def test_models_are_sorted_by_time_and_number() -> None:
    names = ["r9__a__b", "r10__a__b", "r10__a__b__2", "r10__a__b__10", "r10__a__c", "r11__a__a", "foreign"]
    assert sorted({*names}, key=natural) == names


def test_daisys_own_lines(tmp_path: Path) -> None:
    folder = model(tmp_path)
    folder.log("train")
    folder.log("a file called \udcff")  # as Python names a file whose name is no UTF-8
    first, second = folder.job_out.read_text().splitlines()
    assert first.endswith("] train")
    assert second.endswith("] a file called \\udcff")
    assert abs(time.time() - _time(first)) < 100


def _time(line: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(line[1 : line.index("]")]).timestamp()


def test_predictions_are_one_line_each(tmp_path: Path) -> None:
    folder = model(tmp_path)
    folder.write_predictions(["a", "b"], ["c", "d"], ["e\tf", "g\nh\ri\u2028"])
    assert folder.predictions().read_bytes().decode() == "a\tc\te f\nb\td\tg h i\u2028\n"
    with pytest.raises(ValueError, match="shorter"):
        folder.write_predictions(["a", "b"], ["c", "d"], ["e"])
    assert folder.predictions().read_text().startswith("a\tc")
    assert list(folder.checksums()) == ["config.json", "predictions/dev.tsv"]


def test_epochs_that_were_scored(tmp_path: Path) -> None:
    folder = model(tmp_path)
    assert folder.scored_epochs() == {}
    lines = [
        {"epoch": 2, "accuracy": 0.5},
        {"epoch": 1, "accuracy": 0.25, "attempt": 1},
        {"epoch": 3, "loss": 1.0, "dev_accuracy": 0.9},
        {"epoch": 2, "accuracy": 0.75, "attempt": 2},
        {"epoch": None, "accuracy": 0.75},
    ]
    folder.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"epoch": 4, "accuracy": 0.')
    assert folder.scored_epochs() == {1: 0.25, 2: 0.75}


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["step", "loss"]), st.integers() | st.text(max_size=30)), max_size=30),
    st.integers(1, 5),
    st.integers(0, 20),
)
def test_the_last_lines_of_a_file_that_grows(
    tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, Any]], most: int, torn: int
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    whole = "".join(f"{json.dumps(value)}\n" for value in values).encode()
    path.write_bytes(whole + b'{"step": 12345678901234567890'[:torn])
    assert tail_json(path, most) == values[-most:]
    found = tail_json(path, most, block=100)  # it may see fewer, never wrong ones
    assert found == values[len(values) - len(found) :]
    assert len(found) == min(most, len(values)) or len(whole) + torn > 100 * most


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert tail_json(path, 3) == []
    path.write_bytes(b'{"step": 1}\n{"step"\n[1]\n\xff\xfe\n{"step": 2}\n')
    assert tail_json(path, 3) == [{"step": 1}, {"step": 2}]
