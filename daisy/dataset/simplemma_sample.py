"""A process of its own: `python -m daisy.dataset.simplemma_sample LANGUAGE SEED SIZE` prints a sample as JSON."""

import heapq
import json
import sys
import unicodedata
from collections.abc import Iterator

from daisy.dataset.sampling import rank


def main() -> None:
    """Print `{"forms": how many there are, "pairs": [[form, lemma], ...]}`, or `{"languages": [...]}` if unknown."""
    language, seed, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.buffer.write(json.dumps(answer(language, seed, size)).encode())


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
