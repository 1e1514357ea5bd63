"""What `daisy setup` left of a framework on this machine."""

from dataclasses import asdict, dataclass
from pathlib import Path

from daisy.configuration import Environment
from daisy.files import read_json, write_json


@dataclass(frozen=True)
class Installed:
    """The framework's own Python, where one was made; of a checkout what `framework.source` said, and where it is."""

    python: str | None
    source_asked: str | None = None
    source: str | None = None

    @staticmethod
    def folder(env: Environment, framework: str) -> Path:
        """All that is set up for a framework."""
        return env.environments_dir / framework

    @classmethod
    def read(cls, env: Environment, framework: str) -> "Installed | None":
        """As it was set up; None where it was not, or where nobody can read what is left of it."""
        try:
            content = read_json(_file(env, framework))
            return cls(content["python"], content["source_asked"], content["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, env: Environment, framework: str) -> None:
        """The last step of a setup: now it is there."""
        write_json(_file(env, framework), asdict(self))


def _file(env: Environment, framework: str) -> Path:
    return Installed.folder(env, framework) / "setup.json"
