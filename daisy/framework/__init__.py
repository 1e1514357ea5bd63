"""The adapter contract, the lookup of adapters, interpreters, running a command."""

from daisy.framework.contract import Adapter, Checkpoint, Command, Form, Paths, Progress, version_of_files
from daisy.framework.options import Options

__all__ = ["Adapter", "Checkpoint", "Command", "Form", "Options", "Paths", "Progress", "version_of_files"]
