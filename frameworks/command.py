"""Any program as a framework, described in YAML alone: see conf/framework/_command.yaml and docs/frameworks/command.md."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.configuration.nearest import nearest
from daisy.errors import ConfigurationError
from daisy.framework import (
    Adapter,
    Checkpoint,
    Command,
    Description,
    Options,
    Paths,
    Progress,
    Setup,
    common_hint,
    files_in,
    version_of_files,
)  # fmt: skip
from daisy.framework.measure import DEV_ACCURACY, DIRECTIONS, LOSS, usual_direction

OPTIONAL_KEYS = ("resume", "ended", "epoch_done", "saved_epoch", "prediction", "version", "setup", "loss_unit", "measures")
KEYS = (
    "name", "adapter", "options", "train", "predict", "environment", "progress", "checkpoint", "errors", "supports",
    *OPTIONAL_KEYS,
)  # fmt: skip
UNCOUNTABLE = 1e15  # what is no smaller, or not a number, is no count
COUNTS = ("epoch", "epochs", "step", "steps", "seconds")
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
FILES = {
    f"{split}_{side}": (split, side) for split in ("train", "dev", "test") for side in ("source", "target")
}  # fmt: skip
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Values:
    """What the placeholders of one command stand for."""

    options: Options
    places: Mapping[str, object]

    def __getitem__(self, name: str) -> Any:
        if name in self.places:
            return self.places[name]
        key = f"framework.{name}" if name.startswith("options.") else name
        if "." not in key and key != "seed":
            close = nearest(name, [*self.places, "seed"])
            there = f"did you mean {{{close[0]}}}?" if close else f"there are {', '.join(sorted(self.places))} and dotted keys"
            raise ConfigurationError(f"there is no placeholder {{{name}}} - {there}")
        return self.options[key]


class AnyCommand(Adapter):
    """Templates become commands, regular expressions read the log."""

    def __init__(self, framework: Mapping[str, Any] | None = None) -> None:
        super().__init__(framework)
        self._check_keys()
        self.loss_unit = self._text("loss_unit")
        supports = self.framework.get("supports") or {}
        self.encoders = tuple(supports.get("encoders") or ())
        self.attention = bool(supports.get("attention"))
        progress = self._mapping("progress")
        self.measures = self._measures([name for name, text in progress.items() if text is not None and name not in COUNTS])
        self._progress = {name: self._pattern(f"progress.{name}", text) for name, text in progress.items() if text is not None}
        self._marks = {
            name: self._pattern(name, self._text(name)) for name in ("ended", "epoch_done", "saved_epoch", "prediction")
        }
        self._errors = [self._error(entry) for entry in self.framework.get("errors") or ()]

    @property
    def resumes(self) -> bool:
        """Where the YAML says how."""
        return bool(self.framework.get("resume"))

    @property
    def keeps_epochs(self) -> bool:
        """Where the YAML names them."""
        return bool(self._mapping("checkpoint").get("epoch"))

    def train(self, options: Options, paths: Paths, resume: Checkpoint | None) -> Command:
        """The template `train`; on from a checkpoint with the words of `resume` behind it."""
        self._read_own(options)
        values = Values(options, self._places(paths, options, resume))
        words = self._words("train", values)
        added = self._words("resume", values) if self.framework.get("resume") else []  # also read where it is not needed yet
        return self._command([*words, *added] if resume is not None else words, values, paths)

    def predict(self, options: Options, paths: Paths, checkpoint: Checkpoint, source: Path, output: Path) -> Command:
        """The template `predict`."""
        places = {**self._places(paths, options, checkpoint), "source": source, "output": output}
        values = Values(options, places)
        return self._command(self._words("predict", values), values, paths)

    def read_line(self, line: str) -> Progress | None:
        """Each regular expression is searched in the line; what matches counts."""
        line = line.rstrip("\r\n")
        found: dict[str, float] = {}
        for name, pattern in self._progress.items():
            if (match := pattern.search(line)) and (number := _number(match)) is not None:
                found[name] = number
        counts = {name: number for name in COUNTS if name in found and 0 <= (number := found.pop(name)) < UNCOUNTABLE}
        saved, ended = self._marked("saved_epoch", line), self._marked("ended", line)
        done = self._marked("epoch_done", line) is not None
        saved_epoch = _number(saved) if saved is not None else None
        if saved_epoch is not None and 0 <= saved_epoch < UNCOUNTABLE:
            counts["saved_epoch"] = saved_epoch
        if not (found or counts or ended or done):
            return None
        return Progress(
            **{name: int(number) for name, number in counts.items() if name != "seconds"},
            measures=found,
            epoch_done=done,
            ended=ended[ended.lastindex or 0] if ended is not None else None,
            seconds=counts.get("seconds"),
        )

    def best_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """`checkpoint.best`; the newest where several match; `checkpoint.last` where there is none."""
        best = self._newest(paths, "best")
        return best if best is not None else self._newest(paths, "last")

    def resume_checkpoint(self, paths: Paths) -> Checkpoint | None:
        """`checkpoint.last`, where `resume` says how to go on from it."""
        return self._newest(paths, "last") if self.framework.get("resume") else None

    def epoch_checkpoint(self, paths: Paths, epoch: int) -> Checkpoint | None:
        """`checkpoint.epoch`, a name with {epoch} in it."""
        pattern = self._mapping("checkpoint").get("epoch")
        if not pattern:
            return None
        path = paths.model_out / str(pattern).replace("{epoch}", str(epoch))
        return Checkpoint(path, epoch=epoch, files=files_in(path)) if path.exists() else None

    def read_predictions(self, output: str) -> list[str]:
        """All lines; with `prediction` the group of those that match."""
        pattern = self._marks["prediction"]
        if pattern is None:
            return super().read_predictions(output)
        matches = (pattern.search(line) for line in output.split("\n"))
        return [match[match.lastindex or 0].strip(" ") for match in matches if match is not None]

    def hint(self, log: str) -> str | None:
        """The first of `errors` that is in the log; what every framework can have."""
        own = (hint for pattern, hint in self._errors if pattern.search(log))
        set_up = bool(self.framework.get("setup"))
        return next(own, None) or common_hint(log, self._text("name") or "command", set_up=set_up)

    def setup(self, companion: Path) -> Setup | None:
        """`setup`, where the program needs a Python of its own."""
        described = self.framework.get("setup")
        if not described:
            return None
        if not isinstance(described, Mapping) or not described.get("python") or not described.get("requirements"):
            raise self._wrong("setup", "needs python: VERSION and requirements: FILE")
        return Setup(
            python=(str(described["python"]),),
            requirements=companion / str(described["requirements"]),
            download=int(described.get("download") or 0),
            disk=int(described.get("disk") or 0),
        )

    def describe(self, paths: Paths) -> Description:
        """`version`, or a hash over the Python files of frameworks/NAME/."""
        return Description(self._text("version") or version_of_files(paths.companion))

    def programs(self, companion: Path) -> Mapping[str, Sequence[str]]:
        """The first words of the templates, where they name nothing but {here} and {project}."""
        places, found = {"here": companion, "project": companion.parent.parent}, {}
        for name in ("train", "predict"):
            words = [_known(word, places) for word in self._split(name) if not word.startswith("-")][:2]
            head = words[0] if words else None
            if head is None or ("/" not in head and "PATH" in self._mapping("environment")):
                continue
            file = [word for word in words[1:] if word is not None and head == "python"]
            found[f"framework.{name} in conf/framework/{self.framework.get('name', 'command')}.yaml"] = [head, *file]
        return found

    def _places(self, paths: Paths, options: Options, checkpoint: Checkpoint | None) -> dict[str, object]:
        """What stands for a path or a number that Daisy knows."""
        files: dict[str, object] = {name: paths.canonical(split, side) for name, (split, side) in FILES.items()}
        return {
            **files,
            "dataset": paths.dataset, "model_out": paths.model_out, "here": paths.companion,
            "project": paths.companion.parent.parent, "device": options.device, "examples": paths.sizes.get("train", 0),
            "checkpoint": checkpoint.path if checkpoint is not None else paths.model_out / "checkpoint",
        }  # fmt: skip

    def _command(self, words: Sequence[str], values: Values, paths: Paths) -> Command:
        environment = {name: _filled(str(text), values, "environment") for name, text in self._mapping("environment").items()}
        return Command.of(*words, environment=environment)

    def _words(self, name: str, values: Values) -> list[str]:
        """A template as an argument list. It is split before it is filled: what is filled in is never split again."""
        words = self._split(name)
        try:
            return [word for group in _groups(words) for word in _group(group, values, name)]
        except ConfigurationError as error:
            raise self._wrong(name, f"can't be filled: {error}") from None

    def _split(self, name: str) -> list[str]:
        template = self.framework.get(name)
        try:
            return shlex.split(template) if isinstance(template, str) else [str(word) for word in template or ()]
        except ValueError as error:
            raise self._wrong(name, f"can't be split into words ({error}): mend its quotes") from None

    def _read_own(self, options: Options) -> None:
        """The YAML itself is read, so that it enters the identity; framework.options only where a template names one."""
        for key in self.framework:
            if key not in ("options", "measures"):  # which change no training
                options.get(f"framework.{key}")
                if isinstance(self.framework[key], Mapping):
                    options.section(f"framework.{key}")

    def _newest(self, paths: Paths, which: str) -> Checkpoint | None:
        pattern = self._mapping("checkpoint").get(which)
        found = list(paths.model_out.glob(str(pattern))) if pattern else []
        if not found:
            return None
        newest = max(found, key=lambda path: ([int(number) for number in NUMBER.findall(path.name)], path.name))
        return Checkpoint(newest, files=files_in(newest))

    def _measures(self, told: Sequence[str]) -> Mapping[str, str]:
        """`measures`, in its order; then what the log tells besides, where its name says enough, the loss last.

        Only with what a pruner counts by: epochs, or updates for all but the training's own loss.
        """
        named = self._mapping("measures")
        for name, direction in named.items():
            if name not in told:
                raise self._wrong("measures", f"names {name}, which progress does not read: {', '.join(told) or 'it reads none'}")
            if not self._is_counted(name):
                wrong = f"names {name}, which progress reads without an epoch"
                raise self._wrong("measures", f"{wrong}: add progress.epoch, or leave {name} out of measures")
            if direction not in DIRECTIONS:
                raise self._wrong("measures", f"is to {direction} {name}: write maximize or minimize")
            usual = usual_direction(name)
            if usual not in (None, direction):
                told_by_name = f"is to {direction} {name}, where its name says {usual}"
                raise self._wrong("measures", f"{told_by_name}: write that, or give it another name in progress")
        others = [name for name in told if name not in named and self._is_counted(name)]
        known = {name: direction for name in others if (direction := usual_direction(name)) is not None}
        return {**named, **dict(sorted(known.items(), key=lambda entry: (entry[0] == LOSS, entry[0] != DEV_ACCURACY)))}

    def _is_counted(self, name: str) -> bool:
        counts = ("epoch",) if name == LOSS else ("epoch", "step")
        return any(self._mapping("progress").get(count) is not None for count in counts)

    def _check_keys(self) -> None:
        for key in self.framework:
            if key not in KEYS:
                close = nearest(str(key), KEYS)
                raise self._wrong(key, f"is not known - {f'did you mean {close[0]}?' if close else ', '.join(KEYS)}")
        for name in ("train", "predict"):
            template = self.framework.get(name)
            if self.framework and not (isinstance(template, (str, list)) and template):
                raise self._wrong(name, "must be a command: a text, or a list of words")

    def _mapping(self, key: str) -> Mapping[str, Any]:
        value = self.framework.get(key) or {}
        if not isinstance(value, Mapping):
            raise self._wrong(key, "must be a section with keys of its own")
        return value

    def _text(self, key: str) -> str | None:
        value = self.framework.get(key)
        return None if value is None else str(value)

    def _pattern(self, key: str, text: str | None) -> re.Pattern[str] | None:
        try:
            return re.compile(text) if text is not None else None
        except re.error as error:
            raise self._wrong(key, f"is no regular expression ({error}): mend it") from None

    def _error(self, entry: Any) -> tuple[re.Pattern[str], str]:
        if not isinstance(entry, Mapping) or not entry.get("match") or not entry.get("hint"):
            raise self._wrong("errors", "must be a list of {match: REGULAR EXPRESSION, hint: WHAT TO DO}")
        pattern = self._pattern("errors", str(entry["match"]))
        assert pattern is not None
        return pattern, str(entry["hint"])

    def _marked(self, name: str, line: str) -> re.Match[str] | None:
        pattern = self._marks[name]
        return pattern.search(line) if pattern is not None else None

    def _wrong(self, key: object, told: str) -> ConfigurationError:
        name = self.framework.get("name", "command")
        return ConfigurationError(f"framework.{key} in conf/framework/{name}.yaml {told}".replace("  ", " "))


def _known(word: str, places: Mapping[str, Path]) -> str | None:
    """A word of a template that these places fill; None where it is optional, or names more."""
    names = {match[1] for match in PLACEHOLDER.finditer(word)} - {None}
    if word.startswith("[") or not names <= places.keys():
        return None
    return PLACEHOLDER.sub(lambda match: match[0][0] if match[1] is None else str(places[match[1]]), word)


def _groups(words: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """Words, each by itself; those between [ and ] together, as an optional part."""
    groups: list[tuple[bool, list[str]]] = []
    inside: list[str] | None = None
    for word in words:
        if inside is None and word.startswith("[") and not word.startswith("[["):
            inside, word = [], word[1:]
        if inside is None:
            groups.append((False, [word.replace("[[", "[", 1) if word.startswith("[[") else word]))
            continue
        closes = word.endswith("]")
        inside.append(word[:-1] if closes else word)
        if closes:
            groups.append((True, [word for word in inside if word]))
            inside = None
    if inside is not None:
        raise ConfigurationError(f"has an optional part without its end: [{' '.join(inside)}")
    return groups


def _group(group: tuple[bool, list[str]], values: Values, template: str) -> list[str]:
    optional, words = group
    if not optional:
        return [_filled(words[0], values, template)]
    named = [values[match[1]] for word in words for match in PLACEHOLDER.finditer(word) if match[1] is not None]
    if any(value is None or value is False for value in named):
        return []
    return [_filled(word, values, template) for word in words if not _is_true(word, values)]


def _is_true(word: str, values: Values) -> bool:
    """A placeholder alone whose value is true: the flag before it says it all."""
    match = PLACEHOLDER.fullmatch(word)
    return match is not None and match[1] is not None and values[match[1]] is True


def _filled(word: str, values: Values, template: str) -> str:
    def text(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        value = values[match[1]]
        if value is None:
            raise ConfigurationError(
                f"names {{{match[1]}}}, which is null: put it into brackets, as in [--option {{{match[1]}}}]"
            )
        return _as_text(value)

    return PLACEHOLDER.sub(text, word)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(_as_text, value)) if isinstance(value, (list, tuple)) else str(value)


def _number(match: re.Match[str]) -> float | None:
    """The first group, or all of the match, as a number; thousands may have commas."""
    convert: Callable[[str], float] = float
    try:
        return convert((match[match.lastindex or 0] or "").replace(",", ""))
    except ValueError:
        return None
