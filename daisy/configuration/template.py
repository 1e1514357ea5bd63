"""What choices of groups compose to, and values put into it without composing anew.

Hydra composes in a tenth of a second; a sweep has hundreds of configurations with few choices of groups among them. Its rules
for values (hydra 1.3: ConfigLoaderImpl._apply_overrides_to_config, OmegaConf.update) are short where an override is plain: a key
that is there gets a number, a text, true, false, null or a list of these. Only those are followed here; whatever else is left to
Hydra itself.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from daisy.configuration.model import leaves

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*")
EXPRESSION = re.compile(r"\$\{([^{}$]*)\}")
OF_THE_PROCESS = re.compile(r"oc\.env:\s*['\"]?[A-Za-z_][A-Za-z0-9_]*['\"]?\s*(,[^$]*)?")  # the same for each configuration
MISSING = "???"
Tree = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """One set of choices: `chosen` is what they compose to, `defaults` what those that are no departures compose to.

    Both as plain values, expressions not resolved; `choices` is the option of each group.
    """

    defaults: Mapping[str, Any]
    chosen: Mapping[str, Any]
    choices: Mapping[str, str]

    def unresolved(self, values: Sequence[Override]) -> Tree | None:
        """The tree with these values, expressions not resolved; None where only Hydra itself knows it."""
        if self._beyond_us or not all(map(_is_plain, values)):
            return None
        tree = _copied(self.chosen)
        return tree if all(_put(tree, override) for override in values) else None

    def resolved(self, values: Sequence[Override]) -> Tree | None:
        """The tree with these values, expressions resolved; None where only Hydra itself knows it."""
        tree = self.unresolved(values)
        if tree is None or not self._expressions:
            return tree
        if self._resolved is None or _touched(self._references, [override.key_or_group for override in values]):
            return resolve(tree)
        tree = _copied(self._resolved)
        return tree if all(_put(tree, override) for override in values) else None

    @cached_property
    def _resolved(self) -> Tree | None:
        try:
            return resolve(_copied(self.chosen))
        except OmegaConfBaseException:
            return None  # a value that is still missing: each configuration is resolved for itself

    @cached_property
    def _expressions(self) -> list[str]:
        return [value for value in _texts(self.chosen) if "${" in value]

    @cached_property
    def _references(self) -> list[str]:
        """The keys that expressions name."""
        found = [name for text in self._expressions for name in EXPRESSION.findall(text)]
        return [name for name in found if not OF_THE_PROCESS.fullmatch(name)]

    @cached_property
    def _beyond_us(self) -> bool:
        """Whether there are expressions that are no key's name, or a list has a value that is missing."""
        for text in self._expressions:
            inner = EXPRESSION.findall(text)
            if "${" in EXPRESSION.sub("", text) or "\\" in text:
                return True
            if not all(KEY.fullmatch(name) or OF_THE_PROCESS.fullmatch(name) for name in inner):
                return True
        return any(isinstance(value, list) and MISSING in list(_texts({"": value})) for _, value in leaves(self.chosen))


def resolve(tree: Tree) -> Tree:
    """The tree with its expressions resolved, as OmegaConf does it. Raises OmegaConfBaseException."""
    resolved = OmegaConf.to_container(OmegaConf.create(tree), resolve=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def _is_plain(override: Override) -> bool:
    """Whether it gives a key a value that needs no rule of OmegaConf's."""
    if override.is_delete() or override.package is not None or not KEY.fullmatch(override.key_or_group):
        return False
    value = override.value()
    entries = value if isinstance(value, list) else [value]
    return all(
        entry is None
        or isinstance(entry, (bool, int, float))
        or (isinstance(entry, str) and "${" not in entry and entry != MISSING)
        for entry in entries
    )


def _put(tree: Tree, override: Override) -> bool:
    """Give the key its value, in place. False where Hydra would refuse it, or do something else."""
    *sections, last = override.key_or_group.split(".")
    adds = override.is_add() or override.is_force_add()
    node: Any = tree
    for section in sections:
        if adds and isinstance(node, dict) and section not in node:
            node[section] = {}
        node = node.get(section) if isinstance(node, dict) else None
    if not isinstance(node, dict) or (last not in node and not adds):
        return False
    value, before = override.value(), node.get(last)
    if isinstance(before, dict) or (override.is_add() and before is not None and not isinstance(value, list)):
        return False
    node[last] = list(value) if isinstance(value, list) else value
    return True


def _copied(tree: Mapping[str, Any]) -> Tree:
    return {
        key: _copied(value) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else value
        for key, value in tree.items()
    }


def _texts(node: Any) -> Iterator[str]:
    """All texts of a tree, those in lists too."""
    for value in node.values() if isinstance(node, Mapping) else node:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (Mapping, list)):
            yield from _texts(value)


def _touched(references: Collection[str], keys: Collection[str]) -> bool:
    """Whether one of these keys, a section that it is in, or one of its parts is named by an expression."""
    return any(f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}.") for name in references for key in keys)
