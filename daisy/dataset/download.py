"""Fetching a file from the first place that has it: whole and right, or not at all."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex

from daisy.dataset.checksum import Checksum
from daisy.dataset.once import locked, refusals_of_the_disk, silent
from daisy.dataset.progress import Progress
from daisy.dataset.web import BOUNDED, Patience, Unavailable, is_web, receive
from daisy.errors import DatasetError


class NotToBeHad(DatasetError):
    """A file that is at none of its addresses."""


def fetch(
    target: Path,
    addresses: Sequence[str],
    *,
    checksum: Checksum | None = None,
    report: Callable[[str], None] = silent,
    progress: Progress | None = None,
    patience: Patience = BOUNDED,
) -> Path:
    """`target`, fetched unless it is there: from the first address (http, https, file: or a path) that has it right.

    Where the checksum is known a file that has another one is thrown away, also one that lies at `target` already, and
    the next address is tried. A download that broke leaves `.NAME.part`, and the next one goes on from it. One process
    at a time downloads. Raises DatasetError, in one line; with all that was tried where it is not to be had.
    """
    if _is_right(target, checksum):
        return target
    with refusals_of_the_disk(target.parent), locked(target, report) as held:
        if _is_right(target, checksum):
            return target
        # without a lock no one else may write to our part, and there is none to go on from
        part = target.with_name(f".{target.name}.part" if held else f".{target.name}.{token_hex(4)}.part")
        if checksum is None:
            part.unlink(missing_ok=True)  # nothing would tell if the file changed on the server since
        try:
            _first_that_works(part, addresses, target.name, checksum, report, progress, patience)
            part.replace(target)
        finally:
            if checksum is None or not held:
                part.unlink(missing_ok=True)
    return target


def _is_right(file: Path, checksum: Checksum | None) -> bool:
    return file.is_file() and (checksum is None or checksum.of(file) == checksum.value)


def _first_that_works(
    part: Path,
    addresses: Sequence[str],
    what: str,
    checksum: Checksum | None,
    report: Callable[[str], None],
    progress: Progress | None,
    patience: Patience,
) -> None:
    tried = []
    for address in addresses:
        report(f"fetching {what} from {address}")
        try:
            _take(address, part, what, checksum, progress, patience)
            return
        except Unavailable as failure:
            report(f"{address}: {failure}")
            tried.append(f"{address} ({failure})")
    raise NotToBeHad(
        f"{what} could not be fetched; tried {', '.join(tried) or 'nothing'}: set env.mirror=FOLDER to a folder or URL "
        f"that has it, or fetch the file by hand into FOLDER as {what}"
    )


def _take(address: str, part: Path, what: str, checksum: Checksum | None, progress: Progress | None, patience: Patience) -> None:
    """Fill `part` from one address. A part that an earlier download left may be wrong: then once more without it."""
    went_on = is_web(address) and part.exists()
    _receive_or_copy(address, part, what, checksum is not None, progress, patience)
    if checksum is None:
        return
    got = checksum.of(part)
    if got == checksum.value:
        return
    part.unlink()
    if not went_on:
        raise Unavailable(f"wrong checksum: expected {checksum.kind} {checksum.value}, got {got}")
    _take(address, part, what, checksum, progress, patience)


def _receive_or_copy(address: str, part: Path, what: str, verified: bool, progress: Progress | None, patience: Patience) -> None:
    if is_web(address):
        receive(address, part, what, verified, progress, patience)
    else:
        _copy(address, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())


def _copy(address: str, part: Path) -> None:
    """Copied, not read in place: a mirror that changes or goes away changes nothing that was checked."""
    file = _local(address)
    try:
        readable = file.open("rb")
    except OSError as error:
        raise Unavailable(error.strerror or "it can't be read") from error
    with readable, part.open("wb") as copy:
        shutil.copyfileobj(readable, copy)


def _local(address: str) -> Path:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    if "://" in address:
        raise Unavailable("not an address of http://, https://, file:/// or a path")
    return Path(address)
