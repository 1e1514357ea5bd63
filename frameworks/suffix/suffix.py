"""The suffix baseline: the edit rule under the longest matching suffix, with look-up of known forms. No dependency.

    suffix.py train --source FILE --target FILE --model FILE
    suffix.py predict --model FILE --source FILE --output FILE

Files hold one example a line, tokens separated by blanks. An edit rule keeps the longest part that source and target have in
common and says what stands before and behind it: which beginning to replace by which, how many tokens to take off the end
and which to put there. Each suffix of a training source counts the rules seen with it.

Of a source that stands in its context (`<w> ... <lc> FORM <rc> ... </w>`) only the form is looked at; its target is
`<w> ... </w>`.
"""

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Tokens = tuple[str, ...]

BEGIN, END, LEFT, RIGHT = "<w>", "</w>", "<lc>", "<rc>"


class Rule(NamedTuple):
    """One edit: the beginning `head` becomes `new_head`, the last `taken` tokens become `new_tail`."""

    head: Tokens
    new_head: Tokens
    taken: int
    new_tail: Tokens

    def apply(self, source: Tokens) -> Tokens | None:
        """The edited source; None where it does not begin with the head, or is too short."""
        begin, end = len(self.head), len(source) - self.taken
        if source[:begin] != self.head or end < begin:
            return None
        return self.new_head + source[begin:end] + self.new_tail


@dataclass
class Model:
    """Known forms with their targets, and for each suffix the rules seen with it, the most frequent first."""

    known: dict[Tokens, Tokens] = field(default_factory=dict)
    rules: dict[Tokens, list[Rule]] = field(default_factory=dict)

    def predict(self, source: Tokens) -> Tokens:
        """The target: looked up where the form is known, else by the first rule under the longest suffix that fits."""
        if source in self.known:
            return self.known[source]
        for begin in range(len(source) + 1):
            for rule in self.rules.get(source[begin:], ()):
                edited = rule.apply(source)
                if edited is not None:
                    return edited
        return source


class InputError(Exception):
    """Something that a person can put right."""


def edit_rule(source: Tokens, target: Tokens) -> Rule:
    """The rule that makes `target` of `source`, around the first of their longest common parts."""
    for length in range(min(len(source), len(target)), -1, -1):
        places = {target[place : place + length]: place for place in range(len(target) - length, -1, -1)}
        for begin in range(len(source) - length + 1):
            place = places.get(source[begin : begin + length])
            if place is not None:
                behind = begin + length
                return Rule(source[:begin], target[:place], len(source) - behind, target[place + length :])
    raise AssertionError("the empty part is common to all")


def learn(pairs: Iterable[tuple[Tokens, Tokens]]) -> Model:
    """The model of training pairs."""
    targets: dict[Tokens, Counter[Tokens]] = defaultdict(Counter)
    rules: dict[Tokens, Counter[Rule]] = defaultdict(Counter)
    for source, target in pairs:
        targets[source][target] += 1
        rule = edit_rule(source, target)
        for begin in range(len(source) - rule.taken + 1):
            rules[source[begin:]][rule] += 1
    return Model(
        known={source: by_frequency(counts)[0] for source, counts in targets.items()},
        rules={suffix: by_frequency(counts) for suffix, counts in rules.items()},
    )


def by_frequency(counts):  # type: ignore[no-untyped-def]
    """The entries, most frequent first; equally frequent ones in their own order, so that nothing hangs on chance."""
    return [entry for entry, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))]


def form_in(source: Tokens) -> Tokens | None:
    """The form of a source that stands in its context; None where the source is all form."""
    if source[:1] != (BEGIN,) or source[-1:] != (END,) or (source.count(LEFT), source.count(RIGHT)) != (1, 1):
        return None
    left, right = source.index(LEFT), source.index(RIGHT)
    return source[left + 1 : right] if left < right else None


def without_context(source: Tokens, target: Tokens) -> tuple[Tokens, Tokens]:
    """A pair to learn from: form and lemma of a source in its context, any other pair as it is."""
    form = form_in(source)
    if form is None or target[:1] != (BEGIN,) or target[-1:] != (END,):
        return source, target
    return form, target[1:-1]


def predicted(model: Model, source: Tokens) -> Tokens:
    """The prediction in the form that the source's target has."""
    form = form_in(source)
    return model.predict(source) if form is None else (BEGIN, *model.predict(form), END)


def save(model: Model, path: str) -> None:
    """Write a model as JSON: suffixes and forms as texts, each rule once."""
    numbers: dict[Rule, int] = {}
    under = {
        " ".join(suffix): [numbers.setdefault(rule, len(numbers)) for rule in rules] for suffix, rules in model.rules.items()
    }
    rules = [[" ".join(rule.head), " ".join(rule.new_head), rule.taken, " ".join(rule.new_tail)] for rule in numbers]
    known = {" ".join(source): " ".join(target) for source, target in model.known.items()}
    write(path, json.dumps({"known": known, "rules": rules, "under": under}, ensure_ascii=False))


def load(path: str) -> Model:
    """A model as `save` wrote it."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        rules = [
            Rule(tokens_of(head), tokens_of(new_head), taken, tokens_of(new_tail))
            for head, new_head, taken, new_tail in content["rules"]
        ]
        return Model(
            known={tokens_of(source): tokens_of(target) for source, target in content["known"].items()},
            rules={tokens_of(suffix): [rules[number] for number in numbers] for suffix, numbers in content["under"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no model ({error!r}): train it again") from error


def read(path: str) -> list[Tokens]:
    """The lines of a file as tokens."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}") from error
    return [tokens_of(line) for line in text.removesuffix("\n").split("\n")] if text else []


def tokens_of(line: str) -> Tokens:
    """The tokens of a line: only a blank separates them, and a token may be any other white space."""
    return tuple(token for token in line.split(" ") if token)


def write(path: str, text: str) -> None:
    """Write a file whole: its name is there only when it is complete."""
    unfinished = f"{path}.unfinished-{os.getpid()}"
    try:
        Path(unfinished).write_text(text, encoding="utf-8")
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def train(source: str, target: str, path: str) -> None:
    """Learn a model from two files and write it."""
    sources, targets = read(source), read(target)
    if len(sources) != len(targets):
        raise InputError(f"{source} has {len(sources)} lines and {target} has {len(targets)}: they must be as many")
    model = learn(map(without_context, sources, targets))
    save(model, path)
    print(f"learned {len(model.rules)} suffixes from {len(sources)} examples", flush=True)


def predict(path: str, source: str, output: str) -> None:
    """Predict each line of a file."""
    model = load(path)
    lines = [" ".join(predicted(model, tokens)) for tokens in read(source)]
    write(output, "".join(f"{line}\n" for line in lines))
    print(f"predicted {len(lines)} lines", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="suffix")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, names in (("train", ("source", "target", "model")), ("predict", ("model", "source", "output"))):
        one = verbs.add_parser(verb)
        for name in names:
            one.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    if arguments.verb == "train":
        train(arguments.source, arguments.target, arguments.model)
    else:
        predict(arguments.model, arguments.source, arguments.output)


if __name__ == "__main__":
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(f"suffix: error: {error}")
