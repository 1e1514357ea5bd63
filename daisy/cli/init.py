"""`daisy init`: a project of one's own."""

import shlex
from pathlib import Path

from daisy.configuration import MARK
from daisy.errors import ConfigurationError
from daisy.files import write_text

MARK_TEXT = """\
# This file marks the root of a Daisy project: the folder whose conf/, sweeps/ and frameworks/ come before those that Daisy
# ships. It may stay empty. Settings are in conf/ (env/ says where models and data go).
"""
ENV_TEXT = """\
# Where we run. Relative paths start at the project's root.
models_dir: models     # a folder a model
data_dir: data         # downloads and prepared datasets
mirror: null           # a folder or URL that is asked first for downloads
device: auto           # auto: a GPU where there is one; cpu; gpu
max_running: null      # models that run at once on this machine, over all your shells; null: one a GPU, without GPUs one a core
stop_after_same_failures: 3   # the first so many models of a sweep fail alike within a minute: launch no more; 0: go on
environments_dir: environments   # where `daisy setup` makes the frameworks' own Pythons
# FRAMEWORK: the Python that runs it, instead of the one that `daisy setup` made (or Daisy's own, where it needs none):
# a path, a command on PATH, this (Daisy's own), conda:NAME, docker:IMAGE, apptainer:IMAGE
python: {}
"""
IGNORE_TEXT = """\
/models/
/data/
/environments/
/.daisy/
"""


def make_project(folder: Path) -> None:
    """Make a project in a folder. What is there already is left as it is. Raises ConfigurationError where it can't be made."""
    if (folder / MARK).exists():
        raise ConfigurationError(f"{folder} is a Daisy project already: run daisy in it")
    try:
        for name in ("framework", "dataset", "architecture", "train", "env"):
            (folder / "conf" / name).mkdir(parents=True, exist_ok=True)
        for name in ("sweeps", "frameworks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        texts = {"conf/env/local.yaml": ENV_TEXT, ".gitignore": IGNORE_TEXT, MARK: MARK_TEXT}
        for name, text in texts.items():
            if not (folder / name).exists():
                write_text(folder / name, text)  # the mark last: with it the project is whole
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be made a project ({error.strerror}): choose another folder") from None
    print(f"{folder} is a Daisy project now.")
    print(f"  cd {shlex.quote(str(folder))}")
    print("  daisy framework=suffix      trains the baseline in some seconds")
    print("  conf/                       your own options; a file here comes before Daisy's of the same name")
