"""Lines in the format of Lematus: a form in the middle of the characters of its sentence, and its lemma.

    <w> o n <s> <lc> t a l o s s a <rc> <s> m e i <s> </w>  ->  <w> t a l o </w>

Bergmanis and Goldwater 2018, Context Sensitive Neural Lemmatization with Lematus, https://aclanthology.org/N18-1126.
"""

from collections.abc import Iterator, Sequence

from daisy.dataset.text import BLANK, readable

BEGIN, END = "<w>", "</w>"
LEFT, RIGHT = "<lc>", "<rc>"  # what stands before is the left context, what stands behind the right one


def sources(forms: Sequence[str], context: int) -> Iterator[str]:
    """The source of each form of a sentence; forms are canonical lines.

    On each side stand up to `context` tokens of the sentence: its characters and the `<s>` between its forms, also the one
    beside the form itself. A context may begin or end within a form, and does not leave the sentence.
    """
    tokens: list[str] = []
    places = []
    for form in forms:
        if tokens:
            tokens.append(BLANK)
        begin = len(tokens)
        tokens += form.split(" ")
        places.append((begin, len(tokens)))
    for begin, end in places:
        left, form_itself, right = tokens[max(0, begin - context) : begin], tokens[begin:end], tokens[end : end + context]
        yield " ".join([BEGIN, *left, LEFT, *form_itself, RIGHT, *right, END])


def target(lemma: str) -> str:
    """The target of a lemma, which is a canonical line."""
    return f"{BEGIN} {lemma} {END}"


def shown(line: str) -> str:
    """A source or target as people read it: `on [talossa] mei `, `talo`; a line that is neither as it is."""
    tokens = line.split(" ")
    inner = tokens[1:-1]
    if tokens[0] != BEGIN or tokens[-1] != END or not inner or {BEGIN, END} & set(inner):
        return line
    places = [place for place, token in enumerate(inner) if token in (LEFT, RIGHT)]
    if not places:
        return _text(inner)
    if [inner[place] for place in places] != [LEFT, RIGHT]:
        return line
    left, right = places
    return f"{_text(inner[:left])}[{_text(inner[left + 1 : right])}]{_text(inner[right + 1 :])}"


def _text(tokens: Sequence[str]) -> str:
    return readable(" ".join(tokens), "characters")
