"""Adapters that break the contract: each is the good one with one change, and the check that has to catch it."""
# ruff: noqa: E501 - what is changed stands here as it stands in the adapter

from dataclasses import dataclass
from pathlib import Path

GOOD = (Path(__file__).parent / "good.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Broken:
    """`new` takes the place of `old` in the good adapter; `caught_by` are the checks that must fail."""

    name: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    told: str

    @property
    def text(self) -> str:
        """The adapter's file."""
        assert GOOD.count(self.old) == 1, f"{self.name}: {self.old!r} must be in good.py once"
        return GOOD.replace(self.old, self.new)


BROKEN = (
    # What it answers to configurations
    Broken(
        "reads a key for nothing",
        ', "--filters", options["arch.filters"]',
        ', "--filters", 100][: 4 + 0 * options["arch.filters"]',
        caught_by=("keys",),
        told="arch.filters is read, and changes nothing",
    ),
    Broken(
        "uses the seed only to look at it",
        '"--seed", options["seed"]',
        '"--seeded", options["seed"] is not None',
        caught_by=("keys",),
        told="seed is read, and changes nothing",
    ),
    Broken(
        "reads a prediction's option for nothing",
        '"--beam", beam)',
        '"--beam", 5)',
        caught_by=("keys",),
        told="framework.options.beam is read",
    ),
    Broken(
        "refuses without a name",
        "raise ConfigurationError(f\"arch.pool={options['arch.pool']}: mine does not pool; leave it out\")",
        'raise ConfigurationError("this can\'t be done")',
        caught_by=("keys",),
        told="is refused without a word of arch.pool",
    ),
    Broken(
        "fails for a value",
        'options["arch.attention"]:',
        '[0][options["arch.hidden"] - 128] and options["arch.attention"]:',
        caught_by=("keys",),
        told="raised IndexError in line",
    ),
    Broken(
        "keeps a form that its key does not tell",
        'Form({"most": options["framework.options.most"]})',
        "Form()",
        caught_by=("keys",),
        told="Form.key is the same",
    ),
    Broken(
        "says that it has what it refuses",
        'encoders = ("conv",)',
        'encoders = ("conv", "rnn")',
        caught_by=("supports",),
        told="encoders has rnn",
    ),
    Broken(
        "does not say what it has",
        'encoders = ("conv",)',
        "encoders = ()",
        caught_by=("supports",),
        told="encoders does not have conv",
    ),
    Broken(
        "can't be trained as it comes",
        'options["arch.encoder"] != "conv"',
        'options["arch.encoder"] != "lstm"',
        caught_by=("default", "supports"),
        told="is refused",
    ),
    Broken(
        "goes through a shell",
        'arguments = ["python", paths.companion / "train.py"',
        'arguments = ["sh", "-c", paths.companion / "train.sh"',
        caught_by=("commands",),
        told="goes through a shell",
    ),
    Broken(
        "passes numbers",
        'return Command.of(*arguments, "--model", paths.model_out)',
        'return Command(("python", "train.py", *map(str, arguments), str(paths.model_out), 3))',
        caught_by=("commands",),
        told="3 in the train command is no text",
    ),
    Broken(
        "passes None",
        'arguments += ["--hidden", options["arch.hidden"]',
        'arguments += ["--warmup", options.get("train.warmup"), "--hidden", options["arch.hidden"]',
        caught_by=("commands",),
        told="has the word None",
    ),
    Broken(
        "does not say where predictions go",
        "checkpoint.path, source, output,",
        "checkpoint.path, source,",
        caught_by=("commands",),
        told="does not name output",
    ),
    Broken(
        "says another thing each time",
        '"--vocabulary", paths.form',
        '"--run", vars(self).setdefault("runs", []).append(0) or len(vars(self)["runs"]), "--vocabulary", paths.form',
        caught_by=("commands",),
        told="asked again",
    ),
    Broken(
        "has a form of no JSON",
        'Form({"most": options["framework.options.most"]})',
        'Form({"most": options["framework.options.most"], "set": {1}})',
        caught_by=("form",),
        told="can't be kept as JSON",
    ),
    # What it touches
    Broken(
        "runs a program",
        "        arguments = [",
        "        import subprocess\n        subprocess.run(['true'], check=True)\n        arguments = [",
        caught_by=("purity",),
        told="runs a program (subprocess.Popen)",
    ),
    Broken(
        "writes a configuration while it is asked",
        "        arguments = [",
        "        (paths.model_out / 'config.yaml').write_text('x')\n        arguments = [",
        caught_by=("default", "supports", "keys", "purity"),
        told="writes ",
    ),
    Broken(
        "reads the machine",
        "        arguments = [",
        "        Path('/etc/hostname').exists() and open('/etc/hostname', encoding='utf-8').close()\n        arguments = [",
        caught_by=("purity",),
        told="reads /etc/hostname",
    ),
    Broken(
        "asks the network",
        "        arguments = [",
        "        import socket\n        socket.getaddrinfo('localhost', 1)\n        arguments = [",
        caught_by=("purity",),
        told="asks the network",
    ),
    Broken(
        "prints",
        "        arguments = [",
        "        print('building the command')\n        arguments = [",
        caught_by=("purity",),
        told="prints ('building the command",
    ),
    Broken(
        "sets variables",
        "        arguments = [",
        "        import os\n        os.environ['MINE_THREADS'] = '1'\n        arguments = [",
        caught_by=("purity",),
        told="sets a variable",
    ),
    Broken(
        "changes the configuration",
        "        arguments = [",
        "        options.section('train')['epochs'] = 3\n        arguments = [",
        caught_by=("purity", "keys"),
        told="changes the configuration",
    ),
    # Elsewhere
    Broken(
        "trusts the locale's encoding",
        '.read_text(encoding="utf-8")\n        counts',
        ".read_text()\n        counts",
        caught_by=("elsewhere",),
        told="UnicodeDecodeError",
    ),
    Broken(
        "trusts the order of hashes",
        "key=lambda token: (-counts[token], token))[",
        "key=hash)[",
        caught_by=("elsewhere",),
        told="with other hashes",
    ),
    Broken(
        "passes the home on",
        '"--vocabulary", paths.form',
        '"--home", str(Path.home()), "--vocabulary", paths.form',
        caught_by=("elsewhere",),
        told="it says something else",
    ),
    # How it reads the log
    Broken(
        "reads another framework's log",
        '        line = line.rstrip("\\r\\n")\n',
        '        line = line.rstrip("\\r\\n")\n        line = f"x{line}"\n',
        caught_by=("log",),
        told="finds nothing in the log",
    ),
    Broken(
        "counts from 0",
        "Progress(epoch=int(found[1]), step=",
        "Progress(epoch=int(found[1]) - 1, step=",
        caught_by=("log",),
        told="epochs are counted from 1",
    ),
    Broken(
        "keeps what it read",
        '        line = line.rstrip("\\r\\n")\n',
        '        line = line.rstrip("\\r\\n")\n        self.seen = getattr(self, "seen", 0) + 1\n        if self.seen > 2:\n            return None\n',
        caught_by=("log", "not a number", "line ends"),
        told="",
    ),
    Broken(
        "expects whole lines",
        '        line = line.rstrip("\\r\\n")\n',
        '        line = line.rstrip("\\r\\n")\n        if line.startswith("epoch"):\n            line.split()[3]\n',
        caught_by=("any line", "cut lines", "not a number", "other versions"),
        told="raised IndexError",
    ),
    Broken(
        "can't read NaN",
        "(nan|-?inf|-?\\d+\\.\\d+)",
        "(-?\\d+\\.\\d+)",
        caught_by=("not a number",),
        told="with nan in the place of the loss",
    ),
    Broken(
        "believes any number",
        "step (\\d{1,9})",
        "step (\\d+)",
        caught_by=("not a number",),
        told="raised ValueError",
    ),
    Broken(
        "encodes lines",
        '        line = line.rstrip("\\r\\n")\n',
        '        line = line.rstrip("\\r\\n")\n        line.encode("ascii")\n',
        caught_by=("any line", "not a number", "broken text"),
        told="raised UnicodeEncodeError",
    ),
    Broken(
        "looks words up",
        '        line = line.rstrip("\\r\\n")\n',
        '        line = line.rstrip("\\r\\n")\n        if line.startswith("finished: "):\n            {"epochs": 1, "patience": 2}[line[10:]]\n',
        caught_by=("cut lines", "broken text", "other versions"),
        told="raised KeyError",
    ),
    Broken(
        "gives texts for numbers",
        "epoch_done=True, saved_epoch=int(found[1])",
        "epoch_done=True, saved_epoch=found[1]",
        caught_by=("log", "not a number", "line ends"),
        told="it must be a whole number",
    ),
    Broken(
        "gives a dictionary",
        "return Progress(ended=found[1])",
        'return {"ended": found[1]}',
        caught_by=("log", "line ends"),
        told="give a Progress",
    ),
    # What it finds on disk
    Broken(
        "trusts that it is there",
        "return Checkpoint(files[0], files=files) if all(path.is_file() for path in files) else None",
        "return Checkpoint(files[0], files=files)",
        caught_by=("nothing there", "interrupted"),
        told="which is not there",
    ),
    Broken(
        "looks at one file of two",
        "return Checkpoint(files[0], files=files) if all(path.is_file() for path in files) else None",
        "return Checkpoint(files[0], files=files) if files[0].is_file() else None",
        caught_by=("interrupted",),
        told="only a whole checkpoint counts",
    ),
    Broken(
        "opens what it finds",
        "return Checkpoint(files[0], files=files) if all(path.is_file() for path in files) else None",
        'return Checkpoint(files[0], epoch=json.loads(files[1].read_text())["epoch"], files=files) if all(map(Path.exists, files)) else None',
        caught_by=("interrupted",),
        told="raised JSONDecodeError",
    ),
    Broken(
        "expects a folder",
        'path = paths.model_out / "last.bin"\n',
        "path = max(paths.model_out.iterdir())\n",
        caught_by=("nothing there",),
        told="raised",
    ),
    Broken(
        "never finds the best",
        "return Checkpoint(files[0], files=files) if all(path.is_file() for path in files) else None",
        "return None",
        caught_by=("checkpoints",),
        told="best_checkpoint finds nothing",
    ),
    Broken(
        "drops empty predictions",
        '[line.strip() for line in output.removesuffix("\\n").split("\\n")] if output else []',
        "output.split()",
        caught_by=("predictions",),
        told="an empty line is an empty prediction",
    ),
    Broken(
        "can't read what is not there",
        '.split("\\n")] if output else []',
        '.split("\\n")]',
        caught_by=("predictions",),
        told="in an empty output",
    ),
    Broken(
        "always has a hint",
        'return "a smaller train.batch_size needs less memory" if "out of memory" in log else None',
        'return "use a smaller train.batch_size"',
        caught_by=("hints",),
        told="in which nothing went wrong",
    ),
    Broken(
        "expects an error",
        'return "a smaller train.batch_size needs less memory" if "out of memory" in log else None',
        "return log.strip().splitlines()[-1]",
        caught_by=("hints",),
        told="raised IndexError",
    ),
    # How it is set up
    Broken(
        "leaves packages open",
        "requirements.txt",
        "open.txt",
        caught_by=("setup",),
        told="numpy>=1.26 is not pinned",
    ),
    Broken(
        "has lost its requirements",
        "requirements.txt",
        "gone.txt",
        caught_by=("setup",),
        told="there is no file",
    ),
    Broken(
        "names no Python",
        'Setup(("3.11",)',
        'Setup(("python3",)',
        caught_by=("setup",),
        told="name versions of Python",
    ),
    Broken(
        "has no version",
        'Description("mine 1")',
        'Description("")',
        caught_by=("setup",),
        told="give a Description with a version",
    ),
)
