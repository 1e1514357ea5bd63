"""Training as its caller sees it: a process, its log, its files."""

from __future__ import annotations

import itertools
import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Bench = Any  # the fixture of conftest.py
FRAMEWORK = Path(__file__).parents[2] / "frameworks" / "arcadio"

LOG = [
    r"arcadio 1\.0: \d+ parameters, \d+ training examples, \d+ steps an epoch",
    r"resumed after epoch \d+",
    r"epoch \d+ step \d+/\d+ loss (\d+\.\d{4}|nan) seconds \d+\.\d",
    r"epoch \d+ done loss \d+\.\d{4} dev_accuracy [01]\.\d{4}( best)? seconds \d+\.\d",
    r"saved epoch \d+",
    r"finished: (epochs|seconds|patience)",
]


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


def done_lines(log: str) -> list[str]:
    return re.findall(r"epoch \d+ done loss \S+ dev_accuracy \S+(?: best)?", log)


def test_it_learns_and_tells(bench: Bench) -> None:
    done = bench.train(epochs=12, seed=3)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    for line in lines:
        assert any(re.fullmatch(form, line) for form in LOG), line
    assert lines[0].endswith(" 96 training examples, 12 steps an epoch")
    assert lines[-1] == "finished: epochs"
    losses = [float(loss) for loss in re.findall(r"done loss (\S+)", done.stdout)]
    assert len(losses) == 12
    assert losses[-1] < 0.8 * losses[0]
    assert sorted(path.name for path in bench.model.iterdir()) == ["best.npz", "last.npz"]


def test_the_seed_decides_everything(bench: Bench) -> None:
    results = []
    for seed in (1, 1, 2):
        assert bench.train(seed=seed, epochs=2).returncode == 0
        results.append(bench.weights())
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


