"""Named sweeps as a group of Hydra's: `+sweep=NAME` takes sweeps/NAME.yaml, whose content belongs to the whole configuration."""

from pathlib import Path

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

GROUP = "sweep"  # of Hydra's
SCHEME = "sweeps"


class SweepSource(ConfigSource):
    """A folder of named sweeps, which Hydra sees as the group `sweep`."""

    @staticmethod
    def scheme() -> str:
        """What the folder is called in Hydra's search path: `sweeps:///path`."""
        return SCHEME

    def load_config(self, config_path: str) -> ConfigResult:
        """The content of one file, for the configuration as a whole: its keys, and its choices of groups."""
        path = self._file(config_path)
        if path is None or not path.is_file():
            raise ConfigLoadError(f"there is no {config_path} in {self.path}")
        config = OmegaConf.load(path)
        return ConfigResult(config=config, path=self.full_path(), provider=self.provider, header={"package": "_global_"})

    def available(self) -> bool:
        """Whether the folder is there."""
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        """Whether it is the group itself, or a folder within it."""
        within = self._within(config_path)
        return config_path == "" or (within is not None and (Path(self.path) / within).is_dir())

    def is_config(self, config_path: str) -> bool:
        """Whether a file is there."""
        path = self._file(config_path)
        return path is not None and path.is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The names of what is in a folder, without endings."""
        if config_path == "":
            return [GROUP] if results_filter != ObjectType.CONFIG else []
        within = self._within(config_path)
        folder = Path(self.path) / (within or "")
        found: list[str] = []
        for entry in folder.iterdir() if within is not None and folder.is_dir() else ():
            self._list_add_result(found, f"{config_path}/{entry.name}", entry.name, results_filter)
        return sorted(set(found))

    def _within(self, config_path: str) -> str | None:
        """The path within the folder; None for what is not of this group."""
        group, _, rest = config_path.partition("/")
        return rest if group == GROUP else None

    def _file(self, config_path: str) -> Path | None:
        within = self._within(config_path)
        return Path(self.path) / self._normalize_file_name(within) if within else None
