"""What the shell offers for a MODEL."""

import os
from itertools import islice
from pathlib import Path

from daisy.errors import DaisyError

MOST = 50  # names: the newest ones


def complete_model(incomplete: str) -> list[str]:
    """The ids of models that begin with what was typed, the newest first: shells offer no others."""
    from daisy.configuration import find_project
    from daisy.configuration.environment import environment
    from daisy.folder import ModelFolder, names

    try:
        models_dir = environment(find_project(Path.cwd(), os.environ)).models_dir
        found = (ModelFolder(models_dir / name) for name in reversed(names(models_dir)) if name.startswith(incomplete))
    except DaisyError:
        return []  # no project here: nothing to offer, and no place for a message
    return [folder.model_id for folder in islice(filter(ModelFolder.is_model, found), MOST)]
