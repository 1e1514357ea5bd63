"""Daisy's launchers, where Hydra looks for plugins: `hydra/launcher=daisy_local` and `hydra/launcher=daisy_slurm`.

Hydra imports this module in each of its programs, so that it is small and imports little. What it does is in
daisy/launch/hydra_launcher.py.
"""

from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from daisy.configuration import launchers


class DaisyLocal(Launcher):
    """Trains the models that a sweeper asks for in this host's slots."""

    where = launchers.LOCAL

    def __init__(self, **options: Any) -> None:
        self._options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra."""
        from daisy.launch import hydra_launcher

        self._launcher = hydra_launcher.HydraLauncher(self.where, self._options, hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Called by the sweeper: blocks until all have ended."""
        return self._launcher.launch(job_overrides, initial_job_idx)


class DaisySlurm(DaisyLocal):
    """Trains the models that a sweeper asks for on Slurm."""

    where = launchers.SLURM


for launcher, options in ((DaisyLocal, launchers.local_node()), (DaisySlurm, launchers.slurm_node())):
    node = {"_target_": f"{__name__}.{launcher.__name__}", **options}
    ConfigStore.instance().store(group="hydra/launcher", name=launcher.where, node=node, provider="daisy")
