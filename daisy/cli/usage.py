"""What is wrong with the words of a verb, said as Daisy says it: one line, and what to do."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from typer import Typer
from typer.main import get_command

from daisy.errors import ConfigurationError

OF_A_NUMBER = re.compile(r"-\d+")  # -1 is a model, or a number
OF_TYPER = {
    r"Missing argument '(.+)'": r"{0} is missing",
    r"Got unexpected extra arguments?(?:\(s\))? \((.+)\)": r"it takes no {0} besides",
    r"Option '(.+)' requires an argument": r"{0} needs a value",
    r"Option '(.+)' does not take a value": r"{0} takes no value",
    r"Invalid value for '([^']+)'[^:]*: Input should be a valid integer.*": r"{0} must be a whole number",
    r"Invalid value for '([^']+)'[^:]*: Value error, '(.*)' is not one of (.+)": r"{0} {1}: there are {2}",
    r"Invalid value for '([^']+)'[^:]*: Input should be greater than or equal to (.+)": r"{0} must be at least {1}",
}
"""What typer says, and how we say it; what is not among them is told as it is."""


def check(app: Typer, arguments: Sequence[str]) -> None:
    """Whether there is such a verb, and whether it has these options. Raises ConfigurationError naming the nearest ones.

    Typer would take a misspelt option of a verb that takes `-1` for one of its words.
    """
    first = arguments[0] if arguments else "--help"
    if first.startswith("-"):
        return
    commands: dict[str, Any] = getattr(get_command(app), "commands", {})
    if first not in commands:
        close = _nearest(first, list(commands))
        way_out = f"did you mean {close}?" if close else f"there are: {', '.join(commands)}"
        raise ConfigurationError(f"there is no verb {first} - {way_out} (overrides are KEY=VALUE)")
    takes_value = {"--help": False, "-h": False}
    for parameter in commands[first].params:
        if parameter.param_type_name == "option":
            takes_value |= dict.fromkeys([*parameter.opts, *parameter.secondary_opts], not parameter.is_flag)
    for option in _options(arguments[1:], takes_value):
        if option not in takes_value:
            known = [name for name in takes_value if name.startswith("--")]
            close = _nearest(option, known)
            way_out = f"did you mean {close}?" if close else f"there are: {', '.join(known)}"
            raise ConfigurationError(f"`daisy {first}` has no option {option} - {way_out}")


def _options(words: Sequence[str], takes_value: dict[str, bool]) -> Iterator[str]:
    """The options among the words: neither the values of others, nor what stands behind `--`."""
    rest = iter(words)
    for word in rest:
        if word == "--":
            return
        if not word.startswith("-") or word == "-" or OF_A_NUMBER.fullmatch(word):
            continue
        option, is_whole, _ = word.partition("=")
        if not option.startswith("--"):
            option, is_whole = word[:2], word[2:]  # -n5
        yield option
        if takes_value.get(option) and not is_whole:
            next(rest, None)


def _nearest(name: str, known: Sequence[str]) -> str | None:
    from daisy.configuration.nearest import nearest

    return next(iter(nearest(name, known, most=1)), None)


def told(verb: str, message: str) -> str:
    """What typer says of a verb's words, as we say it."""
    message = message.rstrip(".")
    for pattern, words in OF_TYPER.items():
        if (match := re.fullmatch(pattern, message)) is not None:
            names = [name.upper() if pattern.startswith("Missing") else name for name in match.groups()]
            message = words.format(*names)
            break
    return f"{message}: `daisy {verb} --help` shows how it is used"
