"""The task `ud`: words of a Universal Dependencies treebank in their context -> lemma. conf/dataset/_ud.yaml explains the keys.

Examples are made as Lematus makes them (see `lematus`). Punctuation, and what has one of `+.,/-` or a digit in form or
lemma, is left out: it is no example, and in no context either.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.dataset import lematus
from daisy.dataset.canonical import SPLITS
from daisy.dataset.checksum import GIT_BLOB, SHA256, Checksum
from daisy.dataset.conllu import NONE, Word, sentences
from daisy.dataset.settings import Settings
from daisy.dataset.task import Content, Example, Place, Task
from daisy.dataset.text import canonical
from daisy.errors import DatasetError
from daisy.files import safe_name, sha256_of

COMPOUNDS = ("keep", "strip")
LEFT_OUT = frozenset("+.,/-0123456789")
NAME = r"[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class Treebank:
    """Where the files of a treebank are: in a folder, or published."""

    treebank: str
    folder: str | None
    urls: tuple[str, ...]
    checksums: Mapping[str, Checksum]  # by file; one without is taken as it is

    def determinant(self, file: str, place: Place, without: str) -> Any:
        """What says which content a file has: its checksum; without one the addresses where it is published.

        Raises DatasetError as `file` does.
        """
        if self.folder is not None:
            return sha256_of(self._in_folder(self.folder, file, place, without))
        return self.checksums[file].value if file in self.checksums else list(self.urls)

    def file(self, file: str, place: Place, without: str) -> Path:
        """The file, fetched unless it is there. Raises DatasetError; `without` is the way out where a treebank has none."""
        if self.folder is not None:
            return self._in_folder(self.folder, file, place, without)
        return self._fetched(file, place, without)

    def origin(self) -> str:
        """Where it is from, for people."""
        return self.urls[0] if self.folder is None else self.folder

    def _in_folder(self, folder: str, file: str, place: Place, without: str) -> Path:
        path = place.root / Path(folder).expanduser() / file
        if not path.is_file():
            raise DatasetError(
                f"dataset.folder: there is no file {path}: correct the folder (a relative one starts at {place.root}), "
                f"dataset.files or dataset.splits; {without}"
            )
        checksum = self.checksums.get(file)
        if checksum is not None and checksum.of(path) != checksum.value:
            raise DatasetError(
                f"{path}: its {checksum.kind} is not {checksum.value}: give the right file, or remove this checksum"
            )
        return path

    def _fetched(self, file: str, place: Place, without: str) -> Path:
        from daisy.dataset.download import NotToBeHad, fetch  # http and ssl: 60 ms that a prepared dataset does not need

        mirror = place.mirror.rstrip("/") if place.mirror else None
        addresses = [f"{mirror}/{file}", f"{mirror}/{self.treebank}/{file}"] if mirror else []
        addresses += [f"{url.rstrip('/')}/{file}" for url in self.urls]
        target = place.downloads / safe_name(self.urls[0]) / file
        try:
            return fetch(target, addresses, checksum=self.checksums.get(file), report=place.report, progress=place.progress)
        except NotToBeHad as error:
            raise DatasetError(f"{error}; {without}") from None


@dataclass(frozen=True)
class UniversalDependencies:
    """A treebank as examples of one context length."""

    name: str
    treebank: Treebank
    files: Mapping[str, str]  # of each split that there is
    context: int
    stripped: str | None  # the mark between the parts of compounds, where it is taken out of lemmas
    licence: str | None

    def label(self) -> str:
        return f"context{self.context}" + ("-strip" if self.stripped else "")

    def determinants(self, place: Place) -> dict[str, Any]:
        files = {split: self.treebank.determinant(file, place, _without(split)) for split, file in self.files.items()}
        return {"files": files, "context": self.context, "stripped": self.stripped}

    def content(self, place: Place) -> Content:
        """All files, fetched unless they are there. They are kept: another context needs no download."""
        files = {split: self.treebank.file(file, place, _without(split)) for split, file in self.files.items()}
        splits = {split: self._split(file, place) for split, file in files.items()}
        return Content(splits, self.treebank.origin(), self.licence or "not said")

    def _split(self, file: Path, place: Place) -> list[Example]:
        read = sentences(file)
        examples = [example for sentence in read for example in self._examples(sentence)]
        words = sum(map(len, read))
        if not examples:
            raise DatasetError(
                f"{file}: none of its {words:,} words is an example, for want of forms or lemmas: choose a treebank that has both"
            )
        place.report(f"{self.name}: {file.name}: {words:,} words, {len(examples):,} examples")
        return examples

    def _examples(self, sentence: Sequence[Word]) -> Iterator[Example]:
        """A word without a lemma is no example, but is read in the text as any other: it is in contexts."""
        words = [word for word in sentence if not _left_out(word)]
        forms = [canonical(word.form, "characters", word.where) for word in words]
        for word, source in zip(words, lematus.sources(forms, self.context), strict=True):
            if word.lemma != NONE:
                yield source, lematus.target(canonical(self._lemma(word), "characters", word.where))

    def _lemma(self, word: Word) -> str:
        """Marks are taken out between two characters only: `#` and `#tag` are what stands in the text."""
        return re.sub(rf"(?<=.){re.escape(self.stripped)}(?=.)", "", word.lemma) if self.stripped else word.lemma


def _without(split: str) -> str:
    """The way out where a treebank has no file for a split: many small ones have no train file, or no dev file."""
    if split == "test":
        return "a treebank without it: dataset.splits.test=null"
    return f"a treebank without it can give its test file: dataset.splits.{split}=test dataset.splits.test=null"


def _left_out(word: Word) -> bool:
    return word.upos == "PUNCT" or word.form == NONE or not LEFT_OUT.isdisjoint(word.form + word.lemma)


def _recipe(settings: Settings) -> UniversalDependencies:
    return UniversalDependencies(
        name=settings.name,
        treebank=_treebank(settings),
        files=_files(settings),
        context=settings.whole("context", least=0),
        stripped=_stripped(settings),
        licence=settings.optional_text("licence"),
    )


def _treebank(settings: Settings) -> Treebank:
    treebank = settings.text("treebank")
    if not re.fullmatch(NAME, treebank):
        raise settings.error("treebank", "write it as its repository is called, such as UD_Finnish-TDT")
    folder = settings.optional_text("folder")
    if folder is not None and settings.has("url"):
        raise settings.error("folder", "dataset.url is set too: set one of the two to null")
    if folder is None and not settings.has("url"):
        raise settings.error("url", "set it to where the files are published, or dataset.folder to where you have them")
    checksums = {file: Checksum(GIT_BLOB, value) for file, value in settings.checksums("git_blob", digits=40).items()}
    checksums |= {file: Checksum(SHA256, value) for file, value in settings.checksums("sha256", digits=64).items()}
    return Treebank(treebank, folder, tuple(settings.texts("url")) if folder is None else (), checksums)


def _files(settings: Settings) -> dict[str, str]:
    """The file of each split: the part of the treebank that it is, in place of the `*` in `files`."""
    pattern = settings.text("files")
    if not re.fullmatch(r"[^/\\*]*\*[^/\\*]*", pattern):
        raise settings.error("files", "write how the files are called, with * for train, dev or test: fi_tdt-ud-*.conllu")
    parts = settings.mapping("splits")
    for split, part in parts.items():
        if split not in SPLITS:
            raise settings.error("splits", f"{split} is no split: there are {', '.join(SPLITS)}")
        if part not in SPLITS and not (part is None and split == "test"):
            way_out = f"choose one of {', '.join(SPLITS)}" + (", or null for no test split" if split == "test" else "")
            raise settings.error("splits", f"{split} can't be the part {part}: {way_out}")
    for split in ("train", "dev"):
        if split not in parts:
            raise settings.error("splits", f"{split} has no part of the treebank: name one, such as {split}")
    given = {split: str(parts[split]) for split in SPLITS if parts.get(split) is not None}
    _check_apart(settings, given)
    return {split: pattern.replace("*", part) for split, part in given.items()}


def _check_apart(settings: Settings, parts: Mapping[str, str]) -> None:
    splits = list(parts)
    for place, split in enumerate(splits):
        for other in splits[:place]:
            if parts[split] == parts[other]:
                way_out = "set dataset.splits.test=null" if split == "test" else f"name another part for {split}"
                if {split, other} == {"train", "dev"}:
                    way_out += ", or cut a treebank of one file in two at an empty line, and set dataset.folder to where they are"
                raise settings.error("splits", f"{other} and {split} are both the part {parts[split]}: {way_out}")


def _stripped(settings: Settings) -> str | None:
    if settings.choice("compounds", COMPOUNDS) == "keep":
        return None
    if not settings.has("compound_mark"):
        raise settings.error(
            "compounds",
            "it is not known what stands between the parts of compounds in this treebank's lemmas: leave it at keep, or set "
            "dataset.compound_mark",
        )
    return settings.text("compound_mark")


UD = Task(
    recipe=_recipe,
    keys=frozenset(
        {"treebank", "files", "splits", "context", "compounds", "compound_mark"}
        | {"folder", "url", "sha256", "git_blob", "licence"}
    ),
    whence=frozenset({"files", "folder", "url", "sha256", "git_blob", "licence"}),
    shown=lematus.shown,
)
