"""Reading a dataset's definition: each value is checked, and what is wrong is named by its key."""

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daisy.errors import DatasetError

MISSING = "???"  # what Hydra calls a value that must be given


@dataclass(frozen=True)
class Settings:
    """The node `dataset` of a configuration, and the name by which messages call it."""

    name: str
    values: Mapping[str, Any]

    def error(self, key: str, problem: str) -> DatasetError:
        """The error for a value: what it is and what is wrong with it."""
        return DatasetError(f"{self.name}: dataset.{key}={_shown(self.values.get(key))}: {problem}")

    def allow_only(self, keys: Collection[str]) -> None:
        """Raise for a key that is none of `keys`: a misspelt one would otherwise be ignored."""
        for key in self.values:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, n=1)
                hint = f"write {near[0]}" if near else f"remove it; there are {', '.join(sorted(keys))}"
                raise DatasetError(f"{self.name}: dataset.{key} is not a key of this task: {hint}")

    def has(self, key: str) -> bool:
        """Whether the key has a value that is not null."""
        return self.values.get(key) is not None

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.values.get(key)
        if value is None or value == MISSING:
            raise DatasetError(f"{self.name}: dataset.{key} has no value: set it in the dataset's YAML file")
        if not isinstance(value, str) or not value:
            raise self.error(key, "this must be a text: correct it")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text or None."""
        return self.text(key) if self.has(key) else None

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of a few words."""
        if self.values.get(key) not in choices:
            raise self.error(key, f"choose one of {', '.join(choices)}")
        return str(self.values[key])

    def whole(self, key: str, least: int) -> int:
        """A whole number."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.error(key, f"this must be a whole number, at least {least}: correct it")
        return value

    def yes_or_no(self, key: str) -> bool:
        """true or false; false where nothing is said."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "this must be true or false: correct it")
        return value

    def texts(self, key: str) -> list[str]:
        """One text or a list of them, at least one."""
        value = self.values.get(key)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, Sequence) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise self.error(key, "this must be a text or a list of texts: correct it")
        return list(texts)

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping from texts; empty where nothing is said."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(key, "this must be a mapping, NAME: VALUE: correct it")
        return {str(name): inner for name, inner in value.items()}

    def checksums(self, key: str, digits: int) -> dict[str, str]:
        """Checksums of files by their names; a file may have none."""
        checksums = self.mapping(key)
        for file, checksum in checksums.items():
            if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", str(checksum)):
                raise self.error(key, f"{file} needs {digits} hexadecimal digits in lower case: correct it or remove it")
        return {file: str(checksum) for file, checksum in checksums.items()}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
