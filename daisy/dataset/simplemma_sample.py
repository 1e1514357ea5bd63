"""A process of its own: `python -m daisy.dataset.simplemma_sample LANGUAGE SEED SIZE` prints a sample as JSON."""

import ctypes
import heapq
import json
import signal
import sys
import unicodedata
from collections.abc import Iterator

from daisy.dataset.sampling import rank

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Print `{"forms": how many there are, "pairs": [[form, lemma], ...]}`, or `{"languages": [...]}` if unknown."""
    _end_with_the_parent()
    language, seed, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.buffer.write(json.dumps(answer(language, seed, size)).encode())


def _end_with_the_parent() -> None:
    """Nobody waits for an answer once the process that asked is gone, even by SIGKILL (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def answer(language: str, seed: int, size: int) -> dict[str, object]:
    """The `size` forms that stand first in the seed's order, with their lemmas."""
    from simplemma.strategies.dictionaries import dictionary_factory

    if language not in dictionary_factory.SUPPORTED_LANGUAGES:
        return {"languages": sorted(dictionary_factory.SUPPORTED_LANGUAGES)}
    dictionary = dictionary_factory.DefaultDictionaryFactory().get_dictionary(language)
    counted = Counted(form for form in dictionary if is_lower_case_word(form))
    first = heapq.nsmallest(size, ((rank(seed, form), form) for form in counted))
    return {"forms": counted.count, "pairs": [(form, dictionary[form]) for _, form in first]}


def is_lower_case_word(form: str) -> bool:
    """Letters and the marks on them only (Devanagari writes vowels as marks), none of them upper case."""
    return form == form.lower() and (form.isalpha() or all(unicodedata.category(sign)[0] in "LM" for sign in form))


class Counted:
    """Texts that are counted while they pass."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.count += 1
            yield text


if __name__ == "__main__":
    main()
