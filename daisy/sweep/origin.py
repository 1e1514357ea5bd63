"""The named sweep that models are of, as its folder keeps it: what it was, and who its models are, wherever they were trained."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from daisy.configuration.project import SWEEP
from daisy.errors import ConfigurationError
from daisy.sweep.definition import Definition, read
from daisy.sweep.named import EXTEND, Named, changes


@dataclass(frozen=True)
class Member:
    """A model of a named sweep: which variant it is, of which base, with which repeat, and its identity."""

    variant: str
    base: Sequence[str]
    repeat: Sequence[str]
    identity: str


@dataclass(frozen=True)
class Origin:
    """A named sweep as a command has asked for it. `content` is its file's, with its definition.

    `bases` are the overrides beside it, without those that only say where models run.
    """

    name: str
    kind: str
    bases: Sequence[Sequence[str]]
    content: Mapping[str, Any]
    extend: bool
    members: Sequence[Member]

    def to_json(self) -> dict[str, Any]:
        """As sweep.json keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> "Origin":
        """As `to_json` gave it. Raises KeyError and TypeError for anything else."""
        return cls(**{**node, "members": [Member(**member) for member in node["members"]]})


def definition_of(origin: Origin) -> Definition:
    """The definition of the sweep, as it was when it was launched."""
    return read(origin.content[SWEEP], f"sweeps/{origin.name}.yaml")


def origin_of(asked: Named, identities: Sequence[str]) -> Origin:
    """The origin of the models that a command line asks for, whose identities are in the order of `asked.sets()`."""
    bases = [[text for text in base if not says_only_where(text)] for base in asked.bases]
    places = [(variant.name, base, repeat) for base in bases for variant in asked.variants for repeat in asked.repeats]
    members = [
        Member(variant, base, list(repeat), identity)
        for (variant, base, repeat), identity in zip(places, identities, strict=True)
    ]
    return Origin(asked.name, asked.definition.kind, bases, asked.content, asked.definition.extend, members)


def says_only_where(text: str) -> bool:
    """Whether an override only says where models run, or that they are to run once more."""
    key = text.partition("=")[0].lstrip("+~")
    return key in ("env", "again") or key.startswith("env.")


def check_unchanged(origin: Origin, earlier: Iterable[tuple[str, Origin]]) -> None:
    """Raise ConfigurationError where the sweep is not what it was when it was launched last, unless it may be extended.

    `earlier` are the ids of sweeps and what they are of, oldest first.
    """
    same = [(sweep_id, before) for sweep_id, before in earlier if (before.name, before.bases) == (origin.name, origin.bases)]
    if not same or origin.extend:
        return
    sweep_id, before = same[-1]
    if differ := changes(before.content, origin.content):
        raise ConfigurationError(
            f"sweeps/{origin.name}.yaml is not what it was when {sweep_id} was launched ({'; '.join(differ)}): undo that, give "
            f"the sweep another name, or add {EXTEND}=true"
        )
