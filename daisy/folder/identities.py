"""Which models have which identity: from an index over the folders. A model's identity never changes."""

from pathlib import Path

from daisy.errors import FolderError
from daisy.folder import index
from daisy.folder.model import ModelFolder
from daisy.folder.models import folders

INDEX, COLUMNS = "identities", ("identity",)


def by_identity(models_dir: Path) -> dict[str, list[ModelFolder]]:
    """The models of each identity, oldest first. Damaged folders are passed over: the registry names them."""
    known, found = index.kept(models_dir, INDEX, COLUMNS), {}
    identities: dict[str, list[ModelFolder]] = {}
    for folder in folders(models_dir):
        identity = known.get(folder.model_id) or _read(folder)
        if identity is not None:
            found[folder.model_id] = identity
            identities.setdefault(identity, []).append(folder)
    index.keep(models_dir, INDEX, COLUMNS, found, news=len(found.keys() ^ known.keys()))
    return identities


def _read(folder: ModelFolder) -> str | None:
    try:
        identity = folder.read_config().get("identity")
    except FolderError:
        return None
    return identity if isinstance(identity, str) else None
