"""Prints Marian's version and the options of its training, as JSON."""

import json
import re
import subprocess
import sys
from importlib.metadata import version


def main() -> None:
    import _pymarian  # noqa: F401 - here to fail with its own words where it can't be imported

    command = [sys.executable, "-m", "pymarian", "train", "--help"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    names = re.findall(r"^ +(?:-\w,)?--([a-z][a-z0-9-]*)", done.stdout + done.stderr, re.MULTILINE)
    if not names:
        sys.exit(f"pymarian train --help lists no options: {(done.stderr or done.stdout)[-200:]}")
    print(json.dumps({"version": version("pymarian"), "options": sorted(set(names))}))


if __name__ == "__main__":
    main()
