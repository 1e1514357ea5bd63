"""What is said of a model whose files hold what they must not."""

from collections.abc import Iterator
from contextlib import contextmanager

from daisy.errors import FolderError
from daisy.folder import ModelFolder


@contextmanager
def told_of_damage(*folders: ModelFolder) -> Iterator[None]:
    """Turn what goes wrong while a model's files are read into one line that names its folder. Raises FolderError."""
    from daisy.registry import DAMAGE

    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.filename is None:
            raise  # not the folder's: nobody reads what is printed
        named = " or ".join(str(folder.path) for folder in folders)
        raise FolderError(f"{named} is damaged ({error!r}): move it away") from None
