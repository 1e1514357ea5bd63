"""Reading CoNLL-U: https://universaldependencies.org/format.html."""

import re
from pathlib import Path
from typing import NamedTuple

from daisy.dataset.text import lines_of
from daisy.errors import DatasetError

COLUMNS = 10
NONE = "_"  # a column without a value
NO_WORD = re.compile(r"\d+[-.]\d+")  # 3-4: the surface of words that stand below it; 3.1: a node that is not in the text
WAY_OUT = "correct the file (a downloaded one: delete it, it is fetched again)"


class Word(NamedTuple):
    """A word of a sentence, as the treebank's columns FORM, LEMMA and UPOS have it."""

    form: str
    lemma: str
    upos: str
    where: str  # file and line, for messages


def sentences(file: Path) -> list[list[Word]]:
    """The words of each sentence. Raises DatasetError that names file and line.

    Multiword tokens (`3-4`) and empty nodes (`3.1`) are passed over: the words are those that are annotated.
    """
    found: list[list[Word]] = [[]]
    for number, line in enumerate(lines_of(file), start=1):
        if not line:
            found.append([])
        elif not line.startswith("#"):
            word = _word(line, len(found[-1]) + 1, f"{file}, line {number}")
            if word is not None:
                found[-1].append(word)
    if not any(found):
        raise DatasetError(f"{file}: there is no word in it: give a CoNLL-U file")
    return [sentence for sentence in found if sentence]


def _word(line: str, expected: int, where: str) -> Word | None:
    """The word of a line, which must be the sentence's next one; None where the line is of no word."""
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise DatasetError(
            f"{where}: {len(columns)} columns where CoNLL-U has {COLUMNS}, with a tab between them, and an empty line "
            f"between sentences: {WAY_OUT}"
        )
    identifier, form, lemma, upos = columns[:4]
    if NO_WORD.fullmatch(identifier):
        return None
    if identifier != str(expected):
        raise DatasetError(f"{where}: its first column is {identifier!r}, and the sentence's next word is {expected}: {WAY_OUT}")
    if not form or not lemma:
        raise DatasetError(f"{where}: the {'lemma' if form else 'form'} is empty, and not {NONE}: {WAY_OUT}")
    return Word(form, lemma, upos, where)
