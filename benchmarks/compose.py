"""What it costs to compose, check and write many models, beside Hydra's own compose. `make bench-compose` prints the table."""

import os
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from daisy.cli.init import make_project
from daisy.configuration import find_project
from daisy.configuration.compose import composer
from daisy.launch.planning import Planner
from daisy.launch.submit import submit

SWEPT = ("arch.kernel=2,3,4,5,6", "arch.dropout=0.1,0.2,0.3,0.4")  # times the seeds
COUNTS = (400, 10_000)
BY_HYDRA = 20  # configurations that Hydra composes, for the comparison


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        make_project(project)
        (project / "conf" / "dataset" / "tiny.yaml").write_text("defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\n")
        (project / "pairs.tsv").write_text("talon\ttalo\nkalan\tkala\n")
        os.chdir(project)
        print("| models | compose | check | write | in all, CPU seconds | Hydra's compose alone |\n|---|---|---|---|---|---|")
        for count in COUNTS:
            print(measured(project, count), flush=True)


def measured(folder: Path, count: int) -> str:
    """A row of the table: seconds of processor time."""
    project, times = find_project(folder, {}), [time.process_time()]
    with composer(project, folder) as composing:
        sets = composing.parser.expanded(
            ["dataset=tiny", f"env.models_dir=models-{count}", f"seed=range(0,{count // 20})", *SWEPT]
        )
        configurations = [composing.compose(overrides) for overrides in sets]
        times.append(time.process_time())
        hydra = by_hydra(sets[:BY_HYDRA]) * count
        times[:] = [moment + time.process_time() - times[-1] for moment in times]  # Hydra's own time does not count
    planner = Planner(project, lambda text: None)
    plans = [planner.plan(configuration) for configuration in configurations]
    times.append(time.process_time())
    submission = submit(project, plans, str(count), ["bench"])
    times.append(time.process_time())
    assert submission.sweep is not None and submission.sweep.waiting() == count
    parts = [f"{end - begin:.2f}" for begin, end in pairwise(times)]
    return f"| {count} | {' | '.join(parts)} | {times[-1] - times[0]:.2f} | {hydra:.0f} |"


def by_hydra(sets: Sequence[Sequence[str]]) -> float:
    """Seconds of processor time that Hydra takes for one configuration."""
    from hydra import compose

    began = time.process_time()
    for overrides in sets:
        compose("config", overrides=list(overrides))
    return (time.process_time() - began) / len(sets)


if __name__ == "__main__":
    main()
