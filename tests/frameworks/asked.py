"""What an adapter is asked for in tests: options of a configuration, and what stands in its commands."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from support import CHECKOUT, DaisyProject

from daisy.configuration import Configuration, find_project
from daisy.configuration.compose import compose
from daisy.framework import Adapter, Options, lookup


def shipped(framework: str) -> Adapter:
    """The adapter that Daisy ships for a framework."""
    return lookup.load(lookup.AdapterFile(framework, CHECKOUT / "frameworks" / f"{framework}.py"))


def configuration(project: DaisyProject, framework: str, *overrides: str) -> Configuration:
    """The configuration of a framework with the small dataset, on a processor."""
    texts = [f"framework={framework}", "dataset=tiny", "env.device=cpu", *overrides]
    return compose(find_project(project.root, {}), texts, project.root)


def options(project: DaisyProject, framework: str, *overrides: str) -> Options:
    """Its options, none of them read yet."""
    return Options(configuration(project, framework, *overrides))


def with_own(composed: Configuration, name: str, value: object) -> Options:
    """The options of a configuration in whose conf/ an option of the framework's own is set, as it takes any name."""
    framework = composed.values["framework"]
    own = {**framework["options"], name: value}
    return Options(replace(composed, values={**composed.values, "framework": {**framework, "options": own}}))


def after(arguments: Sequence[str], name: str, count: int = 1) -> Any:
    """What follows an option; with a `count` so many words. The last one, where it stands there again: that one holds."""
    place = len(arguments) - 1 - list(reversed(arguments)).index(name)
    found = arguments[place + 1 : place + 1 + count]
    return found[0] if count == 1 else found


def options_in(arguments: Sequence[str]) -> set[str]:
    """The names of the framework's own options: those behind the `--` that ends the ones of Daisy's wrapper."""
    words = list(arguments)
    own = words[words.index("--") + 1 :] if "--" in words else words
    return {word.removeprefix("--").partition("=")[0] for word in own if word.startswith("--")}


def word_dataset(project: DaisyProject, pairs: Sequence[tuple[str, str]]) -> str:
    """Make a dataset of words of these pairs, for all splits; the override that chooses it."""
    (project.root / "words.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    (project.root / "conf" / "dataset" / "spelled.yaml").write_text(
        "defaults: [_files]\ntokens: words\ntrain: words.tsv\ndev: words.tsv\ntest: words.tsv\n"
    )
    return "dataset=spelled"


def as_if_killed(model: Path) -> None:
    """Leave a model that is done as a kill leaves it right before its result is written."""
    path = model / "daisy" / "result.json"
    result = json.loads(path.read_text())
    path.write_text(json.dumps({**{name: result[name] for name in ("format", "attempt", "started")}, "state": "running"}))
