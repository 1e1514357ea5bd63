"""A sweeper that is not Daisy's, as a plugin of its own for Hydra, and a framework whose accuracy follows from an option."""

import json
from pathlib import Path
from typing import Any

from sleeper import Launched

EXAMPLES = 18  # dev examples of the dataset `tiny`
YAML = """
name: graded
adapter: command
version: "1"
options:
  right: 3
  seconds: 0.1
train: python {here}/graded.py train {model_out} {options.right} {options.seconds} {seed}
predict: python {here}/graded.py predict {model_out} {source} {output}
progress:
  epoch: 'epoch (\\d+)'
epoch_done: 'epoch \\d+ done'
checkpoint:
  best: "*.txt"
  last: "*.txt"
"""
PROGRAM = """
import os, sys, time
from pathlib import Path
out = Path(sys.argv[2])
if sys.argv[1] == "predict":
    right, lines = int((out / "model.txt").read_text()), Path(sys.argv[3]).read_text().splitlines()
    lemmas = [line.removesuffix(" n").removesuffix(" s s a") if number < right else "x" for number, line in enumerate(lines)]
    Path(sys.argv[4]).write_text("".join(f"{lemma}\\n" for lemma in lemmas))
    sys.exit()
right, seconds, seed = sys.argv[3], float(sys.argv[4]), sys.argv[5]
log = Path(os.environ["SLEEPER_LOG"])
with log.open("a") as file:
    file.write(f"begin {seed} {time.monotonic()}\\n")
if int(right) < 0:
    sys.exit("ERROR: this is no good")
(out / "model.txt").write_text(right)
end = time.monotonic() + seconds
while time.monotonic() < end and not Path(os.environ["SLEEPER_GATE"]).exists():
    time.sleep(0.02)
print("epoch 1 done", flush=True)
with log.open("a") as file:
    file.write(f"end {seed} {time.monotonic()}\\n")
"""
PLUGIN = '''
"""Asks for two batches: the second one follows from the best of the first."""
import json
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper


class TwoBatches(Sweeper):
    def __init__(self, key, first, report, note):
        self.key, self.first, self.report, self.note = key, list(first), Path(report), note

    def setup(self, *, hydra_context, task_function, config):
        self.loader = hydra_context.config_loader
        self.folder = Path(config.hydra.sweep.dir)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        first = self.launch(arguments, self.first, 0)
        best = max(value for value in first if isinstance(value, float))
        self.launch(arguments, [self.first[first.index(best)] + 10, self.first[first.index(best)] + 11], len(self.first))
        if self.note is not None:
            (self.folder / self.note).write_text(str(best))

    def launch(self, arguments, values, number):
        returns = self.launcher.launch([[*arguments, f"{self.key}={value}"] for value in values], initial_job_idx=number)
        assert GlobalHydra.instance().config_loader() is self.loader, "Hydra's own run is another one after a batch"
        with self.report.open("a") as file:
            for told in returns:
                file.write(json.dumps(self.entry(told)) + "\\n")
        return [told.return_value if told.status == JobStatus.COMPLETED else None for told in returns]

    def entry(self, told):
        entry = {"status": told.status.name, "overrides": told.overrides, "task": told.task_name, "in": told.working_dir}
        try:
            entry["value"] = told.return_value
        except Exception as error:
            entry["error"] = str(error)
        if told.cfg is not None:
            entry.update(right=told.cfg.framework.options.right, sections=sorted(told.cfg))
            entry.update(number=told.hydra_cfg.hydra.job.num, out=told.hydra_cfg.hydra.runtime.output_dir)
        return entry


class Notes(Callback):
    def __init__(self, file):
        self.file = Path(file)

    def on_job_start(self, config, *, task_function, **_):
        self.note(f"start {config.hydra.job.num} {config.framework.options.right}")

    def on_job_end(self, config, job_return, **_):
        self.note(f"end {config.hydra.job.id} {job_return.status.name}")

    def note(self, line):
        with self.file.open("a") as file:
            file.write(line + "\\n")


node = {"_target_": f"{__name__}.TwoBatches", "key": "framework.options.right", "first": [2, 6, 4], "report": "???", "note": None}
ConfigStore.instance().store(group="hydra/sweeper", name="two_batches", node=node)
'''


class Foreign:
    """A project with the graded framework, and the sweeper beside it."""

    def __init__(self, launched: Launched, folder: Path) -> None:
        self.launched, self.plugins, self.report = launched, folder / "plugins", folder / "report.jsonl"
        root = launched.project.root
        (root / "conf" / "framework" / "graded.yaml").write_text(YAML)
        (root / "frameworks" / "graded").mkdir(parents=True)
        (root / "frameworks" / "graded" / "graded.py").write_text(PROGRAM)
        plugin = self.plugins / "hydra_plugins" / "two_batches"
        plugin.mkdir(parents=True)
        (plugin / "__init__.py").write_text(PLUGIN)

    @property
    def environment(self) -> dict[str, str]:
        """Where Python finds the sweeper."""
        return {**self.launched.environment, "PYTHONPATH": str(self.plugins)}

    def words(self, sweeper: str, *more: str) -> tuple[str, ...]:
        """`-m hydra/sweeper=NAME framework=graded dataset=tiny ...`."""
        report = (f"hydra.sweeper.report={self.report}",) if sweeper == "two_batches" else ()
        return ("-m", f"hydra/sweeper={sweeper}", *report, "framework=graded", "dataset=tiny", *more)

    def run(self, sweeper: str, *more: str) -> Any:
        """Let a sweeper run to its end."""
        return self.launched.project.daisy(*self.words(sweeper, *more), environment=self.environment, timeout=200)

    def start(self, sweeper: str, *more: str) -> Any:
        """Begin one and leave it running."""
        process = self.launched.project.start(*self.words(sweeper, *more), environment=self.environment)
        self.launched.started.append(process)
        return process

    def told(self) -> list[dict[str, Any]]:
        """What the sweeper was told of each job, in order; the report is empty then."""
        lines = self.report.read_text().splitlines()
        self.report.unlink()
        return [json.loads(line) for line in lines]

    def nothing_of_hydras(self) -> bool:
        """Whether Hydra has left no folder of its own."""
        names = {path.name for path in self.launched.project.root.rglob("*")}
        return not names & {"outputs", "multirun", ".hydra", ".sweepers", "multirun.yaml"}
