"""Nearest known names, for messages about unknown ones."""

from collections.abc import Collection

CLOSE = 70  # of 100: rapidfuzz's ratio from which on a name is worth naming


def nearest(name: str, known: Collection[str], most: int = 3) -> list[str]:
    """The known names that look most like `name`, best first."""
    from rapidfuzz import fuzz, process

    return [match for match, _, _ in process.extract(name, known, scorer=fuzz.ratio, limit=most, score_cutoff=CLOSE)]


def did_you_mean(name: str, known: Collection[str], prefix: str = "") -> str:
    """The end of a message about an unknown name: ` - did you mean ...? ` or `; there are: `."""
    names = nearest(name, known)
    if not names:
        return "; there are: "
    return f" - did you mean {' or '.join(prefix + match for match in names)}? There are: "
