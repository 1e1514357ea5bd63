"""What a published file must be: its SHA-256, or the name that git has for its content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from daisy.files import sha256_of

SHA256 = "SHA-256"
GIT_BLOB = "git blob"  # as `git ls-tree COMMIT` lists it: known of a published commit without its files


@dataclass(frozen=True)
class Checksum:
    """A kind of checksum, by the name that messages have for it, and the value in hexadecimal."""

    kind: str
    value: str

    def of(self, file: Path) -> str:
        """The checksum of this kind that a file really has."""
        return sha256_of(file) if self.kind == SHA256 else git_blob_of(file)


def git_blob_of(file: Path) -> str:
    """The SHA-1 by which git names a file's content, as `git hash-object` prints it."""
    digest = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
