"""The check that an adapter says the same in another process: another locale, folder, time zone, order of hashes.

Run as a module it is that other process: cases and logs come as JSON on standard input, the answers go out as JSON.
"""

import json
import locale
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration, from_json, to_json
from daisy.framework import lookup
from daisy.framework.conformance.finding import Finding, WrongAnswer
from daisy.framework.conformance.read import lines_of
from daisy.framework.conformance.subject import Subject, answers, paths_in
from daisy.framework.contract import Adapter
from daisy.framework.lookup import AdapterFile

LONGEST_WAIT = 300.0  # seconds
PACKAGE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Surroundings:
    """Another process's surroundings, in words and as variables."""

    words: str
    variables: Mapping[str, str]


OTHERS = (
    Surroundings(
        "where text is ASCII by default (LC_ALL=C)",
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "HOME": "/"},
    ),
    Surroundings(
        "with other hashes, another home and user",
        {"PYTHONHASHSEED": "2", "HOME": "/nonexistent", "USER": "somebody", "TZ": "America/Lima", "CUDA_VISIBLE_DEVICES": "3"},
    ),
)


def elsewhere(subject: Subject) -> Iterator[Finding]:
    """In another process, locale and folder it says the same."""
    configurations = {case.name: case.configuration for case in subject.cases}
    here = _answers(subject.adapter(), subject.file, configurations, subject.evidence.logs, subject.folder)
    question = {
        "file": str(subject.file.path),
        "own": None if subject.file.own is None else str(subject.file.own),
        "section": subject.section,
        "folder": str(subject.folder),
        "cases": {name: to_json(configuration) for name, configuration in configurations.items()},
        "logs": [printed.decode("utf-8", "surrogateescape") for printed in subject.evidence.logs],
    }
    for other in OTHERS:
        there = _asked(question, other)
        if isinstance(there, str):
            yield Finding(other.words, there)
            continue
        for part, said in here.items():
            if there.get(part) != said:
                why = there.get(part)
                told = why if isinstance(why, str) else "it says something else"
                ways_out = "name encodings, and let nothing but the configuration decide"
                yield Finding(part, f"{other.words}: {told}: {ways_out}")


def _asked(question: Mapping[str, Any], other: Surroundings) -> dict[str, Any] | str:
    """What the adapter says there; a text: why it says nothing."""
    path = os.pathsep.join([str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "daisy.framework.conformance.elsewhere"],
        input=json.dumps(question).encode("ascii"),
        cwd="/",
        env={**os.environ, "PYTHONPATH": path, **other.variables},
        capture_output=True,
        timeout=LONGEST_WAIT,
        check=False,
    )
    lines = done.stdout.decode("ascii", "replace").splitlines()
    if done.returncode or not lines:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"])[-1]
        return f"it can't be asked ({last})"
    said: dict[str, Any] = json.loads(lines[-1])
    return said


def _answers(
    adapter: Adapter, file: AdapterFile, cases: Mapping[str, Configuration], logs: Sequence[bytes], folder: Path
) -> dict[str, Any]:
    """All that the adapter says, as plain values; a text where it raises."""
    said: dict[str, Any] = {}
    for name, configuration in cases.items():
        try:
            found = answers(adapter, configuration, paths_in(folder, file.companion))
            said[name] = {"refused": found.refused, **json.loads(json.dumps(dict(found.said)))}
        except (Exception, SystemExit) as error:
            said[name] = _raised(error, file)
    for number, printed in enumerate(logs, 1):
        try:
            said[f"log {number}"] = [repr(adapter.read_line(line)) for line in lines_of(printed)]
        except (Exception, SystemExit) as error:
            said[f"log {number}"] = _raised(error, file)
    return said


def _raised(error: BaseException, file: AdapterFile) -> str:
    if isinstance(error, WrongAnswer):
        return str(error)
    return (lookup.blamed(error, file) or repr(error)).removeprefix(f"the adapter {file.path} ")


def main() -> None:
    """Answer the question on standard input."""
    locale.setlocale(locale.LC_ALL, "")
    question = json.loads(sys.stdin.buffer.read())
    path, own = Path(question["file"]), question["own"]
    file = AdapterFile(path.stem, path, None if own is None else Path(own))
    cases = {name: from_json(content) for name, content in question["cases"].items()}
    logs = [text.encode("utf-8", "surrogateescape") for text in question["logs"]]
    print(json.dumps(_answers(lookup.load(file, question["section"]), file, cases, logs, Path(question["folder"]))))


if __name__ == "__main__":
    main()
