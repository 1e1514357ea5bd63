"""The configuration as an adapter reads it: an object that knows which keys were read."""

from collections.abc import Iterable
from typing import Any

from daisy.configuration import Configuration
from daisy.errors import ConfigurationError

READ_BY_DAISY = ("framework.name", "train.validate")
SECTIONS_TO_READ = ("arch", "train", "framework", "seed")


class Options:
    """Read-only options of one configuration. Reading a key notes it; what was set and never read is an error."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._values = configuration.flat()
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        """The value of a dotted key. Raises ConfigurationError where there is none."""
        self._read.add(key)
        return self._configuration.value(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key, or `default` where the configuration has none."""
        self._read.add(key)
        return self._values.get(key, default)

    def per_layer(self, key: str) -> list[Any]:
        """The values of a key that takes one or one per layer, as a list of arch.layers values."""
        value, layers = self[key], int(self.get("arch.layers", 1))
        return list(value) if isinstance(value, list) else [value] * layers

    def framework_options(self) -> dict[str, Any]:
        """Everything under framework.options, by its own name. The adapter checks the names."""
        prefix = "framework.options."
        found = {key.removeprefix(prefix): value for key, value in self._values.items() if key.startswith(prefix)}
        self._read.update(prefix + name for name in found)
        return found

    @property
    def read(self) -> frozenset[str]:
        """The keys that were read so far."""
        return frozenset(self._read)


def unused(configuration: Configuration, read: Iterable[str]) -> list[str]:
    """The keys that an adapter could have read and did not; Daisy itself reads some of them."""
    known = {*read, *READ_BY_DAISY}
    if configuration.value("train.seconds") is not None:
        known.add("train.seconds")  # Daisy stops a framework that can't do it itself
    return [key for key in configuration.flat() if key.split(".")[0] in SECTIONS_TO_READ and key not in known]


def refuse_unused(configuration: Configuration, not_read: Iterable[str]) -> None:
    """Raise ConfigurationError for an option that was set and that the adapter does not use."""
    not_read = set(not_read)
    framework = configuration.framework
    for key, origin in configuration.set_by.items():
        if key in not_read:
            told = "" if origin.lstrip("+").startswith(f"{key}=") else f" (set by {origin})"
            raise ConfigurationError(f"{framework} does not use {key}{told}: leave it out, or choose another framework")
    chosen = next((text for text in configuration.overrides if text.startswith("architecture=")), None)
    arch = {key for key in configuration.flat() if key.startswith("arch.")}
    if chosen and arch and arch <= not_read:
        raise ConfigurationError(f"{framework} uses nothing of {chosen}: leave it out, or choose another framework")
