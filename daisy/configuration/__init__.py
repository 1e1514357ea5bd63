"""Compose and check: one frozen, typed, resolved configuration; its identity and its config id.

`compose` and `overrides` import Hydra: they are imported where a configuration is made, not here.
"""

from daisy.configuration.identity import config_id, identity
from daisy.configuration.model import Configuration, Environment, from_json, leaves, to_json
from daisy.configuration.project import MARK, Project, find_project

__all__ = [
    "MARK",
    "Configuration",
    "Environment",
    "Project",
    "config_id",
    "find_project",
    "from_json",
    "identity",
    "leaves",
    "to_json",
]
