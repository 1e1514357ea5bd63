"""Runs Marian's command line (pymarian) with exact match on the dev set as its validation script.

    run.py train|decode [--dev-target FILE] [--restore FOLDER] -- ARGUMENTS

Marian overwrites its checkpoint in place: a kill inside of that leaves a torn one. Each validation, which comes after the
save, keeps a copy of the whole one in `previous/` (see exact_match.py); --restore takes it back.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    words = sys.argv[1:]
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["train", "decode"])
    flags.add_argument("--dev-target")
    flags.add_argument("--restore", type=Path)
    known, arguments = flags.parse_args(words[:cut]), words[cut + 1 :]
    if known.program == "train":
        model = Path(arguments[arguments.index("--model") + 1])
        if known.restore is not None:
            for file in known.restore.iterdir():
                shutil.copyfile(file, model.parent / file.name)
        script = [str(HERE / "exact_match.py"), str(known.dev_target), str(model)]
        arguments += ["--valid-script-path", sys.executable, "--valid-script-args", *script]
    code = run([sys.executable, "-m", "pymarian", known.program, *arguments])
    if known.program == "train" and code == 0:
        print(f"[daisy] finished: {why(arguments, model)}", flush=True)
    sys.exit(code)


def run(command: list[str]) -> int:
    """Run Marian to its end: it leaves its Python without coming back, so it has a process of its own.

    Signals reach the whole group of processes; this one waits for Marian to save and end.
    """
    with subprocess.Popen(command) as process:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, frame: None)
        code = process.wait()
    return code if code >= 0 else 128 - code


def why(arguments: list[str], model: Path) -> str:
    """Why Marian ended, which it does not say: its epochs were over, or no validation was better for long enough."""
    wanted = int(arguments[arguments.index("--after-epochs") + 1])
    progress = Path(f"{model}.progress.yml").read_text(encoding="utf-8")
    found = re.search(r"^epochs: (\d+)", progress, re.MULTILINE)
    return "epochs" if found and int(found[1]) > wanted else "patience"


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
