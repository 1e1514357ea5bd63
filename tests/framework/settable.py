"""A framework that `daisy setup` makes a Python for, without a network: it needs no package."""

import sys
from pathlib import Path
from typing import Any

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
ADAPTER = """
from daisy.framework import Adapter, Checkpoint, Command, Description, Setup

class Mine(Adapter):
    encoders = ("conv",)
    checkout_has = ("code.py",)

    def train(self, options, paths, resume):
        options.framework_options({{"width": "arch.kernel"}})
        return Command.of("python", paths.companion / "train.py", paths.model_out, options["arch.kernel"])

    def predict(self, options, paths, checkpoint, source, output):
        return Command.of("python", paths.companion / "predict.py", source, output)

    def read_line(self, line):
        return None

    def best_checkpoint(self, paths):
        path = paths.model_out / "model"
        return Checkpoint(path) if path.exists() else None

    def setup(self, companion):
        return Setup(python=({version!r},), requirements=companion / "requirements.txt", download=12, disk=34)

    def describe(self, paths):
        return Command.of("python", paths.companion / "describe.py", *([paths.source] if paths.source else []))
"""
FILES = {
    "train.py": "import sys, pathlib\npathlib.Path(sys.argv[1], 'model').write_text(sys.prefix)\n",
    "predict.py": "import sys, shutil\nshutil.copy(sys.argv[1], sys.argv[2])\n",
    "describe.py": (
        "import json, pathlib, sys\n"
        "count = pathlib.Path(__file__).with_name('asked')\n"
        "count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        "print('a warning')\nprint(json.dumps({'version': '1.5', 'options': ['beam', 'width']}))\n"
    ),
    "requirements.txt": "# nothing is needed\n",
}


def add(project: Any, version: str = THIS, **files: str) -> None:
    project.add_framework("mine", ADAPTER.format(version=version), {**FILES, **files})


def own(project: Any) -> Path:
    return Path(project.root / "environments" / "mine")
