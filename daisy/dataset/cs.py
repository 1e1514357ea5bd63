"""The task `cs`: CoNLL-SIGMORPHON 2017 task 1, turned round: inflected form -> lemma.

Files and their columns: https://github.com/sigmorphon/conll2017 (`lemma TAB inflected form TAB tags`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.dataset.checksum import SHA256, Checksum
from daisy.dataset.settings import Settings
from daisy.dataset.task import Content, Example, Place, Task
from daisy.dataset.text import canonical, lines_of
from daisy.errors import DatasetError
from daisy.files import safe_name

SIZES = ("high", "medium", "low")
LICENCE = "derived from Wiktionary through UniMorph (CC BY-SA); the repository has no licence file"


@dataclass(frozen=True)
class ConllSigmorphon:
    """One language in one size."""

    name: str
    language: str
    size: str
    urls: tuple[str, ...]
    sha256: Mapping[str, str]

    def label(self) -> str:
        return self.size

    def determinants(self, place: Place) -> dict[str, Any]:
        """The checksums of the files; for a file without one the addresses that it is published at."""
        content = {file: self.sha256.get(file) or list(self.urls) for file in self._file_of_split().values()}
        return {"language": self.language, "size": self.size, "files": content}

    def content(self, place: Place) -> Content:
        """All three files, fetched unless they are there. They are kept: another size shares dev and test."""
        splits = {split: self._examples(self._fetched(file, place)) for split, file in self._file_of_split().items()}
        return Content(splits, self.urls[0], LICENCE)

    def _file_of_split(self) -> dict[str, str]:
        files = {"train": f"train-{self.size}", "dev": "dev", "test": "test"}
        return {split: f"{self.language}-{file}" for split, file in files.items()}

    def _fetched(self, file: str, place: Place) -> Path:
        from daisy.dataset.download import fetch  # http and ssl: 60 ms that a prepared dataset does not need

        published = f"all/task1/{file}"
        if file == f"{self.language}-test":
            published = f"answers/task1/{self.language}-uncovered-test"
        mirror = place.mirror.rstrip("/") if place.mirror else None
        addresses = [f"{mirror}/{file}", f"{mirror}/{published}"] if mirror else []
        addresses += [f"{url.rstrip('/')}/{published}" for url in self.urls]
        target = place.downloads / safe_name(self.urls[0]) / file
        checksum = Checksum(SHA256, self.sha256[file]) if file in self.sha256 else None
        return fetch(target, addresses, checksum=checksum, report=place.report, progress=place.progress)

    def _examples(self, file: Path) -> list[Example]:
        lines = lines_of(file)
        return [_example(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1)]


def _example(line: str, where: str) -> Example:
    row = line.split("\t")
    if len(row) != 3:
        raise DatasetError(
            f"{where}: {len(row)} columns where lemma, form and tags should be: delete the file, it is fetched again"
        )
    lemma, form, _tags = row
    return canonical(form, "characters", where), canonical(lemma, "characters", where)


def _recipe(settings: Settings) -> ConllSigmorphon:
    language = settings.text("language")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", language):
        raise settings.error("language", "write it as in the names of the published files, such as finnish")
    size = settings.choice("size", SIZES)
    there = [settings.choice("size", SIZES)] if not settings.has("available") else settings.texts("available")
    if size not in there:
        raise settings.error("size", f"{language} has only {', '.join(there)}: choose one of them")
    return ConllSigmorphon(settings.name, language, size, tuple(settings.texts("url")), settings.checksums("sha256", digits=64))


CS = Task(
    recipe=_recipe,
    keys=frozenset({"language", "size", "available", "url", "sha256"}),
    whence=frozenset({"available", "url", "sha256"}),
)
