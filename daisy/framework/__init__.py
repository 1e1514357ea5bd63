"""The adapter contract, the lookup of adapters, interpreters, running a command."""

from daisy.framework.checkpoint import Checkpoint, files_in, whole_archive, whole_tensorflow
from daisy.framework.command_line import flags
from daisy.framework.contract import Adapter, Command, Form, Paths, Progress, Setup, version_of_files
from daisy.framework.description import Description
from daisy.framework.log import COUNT, common_hint
from daisy.framework.options import Options

__all__ = [
    "COUNT",
    "Adapter",
    "Checkpoint",
    "Command",
    "Description",
    "Form",
    "Options",
    "Paths",
    "Progress",
    "Setup",
    "common_hint",
    "files_in",
    "flags",
    "version_of_files",
    "whole_archive",
    "whole_tensorflow",
]
