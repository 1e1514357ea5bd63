"""The puppet itself, a real process: it trains in name only, and does between epochs what its plan says.

An act is [EPOCH, VERB, ARGUMENT ...]; see `Acts`. What it learns is a chain of hashes over epochs and seed, so that a
training that was stopped and gone on with can be told from one that was not.
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

PATIENCE = 120  # seconds after which nothing that a test forgot goes on


class Acts:
    """What a puppet can do."""

    def __init__(self, plan: dict, model: Path) -> None:
        self.gates, self.model = Path(plan["gates"]), model

    def do(self, acts: list, epoch: int) -> None:
        for when, verb, *arguments in acts:
            if when == epoch:
                getattr(self, verb)(*arguments)

    def say(self, text: str) -> None:
        say(text.encode() + b"\n")

    def say_bytes(self, hexadecimal: str) -> None:
        say(bytes.fromhex(hexadecimal))

    def say_much(self, size: int) -> None:
        """A line of so many bytes, without its end."""
        for _ in range(size // 1_000_000):
            say(b"x" * 1_000_000)

    def say_steps(self, count: int) -> None:
        """As fast as it can."""
        say(b"".join(b"epoch 1 step %d/%d loss 1.0\n" % (step, count) for step in range(1, count + 1)))

    def leave_with(self, code: int) -> None:
        os._exit(code)

    def die_of(self, name: str) -> None:
        os.kill(os.getpid(), getattr(signal, name))

    def touch(self, name: str) -> None:
        self.gates.mkdir(exist_ok=True)
        (self.gates / name).touch()

    def wait_for(self, name: str) -> None:
        until = time.monotonic() + PATIENCE
        while not (self.gates / name).exists():
            if time.monotonic() > until:
                os._exit(99)
            time.sleep(0.01)

    def close_output(self) -> None:
        os.close(1)
        os.close(2)

    def be_deaf(self) -> None:
        """SIGTERM is noted, no more."""
        signal.signal(signal.SIGTERM, lambda number, frame: self.touch("asked"))

    def fill(self, name: str, megabytes: int) -> None:
        with (self.model / name).open("wb") as file:
            for _ in range(megabytes):
                file.write(bytes(1_000_000))

    def start(self, kind: str) -> None:
        """Start a process that outlives its work: a child, grandchild, one of its own session, a daemon; all deaf."""
        read, write = os.pipe()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            if kind in ("session", "daemon"):
                os.setsid()
            if kind in ("grandchild", "daemon") and os.fork() > 0:
                if kind == "daemon":
                    os._exit(0)
                time.sleep(PATIENCE)
                os._exit(0)
            os.write(write, b"up")
            time.sleep(PATIENCE)
            os._exit(0)
        os.read(read, 2)


def say(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def save(path: Path, content: dict) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)


def train(options: argparse.Namespace) -> None:
    plan, model = json.loads(options.plan), options.model
    state = {"epoch": 0, "chain": "", "correct": 0}
    best = -1
    if options.resume:
        state = json.loads(Path(options.resume).read_text())
        best = json.loads((model / "best.json").read_text())["correct"]
        say(b"on from epoch %d\n" % state["epoch"])
    acts = Acts(plan, model)
    for epoch in range(state["epoch"] + 1, options.epochs + 1):
        acts.do(plan["acts"], epoch)
        chain = hashlib.sha256(f"{state['chain']} {epoch} {options.seed}".encode()).hexdigest()
        correct = plan["correct"][epoch - 1] if epoch <= len(plan["correct"]) else epoch
        state = {"epoch": epoch, "chain": chain, "correct": correct}
        say(b"epoch %d step 2/2 loss %.3f\nepoch %d done loss %.3f\n" % (epoch, 1 / epoch, epoch, 1 / epoch))
        if epoch <= len(plan["curve"]):
            say(b"epoch %d dev_accuracy %s\n" % (epoch, str(plan["curve"][epoch - 1]).encode()))
        acts.do(plan["before_saving"], epoch)
        if not plan["saves"]:
            continue
        if options.keep_epochs:
            save(model / f"epoch-{epoch}.json", state)
        if correct > best:
            best = correct
            save(model / "best.json", state)
        save(model / "last.json", state)
        say(b"saved epoch %d\n" % epoch)
    acts.do(plan["acts"], -1)


def predict(options: argparse.Namespace) -> None:
    plan, state = json.loads(options.plan), json.loads(options.checkpoint.read_text())
    acts = Acts(plan, options.model)
    acts.do(plan["predict"], 0)
    acts.do(plan["predict"], state["epoch"])
    lines = options.target.read_text().splitlines()
    wrong = " ".join(state["chain"][:6])
    predicted = [line if number < state["correct"] else wrong for number, line in enumerate(lines)]
    kinds = {"all": predicted, "half": predicted[: len(predicted) // 2], "more": [*predicted, "x"]}
    if plan["predictions"] != "none":
        options.output.write_text("".join(f"{line}\n" for line in kinds[plan["predictions"]]))


def main() -> None:
    signal.alarm(PATIENCE)
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("train", "predict", "form"))
    parser.add_argument("--plan")
    for name in ("--model", "--checkpoint", "--source", "--target", "--output"):
        parser.add_argument(name, type=Path)
    for name in ("--epochs", "--seed"):
        parser.add_argument(name, type=int)
    parser.add_argument("--resume")
    parser.add_argument("--keep-epochs", action="store_true")
    options = parser.parse_args()
    if options.task == "form":
        Path("by-the-command").write_text("here")
        Acts({"gates": "."}, Path()).do(json.loads(options.plan), 0)
    else:
        {"train": train, "predict": predict}[options.task](options)
    sys.exit(0)


if __name__ == "__main__":
    main()
