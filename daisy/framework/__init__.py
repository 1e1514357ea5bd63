"""The adapter contract, the lookup of adapters, interpreters, running a command."""

from daisy.framework.contract import (
    Adapter,
    Checkpoint,
    Command,
    Form,
    Paths,
    Progress,
    Setup,
    files_in,
    version_of_files,
    whole_archive,
)
from daisy.framework.description import Description
from daisy.framework.options import Options

__all__ = [
    "Adapter",
    "Checkpoint",
    "Command",
    "Description",
    "Form",
    "Options",
    "Paths",
    "Progress",
    "Setup",
    "files_in",
    "version_of_files",
    "whole_archive",
]
