"""arcadio is run by path, in its own process: its modules are found in its folder, not installed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

FRAMEWORK = Path(__file__).parents[2] / "frameworks" / "arcadio"
sys.path.insert(0, str(FRAMEWORK))

SMALL = {
    "embedding": {"size": 8},
    "encoder": {"type": "conv", "kernel": [3], "filters": [12]},
    "decoder": {"size": 12},
}


class Bench:
    """A folder with data, a vocabulary, and the two commands of arcadio as real processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model"
        self.model.mkdir()
        self.arguments: dict[str, str] = {}

    def write(self, name: str, lines: list[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def set_data(self, train: list[tuple[str, str]], dev: list[tuple[str, str]], components: object = SMALL) -> None:
        for part, pairs in (("train", train), ("dev", dev)):
            for side, index in (("source", 0), ("target", 1)):
                path = self.write(f"{part} {side}", [pair[index] for pair in pairs])
                self.arguments[f"--{part}-{side}"] = str(path)
        for side, index in (("source", 0), ("target", 1)):
            counts = Counter(token for pair in train for token in pair[index].split(" ") if token)
            tokens = ["<pad>", "<bos>", "<eos>", "<unk>", *sorted(counts, key=lambda token: (-counts[token], token))]
            path = self.folder / f"{side}.json"
            path.write_text(json.dumps({token: place for place, token in enumerate(tokens)}), encoding="utf-8")
            self.arguments[f"--vocabulary-{side}"] = str(path)
        self.arguments |= {
            "--components": json.dumps(components),
            "--model": str(self.model),
            "--epochs": "3",
            "--batch-size": "8",
            "--learning-rate": "0.01",
            "--seed": "1",
        }

    def command(self, *switches: str, **changes: object) -> list[str]:
        """The training's command line; `batch_size=8` sets --batch-size."""
        changed = {f"--{key.replace('_', '-')}": str(value) for key, value in changes.items()}
        pairs = {**self.arguments, **changed}
        words = [word for pair in pairs.items() for word in pair]
        return [sys.executable, "-B", str(FRAMEWORK / "train.py"), *words, *switches]

    def train(self, *switches: str, **changes: object) -> subprocess.CompletedProcess[str]:
        return run(self.command(*switches, **changes))

    def predict(self, sources: list[str], *words: str, model: Path | None = None) -> list[str]:
        source, output = self.write("to predict", sources), self.folder / "predicted"
        chosen = model or self.model / "best.npz"
        done = run(predict_command("--model", chosen, "--source", source, "--output", output, *words))
        assert done.returncode == 0, done.stderr
        return output.read_text(encoding="utf-8").split("\n")[:-1]

    def weights(self, name: str = "last.npz") -> dict[str, np.ndarray]:
        """Every array of a checkpoint but the description, which holds the seconds used."""
        with np.load(self.model / name, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files if key != "description"}


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def predict_command(*words: object) -> list[str]:
    return [sys.executable, "-B", str(FRAMEWORK / "predict.py"), *map(str, words)]


@pytest.fixture
def predict_raw() -> Callable[..., subprocess.CompletedProcess[str]]:
    """predict.py with exactly these words."""
    return lambda *words: run(predict_command(*words))


@pytest.fixture
def empty_bench(tmp_path: Path) -> Bench:
    """A bench without data, in a folder whose name needs quoting."""
    folder = tmp_path / "a'; echo foo ä"
    folder.mkdir()
    return Bench(folder)


@pytest.fixture
def bench(empty_bench: Bench) -> Bench:
    """A bench with words to be reversed: 96 to learn from, 24 to be judged by."""
    generator = random.Random(1)
    words = ["".join(generator.choices("abcdefg", k=generator.randint(2, 6))) for _ in range(120)]
    pairs = [(" ".join(word), " ".join(reversed(word))) for word in words]
    empty_bench.set_data(pairs[:96], pairs[96:])
    return empty_bench


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with conll-sigmorphon-2017, which is not part of the checkout."""
    given = os.environ.get("DAISY_TEST_DATA")
    folder = Path(given) if given else Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "conll-sigmorphon-2017").is_dir():
        pytest.skip("no conll-sigmorphon-2017: set DAISY_TEST_DATA to the folder that holds it")
    return folder