@pytest.mark.parametrize("seed", range(2))
def test_killed_and_resumed_is_as_if_never_killed(bench: Bench, seed: int) -> None:
    """kill -9 at moments drawn from a seed: while it starts, in an epoch, and while checkpoints are written."""
    epochs = 14
    whole = bench.train(epochs=epochs)
    expected, expected_best = bench.weights(), bench.weights("best.npz")
    for path in bench.model.iterdir():
        path.unlink()

    generator = random.Random(seed)
    command = bench.command("--resume", epochs=epochs)
    killed = 0
    for awaited in generator.sample(["steps an epoch", "done", "done", "done", "saved", "saved"], k=4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            assert process.stdout is not None
            for line in process.stdout:
                if awaited in line:
                    break
            time.sleep(generator.choice([0, 0.001, 0.003, 0.01]))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 3
    last = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert last.returncode == 0, last.stderr
    assert "resumed after epoch" in last.stdout
    assert same(bench.weights(), expected)
    assert same(bench.weights("best.npz"), expected_best)
    assert done_lines(whole.stdout)[-len(done_lines(last.stdout)) :] == done_lines(last.stdout)
    assert not list(bench.model.glob("*.partial"))


def test_a_file_is_never_seen_half_written(tmp_path: Path) -> None:
    """A process that does nothing but write is killed; what is there is always one whole content."""
    path = tmp_path / "last.npz"
    writer = (
        f"import sys; sys.path.insert(0, {str(FRAMEWORK)!r})\n"
        "from pathlib import Path; from arcadio_checkpoint import write_whole\n"
        f"while True:\n  for letter in b'abc': write_whole(Path({str(path)!r}), bytes([letter]) * 5_000_000)"
    )
    generator = random.Random(1)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-B", "-c", writer]) as process:
            path.unlink(missing_ok=True)
            while not path.exists():
                time.sleep(0.001)
            time.sleep(generator.random() * 0.03)
            process.kill()
        content = path.read_bytes()
        assert len(content) == 5_000_000
        assert len(set(content)) == 1


def test_what_a_kill_left_half_written_is_removed(bench: Bench) -> None:
    bench.train(epochs=1)
    (bench.model / "epoch-007.npz.partial").write_bytes(b"half")
    assert bench.train("--resume", epochs=2).returncode == 0
    assert not list(bench.model.glob("*.partial"))


def test_resuming_what_has_finished_changes_nothing(bench: Bench) -> None:
    bench.train(epochs=2)
    before = (bench.model / "last.npz").read_bytes()
    again = bench.train("--resume", epochs=2)
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "finished: epochs"
    assert "step " not in again.stdout
    assert (bench.model / "last.npz").read_bytes() == before


def test_a_new_start_forgets_the_earlier_run(bench: Bench) -> None:
    bench.train("--keep-epochs", epochs=2)
    assert (bench.model / "epoch-002.npz").exists()
    done = bench.train("--keep-epochs", epochs=1)
    assert "resumed" not in done.stdout
    assert sorted(path.name for path in bench.model.iterdir()) == ["best.npz", "epoch-001.npz", "last.npz"]


def test_resuming_with_other_settings_is_refused(bench: Bench) -> None:
    bench.train(epochs=1)
    other = bench.train("--resume", epochs=2, learning_rate=0.02)
    assert other.returncode == 2
    assert "another learning-rate" in other.stderr
    bench.write("train source", ["a b c"] * 96)
    other = bench.train("--resume", epochs=2)
    assert other.returncode == 2
    assert "another training data" in other.stderr


def test_patience_counts_epochs_without_a_better_one(bench: Bench) -> None:
    """With a dev set that can't be right the first epoch stays the best: with patience 2 the third is the last."""
    bench.write("dev target", ["ä"] * 24)
    done = bench.train(epochs=50, patience=2)
    assert done.stdout.splitlines()[-1] == "finished: patience"
    assert len(done_lines(done.stdout)) == 3
    assert [" best" in line for line in done_lines(done.stdout)] == [True, False, False]


def test_seconds_end_it_and_are_counted_over_resumes(bench: Bench) -> None:
    done = bench.train(epochs=100000, seconds=0.6)
    assert done.stdout.splitlines()[-1] == "finished: seconds"
    seconds = [float(text) for text in re.findall(r"seconds (\d\S*)$", done.stdout, re.MULTILINE)]
    assert 0.6 <= seconds[-1] < 2
    again = bench.train("--resume", epochs=100000, seconds=0.6)
    epochs = len(done_lines(done.stdout))
    assert again.stdout.splitlines()[1:] == [f"resumed after epoch {epochs}", "finished: seconds"]
    longer = bench.train("--resume", epochs=100000, seconds=1)
    first = re.search(r"seconds (\S+)", longer.stdout)
    assert first
    assert float(first[1]) > seconds[-1]


def test_best_is_the_epoch_with_the_best_accuracy(bench: Bench) -> None:
    done = bench.train("--keep-epochs", epochs=12, learning_rate=0.02)
    best = [line.split()[1] for line in done_lines(done.stdout) if line.endswith(" best")][-1]
    assert same(bench.weights("best.npz"), bench.weights(f"epoch-{int(best):03d}.npz"))
    with np.load(bench.model / "best.npz", allow_pickle=False) as archive:
        assert json.loads(str(archive["description"]))["epoch"] == int(best)
    accuracies = [float(line.split()[6]) for line in done_lines(done.stdout)]
    assert accuracies.index(max(accuracies)) + 1 == int(best)


def test_a_loss_that_is_not_a_number_ends_it(bench: Bench) -> None:
    done = bench.train(learning_rate=1e6)
    assert done.returncode == 1
    assert re.fullmatch(r"epoch \d+ step \d+/12 loss nan", done.stdout.splitlines()[-1])
    assert re.fullmatch(
        r"arcadio: error: the loss is (not a number|\S+) at epoch \d+, step \d+; lower the learning rate\n", done.stderr
    )


def test_lines_come_at_most_about_twice_a_second(bench: Bench) -> None:
    bench.set_data([("a b", "b a")] * 5000, [("a", "a")])
    done = bench.train(epochs=1, seconds=1.8, batch_size=1)
    seconds = [float(text) for text in re.findall(r"step .* seconds (\S+)", done.stdout)]
    assert len(seconds) >= 2
    assert all(later - earlier >= 0.4 for earlier, later in itertools.pairwise(seconds))
