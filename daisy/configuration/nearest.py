"""Nearest known names, for messages about unknown ones."""

from collections.abc import Collection

CLOSE = 70  # of 100: rapidfuzz's ratio from which on a name is worth naming
MISSPELT = 80  # of 100: how much two last parts are alike where one is taken for the other, misspelt
ALIKE = 60  # of 100: the ratio that the last parts of two dotted keys must have besides


def nearest(name: str, known: Collection[str], most: int = 3) -> list[str]:
    """The known names that look most like `name`, best first."""
    from rapidfuzz import fuzz, process

    return [match for match, _, _ in process.extract(name, known, scorer=fuzz.ratio, limit=most, score_cutoff=CLOSE)]


def nearest_keys(key: str, known: Collection[str], alike: float = ALIKE) -> list[str]:
    """As `nearest`, for dotted keys: a section that both are in does not make them alike, their last parts must be too."""
    from rapidfuzz import fuzz

    last = key.rpartition(".")[2]
    return nearest(key, [other for other in known if fuzz.ratio(last, other.rpartition(".")[2]) >= alike])


def did_you_mean(name: str, known: Collection[str], prefix: str = "") -> str:
    """The end of a message about an unknown name: ` - did you mean ...? ` or `; there are: `."""
    names = nearest(name, known)
    if not names:
        return "; there are: "
    return f" - did you mean {' or '.join(prefix + match for match in names)}? There are: "
