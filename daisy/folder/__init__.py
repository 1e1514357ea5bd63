"""What is on disk of a model: every path, every read and write. Nothing else touches these files."""

from daisy.folder.attempt import Attempt, boot_id, process_start, this_machine
from daisy.folder.lines import tail_json
from daisy.folder.model import MODEL_ID, STATES, ModelFolder
from daisy.folder.models import create, folders, natural, observed_state, with_identity

__all__ = [
    "MODEL_ID",
    "STATES",
    "Attempt",
    "ModelFolder",
    "boot_id",
    "create",
    "folders",
    "natural",
    "observed_state",
    "process_start",
    "tail_json",
    "this_machine",
    "with_identity",
]
