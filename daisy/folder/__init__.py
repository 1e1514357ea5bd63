"""What is on disk of a model: every path, every read and write. Nothing else touches these files."""

from daisy.folder.attempt import Attempt, boot_id, process_start, this_machine
from daisy.folder.lines import tail_json
from daisy.folder.model import MODEL_ID, STATES, ModelFolder
from daisy.folder.models import create, folders, natural, observed_state, with_identity
from daisy.folder.sweep import CODE, Begun, Place, SweepFolder, create_sweep, find_sweep, sweeps

__all__ = [
    "CODE",
    "MODEL_ID",
    "STATES",
    "Attempt",
    "Begun",
    "ModelFolder",
    "Place",
    "SweepFolder",
    "boot_id",
    "create",
    "create_sweep",
    "find_sweep",
    "folders",
    "natural",
    "observed_state",
    "process_start",
    "sweeps",
    "tail_json",
    "this_machine",
    "with_identity",
]
