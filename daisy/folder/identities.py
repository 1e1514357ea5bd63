"""Which models have which identity: an index over the folders, cached. A model's identity never changes."""

from collections.abc import Mapping
from pathlib import Path

from daisy.errors import FolderError
from daisy.files import read_json, write_json
from daisy.folder.model import ModelFolder
from daisy.folder.models import folders

INDEX = ".identities.json"


def by_identity(models_dir: Path) -> dict[str, list[ModelFolder]]:
    """The models of each identity, oldest first. Damaged folders are passed over: the registry names them."""
    known, found = _kept(models_dir), {}
    identities: dict[str, list[ModelFolder]] = {}
    for folder in folders(models_dir):
        identity = known.get(folder.model_id) or _read(folder)
        if identity is not None:
            found[folder.model_id] = identity
            identities.setdefault(identity, []).append(folder)
    if found != known:
        _keep(models_dir, found)
    return identities


def _read(folder: ModelFolder) -> str | None:
    try:
        identity = folder.read_config().get("identity")
    except FolderError:
        return None
    return identity if isinstance(identity, str) else None


def _kept(models_dir: Path) -> Mapping[str, str]:
    try:
        content = read_json(models_dir / INDEX)
        return {str(model): str(identity) for model, identity in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # a cache: whatever is wrong with it, it is made again


def _keep(models_dir: Path, found: Mapping[str, str]) -> None:
    try:
        write_json(models_dir / INDEX, found)
    except OSError:
        return  # where nothing can be written it works too, only slower
