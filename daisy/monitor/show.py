"""`daisy show MODEL`: one model in full."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from daisy import dataset as datasets
from daisy.configuration import leaves
from daisy.folder import ModelFolder, Place, SweepFolder, observed_state
from daisy.framework.lines import visible
from daisy.launch.evidence import Cluster
from daisy.launch.why import why_of
from daisy.monitor.words import ago, clock, duration, near, percent, short, size


def show(folder: ModelFolder, console: Console, env: str = "") -> None:
    """Print a model: what differs from the defaults first, then all of it. Raises FolderError where it is damaged.

    `env` is what verbs need to find it (` --env NAME`).
    """
    config, result = folder.read_config(), folder.read_result()
    state, evidence = observed_state(folder, result, Cluster())
    _title(console, visible(folder.model_id))
    for name, text in _facts(folder, config, result, state, evidence):
        _fact(console, name, text)
    for hint in hints(folder, result, state, env):
        _fact(console, "hint", hint, "yellow")
    _section(console, "differs from the defaults", dict(_changed(config)))
    unused = set(config.get("unused", ()))
    values = dict(leaves(_told(config["configuration"])))
    _section(console, "configuration", {key: _text(value) for key, value in values.items() if key not in unused})
    _section(console, "defaults that the framework does not use", {key: _text(values.get(key)) for key in sorted(unused)})
    if "command" in result:
        _title(console, "command")
        environment = [f"{name}={value}" for name, value in result.get("environment", {}).items()]
        command = " ".join([*map(shlex.quote, environment), shlex.join(result["command"])])
        console.print(Text(visible(command)), soft_wrap=True)
    if result.get("last_lines"):
        _title(console, "last lines of run.out")
        for line in result["last_lines"]:
            console.print(Text(f"  {visible(line)}"), soft_wrap=True)


def show_place(sweep: SweepFolder, place: Place, console: Console) -> None:
    """Print a model of a sweep that has no folder yet: what it will be, and why it waits. Raises FolderError."""
    info, config = sweep.info(), sweep.some_configs([place.number]).get(place.number)
    _title(console, f"{sweep.sweep_id}/{place.number}")
    tags = info.get("tags")
    tag = str(tags[place.number - 1]) if tags else None
    _fact(console, "state", _state_of(sweep, place, info, tag))
    _fact(console, "launched", f"{ago(info['created'])} ({clock(info['created'])})")
    if config is None:
        is_to_come = sweep.is_search and place.state == "waiting"
        known = "the next trial, known when a job asks for it" if is_to_come else "none"
        _fact(console, "config id", f"{known}: `daisy sweep {sweep.sweep_id}` shows the search")
        return
    _fact(console, "config id", str(config["config_id"]))
    _section(console, "differs from the defaults", dict(_changed(config)))
    unused = set(config.get("unused", ()))
    values = dict(leaves(_told(config["configuration"])))
    _section(console, "configuration", {key: _text(value) for key, value in values.items() if key not in unused})


def _state_of(sweep: SweepFolder, place: Place, info: Mapping[str, Any], tag: str | None) -> str:
    """The state of what has no folder, and why it is in it."""
    if place.state == "waiting":
        return f"waiting ({why_of(sweep, info, tag, Cluster())})"
    if (reason := sweep.begun(place).reason) is not None:
        return f"failed ({reason})"
    if place.state == "cancelled" and sweep.is_search:
        numbering = sweep.numbering()
        trial = numbering.trial_of(place.number)
        if not sweep.trials.has(trial) and (why := sweep.over().get(numbering.base_of(trial))) is not None:
            return f"not asked for ({why})"
        if sweep.trials.has(trial) and numbering.repeats > 1:
            return f"not trained (trial {trial} has ended before, or somebody has cancelled it)"
    return "begins" if place.state == "claimed" else place.state


def _facts(
    folder: ModelFolder, config: Mapping[str, Any], result: Mapping[str, Any], state: str, evidence: str
) -> Iterator[tuple[str, str]]:
    yield "state", state + (f" ({evidence})" if evidence else "")
    if result.get("reason"):
        yield "reason", str(result["reason"])
    if result.get("no_accuracy"):
        yield "no accuracy", str(result["no_accuracy"])
    if result.get("accuracy") is not None:
        low, high = result["accuracy_interval"]
        yield (
            "accuracy",
            (
                f"{percent(result['accuracy'])} ({result['correct']} of {result['examples']} dev examples; "
                f"95 % interval {percent(low)} to {percent(high)})"
            ),
        )
        if result.get("test"):
            test = result["test"]
            low, high = test["accuracy_interval"]
            yield (
                "on test",
                f"{percent(test['accuracy'])} ({test['correct']} of {test['examples']} examples; "
                f"95 % interval {percent(low)} to {percent(high)})",
            )
        low, high = result["edit_distance_interval"]
        yield "edit distance", f"{result['edit_distance']:.2f} a prediction (95 % interval {low:.2f} to {high:.2f})"
    sizes = config["dataset"]["sizes"]
    yield (
        "dataset",
        f"{config['dataset']['name']} ({', '.join(f'{count:,} {split}' for split, count in sizes.items())})",
    )
    began = float(result.get("started", 0.0))
    yield (
        "began",
        f"{ago(began)} ({clock(began)}), attempt {result.get('attempt', '?')}, job {result.get('job') or '-'}",
    )
    stages = result.get("stages", {})
    if stages:
        told = ", ".join(f"{name} {duration(seconds)}" for name, seconds in stages.items())
        yield "took", f"{duration(result['seconds'])} ({told})"
    if result.get("ended_because"):
        yield "ended because of", str(result["ended_because"])
    if result.get("checkpoint"):
        checkpoint = result["checkpoint"]
        files = len(checkpoint.get("files", [None]))
        told = f"{size(checkpoint['bytes'])}{f' in {files} files' if files > 1 else ''}{_gone(folder, checkpoint)}"
        yield "weights", f"{checkpoint['path']} ({told})"
    if config.get("project"):
        yield "project", _checkout(config["project"], folder.project_patch)
    if config.get("source"):
        yield "source", _checkout(config["source"], folder.source_patch)
    yield "versions", ", ".join(f"{name} {version}" for name, version in config.get("versions", {}).items())
    if config.get("sweep"):
        yield "sweep", f"{config['sweep']['id']}/{config['sweep']['number']}"
    yield "identity", str(config["identity"])
    yield "folder", near(folder.path)


def _checkout(source: Mapping[str, Any], patch: Path) -> str:
    """Where code is from: its folder, its commit, and the file that has what was not committed of it."""
    commit = f"commit {short(source['commit'])}" if source.get("commit") else "no commit"
    if not source.get("patch"):
        return f"{near(Path(source['folder']))}, {commit}"
    gone = "" if patch.is_file() else ", not there any more"
    return f"{near(Path(source['folder']))}, {commit}, with a patch (daisy/{patch.name}{gone})"


def _gone(folder: ModelFolder, checkpoint: Mapping[str, Any]) -> str:
    names = checkpoint.get("files", [checkpoint["path"]])
    return "" if all((folder.path / name).exists() for name in names) else ", not there any more"


def hints(folder: ModelFolder, result: Mapping[str, Any], state: str, env: str = "") -> list[str]:
    """What to do next with a model in this state; `env` is what verbs need to find it (` --env NAME`)."""
    model = f"{folder.model_id}{env}"
    if state == "failed":
        told = [str(result["hint"])] if result.get("hint") else []
        return [
            *told,
            f"`daisy tail {model}` shows its log; `daisy resume {model}` goes on from its last checkpoint, if it has one",
        ]
    if state == "stopped":
        return [f"`daisy resume {model}` goes on from its last checkpoint"]
    if state == "running":
        return [f"`daisy tail {model}` follows its log"]
    if state == "pruned":
        return [f"`daisy again {model}` trains one like it to its end"]
    if state == "done":
        return [f"`daisy again {model} KEY=VALUE` trains one like it"]
    return []


def _told(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only says where the dataset's files are to be had: addresses and their checksums."""
    return {**configuration, "dataset": datasets.identifying(configuration["dataset"])}


def _changed(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    values = dict(leaves(config["configuration"]))
    unused = set(config.get("unused", ()))
    for key, default in config.get("changed", {}).items():
        if key in values and key not in unused:
            yield key, f"{_text(values[key])}  (default {_text(default)})"


def _section(console: Console, title: str, entries: Mapping[str, str]) -> None:
    if entries:
        _title(console, title)
        width = max(map(len, entries))
        for key, text in entries.items():
            console.print(Text(f"  {visible(key):<{width}}  {visible(text)}"), soft_wrap=True)


def _title(console: Console, title: str) -> None:
    console.print(Text(title, style="bold"))


def _fact(console: Console, name: str, text: str, style: str = "") -> None:
    console.print(Text.assemble((f"  {name:<16}  ", "dim"), (visible(text), style)), soft_wrap=True)


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
