"""The task `simplemma`: a sample of the form -> lemma pairs that the PyPI package simplemma carries. No network."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.dataset.settings import Settings
from daisy.dataset.task import Content, Place, Task
from daisy.dataset.text import canonical
from daisy.errors import DatasetError

SAMPLER = "daisy.dataset.simplemma_sample"
LICENCE = "MIT (the package); its word lists are from Wiktionary and other free sources, see its documentation"
INSTALL = "install it with `pip install 'simplemma>=2.0,<3'`"


@dataclass(frozen=True)
class Simplemma:
    """One language's sample."""

    name: str
    language: str
    test: int
    dev: int
    train: int
    sample_seed: int

    def label(self) -> str:
        return f"{self.train}-{self.dev}-{self.test}-seed{self.sample_seed}"

    def determinants(self, place: Place) -> dict[str, Any]:
        """The sample's size, and the package's version: another one has other pairs."""
        return {
            "language": self.language,
            "sizes": [self.train, self.dev, self.test],
            "sample_seed": self.sample_seed,
            "simplemma": self._version(),
        }

    def content(self, place: Place) -> Content:
        """Test first, then dev, then train: other sizes of train leave dev and test as they are."""
        place.report(f"{self.name}: reading the dictionary of simplemma, once; this takes some seconds")
        pairs = self._sample(self.test + self.dev + self.train)
        examples = [
            (canonical(form, "characters", f"simplemma, {form}"), canonical(lemma, "characters", f"simplemma, {form}"))
            for form, lemma in pairs
        ]
        held_out = self.test + self.dev
        splits = {"test": examples[: self.test], "dev": examples[self.test : held_out], "train": examples[held_out:]}
        return Content(splits, f"the PyPI package simplemma {self._version()}, language {self.language}", LICENCE)

    def _version(self) -> str:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("simplemma")
        except PackageNotFoundError as error:
            raise DatasetError(f"{self.name}: the package simplemma is not installed: {INSTALL}") from error

    def _sample(self, size: int) -> list[tuple[str, str]]:
        answer = _asked_child(self.name, self.language, self.sample_seed, size)
        if "languages" in answer:
            languages = ", ".join(answer["languages"])
            raise DatasetError(
                f"{self.name}: simplemma has no language {self.language}: set dataset.language to one of {languages}"
            )
        if len(answer["pairs"]) < size:
            raise DatasetError(
                f"{self.name}: {answer['forms']:,} lower-case alphabetic forms, and {size:,} are asked for "
                f"(train {self.train:,}, dev {self.dev:,}, test {self.test:,}): make dataset.train smaller"
            )
        return [(form, lemma) for form, lemma in answer["pairs"]]


def _asked_child(name: str, language: str, seed: int, size: int) -> dict[str, Any]:
    """The answer of the sampler, a process of its own: the dictionary takes hundreds of MB, which end with it."""
    package_parent = Path(__file__).resolve().parents[2]
    search_path = os.pathsep.join(filter(None, [str(package_parent), os.environ.get("PYTHONPATH")]))
    child = subprocess.run(
        # -P: a file simplemma.py where the user stands is not the package
        [sys.executable, "-P", "-m", SAMPLER, language, str(seed), str(size)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": search_path},
        check=False,
    )
    if child.returncode != 0:
        said = child.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1] if said else f"ended by signal {-child.returncode}; it needs up to 1 GB of memory"
        raise DatasetError(f"{name}: reading simplemma failed ({reason}): free memory, or {INSTALL}")
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def _recipe(settings: Settings) -> Simplemma:
    return Simplemma(
        name=settings.name,
        language=settings.text("language"),
        test=settings.whole("test", least=0),
        dev=settings.whole("dev", least=1),
        train=settings.whole("train", least=1),
        sample_seed=settings.whole("sample_seed", least=0),
    )


SIMPLEMMA = Task(recipe=_recipe, keys=frozenset({"language", "train", "dev", "test", "sample_seed"}))
