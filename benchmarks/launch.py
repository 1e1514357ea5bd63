"""Launching on a real Slurm: at most ten at once and no slot empty, when the prompt comes back, what a job costs.

    make bench-launch
    python benchmarks/launch.py cap --models 40 --least 10 --most 30     # or prompt, or overhead; --least 1 --most 3 is quick

It brings a Slurm of its own up on this machine, which needs root and the packages of tests/slurm/cluster.py. Nodes, controller
and models share the machine's cores: on a cluster the jobs' own work is spread. No bar is checked here.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from launching import cap, overhead, prompt
from launching.project import PACKAGES, BenchProject, Cluster, ClusterError, load, missing_programs

PARTS = ("cap", "prompt", "overhead")
PORT = 23_000


def main() -> None:
    """The command line."""
    flags = argparse.ArgumentParser()
    flags.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    flags.add_argument("--models", type=int, default=40)
    flags.add_argument("--least", type=float, default=10.0, help="seconds that a model sleeps")
    flags.add_argument("--most", type=float, default=30.0)
    flags.add_argument("--sweep", type=int, default=400, help="models until the prompt comes back")
    flags.add_argument("--port", type=int, default=PORT, help="of Slurm's controller; the next twenty are used too")
    asked = flags.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        flags.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    if (reason := why_not()) is not None:
        sys.exit(f"nothing was measured: {reason}")
    # A socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="daisy-bench-"))
    cluster = Cluster(folder / "slurm", cpus=32, port=asked.port)
    try:
        cluster.up()
        for part in asked.parts or PARTS:
            project = BenchProject(folder / part, cluster)
            project.make()
            if part == "cap":
                cap.measure(project, asked.models, asked.least, asked.most)
            elif part == "prompt":
                prompt.measure(project, asked.sweep)
            else:
                overhead.measure(project)
        print(f"\n{load()} at the end")
    except ClusterError as error:
        sys.exit(f"{error}")
    finally:
        cluster.down()
        shutil.rmtree(folder, ignore_errors=True)


def why_not() -> str | None:
    """Why nothing can be measured here; None where it can."""
    if missing := missing_programs():
        return f"{', '.join(missing)} not installed: apt-get install {' '.join(PACKAGES)}"
    return "a Slurm of its own is brought up by root only: run it as root" if os.getuid() != 0 else None


if __name__ == "__main__":
    main()
