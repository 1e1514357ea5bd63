"""A command line that takes a named sweep: its definition, and the overrides of each of its models."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daisy.configuration import Project
from daisy.configuration.model import leaves
from daisy.configuration.project import SWEEP, is_of_a_sweep
from daisy.configuration.typed import one_line, plain
from daisy.errors import ConfigurationError
from daisy.sweep.definition import Ablation, Definition, Search, read
from daisy.sweep.readers import Overrides
from daisy.sweep.space import Space
from daisy.sweep.space_parts import read_space
from daisy.sweep.storage import hidden
from daisy.sweep.variants import Variant, repeats, variants

if TYPE_CHECKING:
    from daisy.configuration.overrides import Parser

EXTEND, STORAGE = f"{SWEEP}.extend", f"{SWEEP}.storage"


@dataclass(frozen=True)
class Named:
    """A named sweep as a command line asks for it. `content` is what its file says, with what was overridden of its node.

    `bases` are the overrides beside it: with several values of a key (`dataset=a,b`) a sweep for each of them. `variants` are
    what is compared, each with all `repeats`; a search has a `space` instead.
    """

    name: str
    definition: Definition
    content: Mapping[str, Any]
    bases: Sequence[Sequence[str]]
    variants: Sequence[Variant]
    repeats: Sequence[Overrides]
    space: Space | None = None

    def sets(self) -> list[list[str]]:
        """The overrides of each model, in the order of bases, variants and repeats."""
        return [
            [f"+{SWEEP}={self.name}", *base, *variant.overrides, *repeat]
            for base in self.bases
            for variant in self.variants
            for repeat in self.repeats
        ]


def asks_for_a_sweep(texts: Sequence[str]) -> bool:
    """Whether a command line takes a named sweep, rightly or wrongly written."""
    return any(map(is_of_a_sweep, texts))


def named(project: Project, parser: "Parser", texts: Sequence[str]) -> Named:
    """What a command line with `+sweep=NAME` asks for. Raises ConfigurationError."""
    from daisy.configuration.compose import named_sweep

    taken = [text for text in texts if _key(text) == SWEEP]
    own = [text for text in texts if is_of_a_sweep(text) and text not in taken]
    rest = [text for text in texts if not is_of_a_sweep(text)]
    if len(taken) != 1:
        told = "no sweep" if not taken else f"{len(taken)} sweeps"
        way_out = f"name one, +{SWEEP}=NAME; `daisy sweeps --available` lists them"
        raise ConfigurationError(one_line(f"{(taken or own)[0]}: this command names {told}: {way_out}"))
    parser.overrides(taken)  # which is there, and written as it must be
    for text in own:
        _check_single(parser, text)
    name = taken[0].partition("=")[2]
    content = named_sweep(project, name, own)
    where = f"sweeps/{name}.yaml"
    definition = read(content[SWEEP], where)
    space, found = None, list[Variant]()
    with _about(where):
        repeated = repeats(definition, lambda text: [values[0] for values in parser.expanded([text])])
        if not isinstance(definition, Search):
            found = variants(definition, lambda text: [values[0] for values in parser.expanded([text])])
    if isinstance(definition, Search):
        space = read_space(parser, definition.space, definition.when, where)
    asked = Named(name, definition, content, parser.expanded(rest), found, repeated, space)
    _check_apart(rest, asked, where)
    return asked


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two contents of a sweep's file, a sentence each; whether it may be extended is no difference."""
    old, new = (dict(leaves(content)) for content in (before, now))
    keys = [key for key in dict.fromkeys([*old, *new]) if key != EXTEND and old.get(key) != new.get(key)]
    return [one_line(f"{key}: {_shown(old, key)}, now {_shown(new, key)}") for key in keys]


def _shown(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "not there"
    return plain(hidden(values[key])) if key == STORAGE and isinstance(values[key], str) else plain(values[key])


def _check_single(parser: "Parser", text: str) -> None:
    if len(parser.expanded([text])) > 1:
        raise ConfigurationError(
            f"{one_line(text)} names several values: a sweep has one definition; give one, in quotes if it is a text"
        )


def _check_apart(texts: Sequence[str], asked: Named, where: str) -> None:
    """No key is given by the command line and by the sweep. What an ablation takes away the full model may well be given."""
    compared = [] if isinstance(asked.definition, Ablation) else [variant.overrides for variant in asked.variants]
    of_sweep = {_key(text) for overrides in (*asked.repeats, *compared) for text in overrides}
    searched = {*(asked.space.keys() if asked.space is not None else ())}
    if both := sorted(of_sweep & searched):
        raise ConfigurationError(f"{where}: {both[0]} is in sweep.space and in sweep.repeat: leave it out of one of them")
    of_sweep |= searched
    for text in texts:
        if _key(text) in of_sweep:
            raise ConfigurationError(
                f"{one_line(text)}: {where} gives {_key(text)} its values: leave it out, or write a sweep of your own"
            )


@contextmanager
def _about(where: str) -> Iterator[None]:
    """Name the file in what goes wrong."""
    try:
        yield
    except ConfigurationError as error:
        error.args = (f"{where}: {error}",)
        raise


def _key(text: str) -> str:
    return text.partition("=")[0].lstrip("+~")
