"""What a sweeper of Hydra's, one that is not ours, calls to have models trained: sets of overrides in, one JobReturn each out.

The launchers that Hydra knows (daisy/plugins/) only hand on to this.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobRuntime, JobStatus, filter_overrides, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from daisy.configuration import Project
from daisy.configuration.compose import Composer, composer
from daisy.configuration.launchers import LOCAL, SLURM, check_place, overrides_of
from daisy.dataset import DownloadBar
from daisy.errors import ConfigurationError, DaisyError, LaunchError
from daisy.launch.batch import Outcome, Screen, train
from daisy.launch.planning import Plan, Planner


@dataclass(frozen=True)
class Models:
    """The task function that Daisy gives to Hydra: training models of this project. Only Daisy's launchers know how."""

    project: Project
    sweeper: str
    command: Sequence[str]
    screen: Screen

    def __call__(self, config: DictConfig) -> float:
        """Called by a launcher of somebody else's."""
        raise LaunchError(f"Daisy's models are launched by hydra/launcher={LOCAL} or hydra/launcher={SLURM}: choose one of them")


@dataclass
class Job:
    """One set of overrides that can be trained: its plan, its configuration as Hydra has it, what Hydra will be told."""

    told: JobReturn
    plan: Plan
    config: DictConfig


class HydraLauncher:
    """Daisy behind Hydra's launchers. Raises ConfigurationError where a program asks for it that is not Daisy."""

    def __init__(
        self, where: str, options: Mapping[str, Any], context: HydraContext, task_function: object, config: DictConfig
    ) -> None:
        if not isinstance(task_function, Models):
            raise ConfigurationError(
                f"hydra/launcher={where} trains Daisy's models, it runs no other program's jobs: use it with `daisy -m "
                f"hydra/sweeper=NAME hydra/launcher={where} ...`"
            )
        self._where, self._context, self._models, self._config = where, context, task_function, config
        env = OmegaConf.to_container(config.env, resolve=True)
        assert isinstance(env, dict)
        own = {name: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for name, value in options.items()}
        self._more = overrides_of(where, own, {str(key): value for key, value in env.items()})

    def launch(self, sets: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Train a model for each set of overrides, and wait for all.

        A set that Daisy refuses and a model without an accuracy are FAILED, with the error; the sweeper decides what it makes
        of that. Raises LaunchError where nothing can be launched, and Stopped for a signal.
        """
        setup_globals()
        Path(self._config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)  # sweepers write into it at their end
        all_jobs = self._planned(sets, first)
        jobs = [job for job in all_jobs if isinstance(job, Job)]
        for job in jobs:
            self._context.callbacks.on_job_start(config=job.config, task_function=self._models)
        for job, outcome in zip(jobs, self._trained([job.plan for job in jobs]), strict=True):
            _fill(job, outcome)
            self._context.callbacks.on_job_end(config=job.config, job_return=job.told)
        return [job.told if isinstance(job, Job) else job for job in all_jobs]

    def _trained(self, plans: Sequence[Plan]) -> Sequence[Outcome]:
        models = self._models
        return train(models.project, plans, models.sweeper, models.command, models.screen) if plans else []

    def _planned(self, sets: Sequence[Sequence[str]], first: int) -> list[Job | JobReturn]:
        models = self._models
        with composer(models.project, Path.cwd()) as composing, DownloadBar() as bar:
            planner = Planner(models.project, models.screen.stage, bar)
            return [self._job(list(overrides), number, composing, planner) for number, overrides in enumerate(sets, first)]

    def _job(self, overrides: list[str], number: int, composing: Composer, planner: Planner) -> Job | JobReturn:
        task_name = JobRuntime.instance().get("name")
        told = JobReturn(overrides=overrides, working_dir=str(Path.cwd()), task_name=task_name)
        try:
            configuration = composing.compose([*filter_overrides(overrides), *self._more])
            check_place(self._where, configuration.env.name, configuration.env.slurm)
            plan = planner.plan(configuration)
        except ConfigurationError as error:
            _fail(told, error)
            return told
        config = self._context.config_loader.load_sweep_config(self._config, list(configuration.overrides))
        with read_write(config), open_dict(config):
            config.hydra.job.num, config.hydra.job.id = number, str(number)
            config.hydra.runtime.output_dir = str(configuration.env.models_dir)
        return Job(told, plan, config)


def _fill(job: Job, outcome: Outcome) -> None:
    """What Hydra's own launchers say of a job. Its output_dir and id are the model's."""
    config, told = job.config, job.told
    if outcome.folder is not None:
        with read_write(config), open_dict(config):
            config.hydra.runtime.output_dir = str(outcome.folder.path)
            config.hydra.job.id = outcome.folder.model_id
    told.hydra_cfg = copy.deepcopy(config)
    told.cfg = copy.deepcopy(config)
    with read_write(told.cfg), open_dict(told.cfg):
        del told.cfg["hydra"]
    if outcome.error is not None:
        _fail(told, outcome.error)
    else:
        told.return_value, told.status = outcome.accuracy, JobStatus.COMPLETED


def _fail(told: JobReturn, error: DaisyError) -> None:
    told.return_value, told.status = error, JobStatus.FAILED
