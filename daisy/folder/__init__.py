"""What is on disk of a model: every path, every read and write. Nothing else touches these files."""

from daisy.folder import index
from daisy.folder.attempt import Attempt, Scheduler, boot_id, own_job, process_start, this_machine
from daisy.folder.identities import by_identity
from daisy.folder.lines import tail_json
from daisy.folder.model import MODEL_ID, PROJECT_PATCH, SOURCE_PATCH, STATES, ModelFolder
from daisy.folder.models import EVIDENCE, FINAL, create, folders, names, natural, observed_state
from daisy.folder.places import Begun, Place, Waiting
from daisy.folder.sweep import SETTLED, SweepFolder
from daisy.folder.sweeps import CODE, NewSearch, create_sweep, find_sweep, is_sweep_id, patch_name, sweeps
from daisy.folder.trials import LeftOut, Numbering, Repeated, TrialFile, TrialModel, Trials, Warm

__all__ = [
    "CODE",
    "EVIDENCE",
    "FINAL",
    "MODEL_ID",
    "PROJECT_PATCH",
    "SETTLED",
    "SOURCE_PATCH",
    "STATES",
    "Attempt",
    "Begun",
    "LeftOut",
    "ModelFolder",
    "NewSearch",
    "Numbering",
    "Place",
    "Repeated",
    "Scheduler",
    "SweepFolder",
    "TrialFile",
    "TrialModel",
    "Trials",
    "Waiting",
    "Warm",
    "boot_id",
    "by_identity",
    "create",
    "create_sweep",
    "find_sweep",
    "folders",
    "index",
    "is_sweep_id",
    "names",
    "natural",
    "observed_state",
    "own_job",
    "patch_name",
    "process_start",
    "sweeps",
    "tail_json",
    "this_machine",
]
