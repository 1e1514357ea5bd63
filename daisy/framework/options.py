"""The configuration as an adapter reads it: an object that knows which keys were read."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from daisy.configuration import Configuration
from daisy.configuration.keys import KEPT_BY_DAISY, KEYS, READ_BY_DAISY
from daisy.configuration.nearest import MISSPELT, nearest, nearest_keys
from daisy.errors import ConfigurationError
from daisy.framework.description import Description
from daisy.framework.device import device_here

FEW = 12  # names: as many are told all
OWN = "framework.options."
SECTIONS_TO_READ = ("arch", "train", "framework", "seed")


class Options:
    """Read-only options of one configuration. Reading a key notes it; what was set and never read is an error."""

    def __init__(self, configuration: Configuration, installed: Description | None = None) -> None:
        self._configuration = configuration
        self._installed = installed
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

    def framework_options(self, taken: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Everything under framework.options, by its own name: what only this framework knows.

        `taken` maps the framework's options that Daisy sets itself to the keys they come from. Raises ConfigurationError
        for one of these, and for a name that the installed framework does not list.
        """
        found = {key.removeprefix(OWN): value for key, value in self._values.items() if key.startswith(OWN)}
        self._read.update(OWN + name for name in found)
        for name in found:
            if taken and name in taken:
                raise ConfigurationError(f"{OWN}{name} is what {self._configuration.framework} gets from {taken[name]}: set that")
            self._check_listed(name)
        return found

    def bounded(self, name: str, default: float, least: float, most: float) -> float:
        """A number under framework.options, `default` where it is not there or null; a whole one where `default` is whole.

        Raises ConfigurationError for what is no such number, or not between `least` and `most`: a prediction that refuses
        it comes after hours of training.
        """
        value = self.get(f"{OWN}{name}")
        if value is None:
            return default
        whole = isinstance(default, int)
        number = not isinstance(value, bool) and isinstance(value, int if whole else (int, float))
        if not number or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            told = f"{kind} from {least:g} to {most:g}; {default} is the default"
            raise ConfigurationError(f"{OWN}{name}={value}: it must be {told}")
        return float(value) if not whole else int(value)

    def section(self, name: str) -> Mapping[str, Any]:
        """A whole section, all of it read: `framework` for an adapter that its YAML describes."""
        self._read.update(key for key in self._values if key.startswith(f"{name}."))
        section = self._configuration.value(name)
        return section if isinstance(section, Mapping) else {}

    @property
    def device(self) -> str:
        """cpu or gpu: what env.device says, auto as this machine has it."""
        return device_here(self._configuration.env.device)

    def _check_listed(self, name: str) -> None:
        installed, framework = self._installed, self._configuration.framework
        if installed is None or installed.options is None or name in installed.options:
            return
        close = nearest(name, sorted(installed.options), most=2)
        near = f"did you mean {' or '.join(OWN + other for other in close)}?"
        way_out = near if close else _all_of(installed.options, framework)
        raise ConfigurationError(f"{OWN}{name}: {framework} {installed.version} has no option {name} - {way_out}")

    @property
    def read(self) -> frozenset[str]:
        """The keys that were read so far."""
        return frozenset(self._read)


def _all_of(names: Collection[str], framework: str) -> str:
    """The way out where no name is near: all of them where they are few."""
    return f"there are: {', '.join(sorted(names))}" if 0 < len(names) <= FEW else f"`daisy frameworks {framework}` lists them"


def unused(configuration: Configuration, read: Iterable[str]) -> list[str]:
    """The keys that an adapter could have read and did not; Daisy itself reads some of them."""
    known = {*read, *READ_BY_DAISY}
    if configuration.value(KEPT_BY_DAISY) is not None:
        known.add(KEPT_BY_DAISY)
    return [key for key in configuration.flat() if key not in known and _is_to_be_read(key, configuration)]


def _is_to_be_read(key: str, configuration: Configuration) -> bool:
    """A project's own sections may be there only to be pointed at (`${mine.size}`); a key that is forced in anew may not."""
    section = key.split(".")[0]
    if section in SECTIONS_TO_READ:
        return True
    forced_in = configuration.set_by.get(key, "").lstrip("+").startswith(f"{key}=") and key not in configuration.defaults
    return section != "dataset" and forced_in


def refuse_unused(configuration: Configuration, not_read: Iterable[str]) -> None:
    """Raise ConfigurationError for an option that was set and that the adapter does not use."""
    not_read = set(not_read) - {KEPT_BY_DAISY}
    framework = configuration.framework
    for key in sorted(not_read - set(KEYS) - set(configuration.set_by)):
        if close := nearest_keys(key, KEYS, alike=MISSPELT):
            raise ConfigurationError(f"{framework} does not use {key}, which conf/ has - did you mean {' or '.join(close)}?")
    for key, origin in configuration.set_by.items():
        if key in not_read:
            told = "" if origin.lstrip("+").startswith(f"{key}=") else f" (set by {origin})"
            raise ConfigurationError(f"{framework} does not use {key}{told}: leave it out, or choose another framework")
    chosen = next((text for text in configuration.overrides if text.startswith("architecture=")), None)
    arch = {key for key in configuration.flat() if key.startswith("arch.")}
    if chosen and arch and arch <= not_read:
        raise ConfigurationError(f"{framework} uses nothing of {chosen}: leave it out, or choose another framework")
