"""Runs Marian's command line (pymarian) with what it lacks, from outside.

    run.py train --dev-target FILE [--resume FOLDER] -- ARGUMENTS
    run.py decode -- ARGUMENTS

Training is in the current folder, the model's, and its files have names without a folder there: Marian gives them to a shell.
Added are exact match on the dev set as the validation script (exact_match.py), a checkpoint and validations that survive a kill
(validations.py), epochs that are as long as the examples that Marian takes, and why training ended, which Marian does not say.
"""

import argparse
import ctypes
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from exact_match import TEMPLATE, TRANSLATIONS, exact_match
from validations import (
    MODEL,
    Validation,
    forget_all,
    keep_checkpoint,
    noted,
    put_right,
    standing,
    take_back,
    updates_done,
    write_noted,
)

HERE = Path(__file__).resolve().parent
SCRIPT = "exact_match.sh"
SEARCH = ("--max-length-factor", "--word-penalty")
asked_to_end: list[int] = []


def main() -> None:
    words = sys.argv[1:]
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["train", "decode"])
    flags.add_argument("--dev-target", type=Path)
    flags.add_argument("--resume", type=Path)
    known, arguments = flags.parse_args(words[:cut]), words[cut + 1 :]
    if "--devices" in arguments:
        take_one_gpu()
    if known.program == "decode":
        sys.exit(run("decode", arguments))
    train(arguments, known.dev_target, known.resume)


def train(arguments: list[str], dev_target: Path, resume: Path | None) -> None:
    """Train from the start, or on from the checkpoint in a folder; say why it ended."""
    updates = updates_per_epoch(arguments)
    if resume is None:
        forget_all()
    else:
        take_up(arguments, dev_target, resume, updates)
    write_script(dev_target)
    more = ["--valid-script-path", f"./{SCRIPT}", "--valid-translation-output", TEMPLATE]
    code = run("train", [*arguments, *more])
    if code == 0 and not asked_to_end:
        out_of_patience = noted() and standing(noted()).stalled >= int(value(arguments, "--early-stopping"))
        print(f"[daisy] finished: {'patience' if out_of_patience else 'epochs'}", flush=True)
    sys.exit(code)


def take_one_gpu() -> None:
    """The first GPU that may be seen; end where there is none, which Marian would say in twenty lines."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0]
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except OSError:
        found = False
    if not found:
        sys.exit("ERROR: Marian finds no GPU here")


def updates_per_epoch(arguments: list[str]) -> int:
    """How many updates an epoch has. Marian leaves out what is too long: then it is not what Daisy has counted."""
    longest = int(value(arguments, "--max-length")) - 1  # it counts the end of the line, too
    sides = [lengths(Path(path)) for path in values(arguments, "--train-sets", 2)]
    examples = sum(max(pair) <= longest for pair in zip(*sides))
    left_out = len(sides[0]) - examples
    updates = max(1, -(-examples // int(value(arguments, "--mini-batch"))))
    if not examples:
        sys.exit(f"ERROR: all examples are longer than {longest} tokens")
    if left_out:
        print(f"[daisy] training leaves out {left_out} examples of more than {longest} tokens", flush=True)
        for name in ("--valid-freq", "--save-freq"):
            arguments[arguments.index(name) + 1] = f"{updates}u"
    return updates


def lengths(path: Path) -> list[int]:
    """How many tokens each line has."""
    with path.open("rb") as file:
        return [len(line.rstrip(b"\n").split(b" ")) for line in file]


def take_up(arguments: list[str], dev_target: Path, folder: Path, updates_each: int) -> None:
    """Make the files what they would be if Marian had validated the checkpoint that it goes on from."""
    if folder.resolve() != Path.cwd().resolve():
        take_back(folder)
    updates = updates_done()
    validations = [validation for validation in noted() if validation.update <= updates]
    ends_an_epoch = updates > 0 and updates % updates_each == 0
    if ends_an_epoch and not any(validation.update == updates for validation in validations):
        accuracy = validated(arguments, dev_target)
        validations.append(Validation(updates // updates_each, updates, accuracy))
    write_noted(validations)
    if len(validations) == updates // updates_each and validations:
        put_right(standing(validations))
    if ends_an_epoch:
        last = validations[-1]
        print(f"[daisy] epoch {last.epoch} at update {last.update}: dev_accuracy {last.accuracy!r}", flush=True)
    keep_checkpoint()


def validated(arguments: list[str], dev_target: Path) -> float:
    """The accuracy of the checkpoint on the dev set, translated as Marian's validation does it."""
    source = value(arguments, "--valid-sets")
    device = "--cpu-threads" if "--cpu-threads" in arguments else "--devices"
    search = [word for name in SEARCH if name in arguments for word in (name, value(arguments, name))]
    search += [word for word in arguments if word.startswith("--allow-unk")]
    words = [
        "--models", MODEL, "--vocabs", *values(arguments, "--vocabs", 2), "--input", source, "--output", TRANSLATIONS,
        "--beam-size", "1", "--mini-batch", value(arguments, "--valid-mini-batch"), "--maxi-batch", "10",
        "--maxi-batch-sort", "src", "--max-length", value(arguments, "--max-length"), "--max-length-crop",
        device, value(arguments, device), "--workspace", value(arguments, "--workspace"), *search, "--quiet-translation",
    ]  # fmt: skip
    code = run("decode", words)
    if code:
        sys.exit(code)
    return exact_match(dev_target, Path(TRANSLATIONS))


def write_script(dev_target: Path) -> None:
    """An executable script: Marian gives its name to a shell as it is. A signal that ends Marian must not cut it off."""
    words = [sys.executable, str(HERE / "exact_match.py"), str(dev_target), str(os.getpid())]
    script = Path(SCRIPT)
    script.write_text(f"#!/bin/sh\ntrap '' TERM INT HUP\nexec {shlex.join(words)} \"$1\"\n", encoding="utf-8")
    script.chmod(0o755)


def run(program: str, arguments: list[str]) -> int:
    """Run Marian to its end: it leaves its Python without coming back, so it has a process of its own.

    Signals reach the whole group of processes; this one waits for Marian to save and end. The validation script asks with
    SIGUSR1 for an end at once.
    """
    failed: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: asked_to_end.append(number))
    if asked_to_end:  # while the checkpoint was taken up
        return 128 + asked_to_end[0]
    with subprocess.Popen([sys.executable, "-m", "pymarian", program, *arguments]) as process:
        signal.signal(signal.SIGUSR1, lambda number, frame: (failed.append(number), process.kill()))
        code = process.wait()
    if failed:
        return 1
    return code if code >= 0 else 128 - code


def value(arguments: list[str], name: str) -> str:
    """What follows an option."""
    return arguments[arguments.index(name) + 1]


def values(arguments: list[str], name: str, count: int) -> list[str]:
    """The words that follow an option."""
    place = arguments.index(name) + 1
    return arguments[place : place + count]


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
