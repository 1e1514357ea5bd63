"""Receiving a file over http(s): what broke is gone on with, what hangs is left."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import TYPE_CHECKING, cast

from daisy.dataset.progress import Progress

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

BLOCK = 64 * 1024  # bytes
TOLD_EVERY = 0.1  # seconds
MAY_COME_BACK = {408, 429, 500, 502, 503, 504}  # HTTP states worth another try


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for."""

    timeout: float = 20.0  # seconds in which nothing comes
    tries: int = 4  # in a row, without one byte more
    pause: float = 1.0  # seconds after the first failure; doubled after each one


BOUNDED = Patience()


class Unavailable(Exception):
    """An address that does not give the file; `passing` where another try may."""

    def __init__(self, reason: str, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def is_web(address: str) -> bool:
    """Whether the address is one of http or https."""
    return address.lower().startswith(("http://", "https://"))


def receive(address: str, part: Path, what: str, verified: bool, progress: Progress | None, patience: Patience) -> None:
    """Fill `part` from a server, going on from what is in it. Raises Unavailable; OSError only from the disk.

    `verified`: the caller knows the checksum. Else what is there is gone on with only if the server vouches that the
    file is still the same. A server that neither tells the length nor sends chunks can't be seen to break off.
    """
    download = _Download(address, part, what, verified, progress, patience.timeout)
    furthest, failures = -1, 0
    while True:
        try:
            download.attempt()
            return
        except Unavailable as failure:
            size = _size(part)
            failures = 1 if size > furthest else failures + 1
            furthest = max(furthest, size)
            if not failure.passing or failures >= patience.tries:
                raise
            time.sleep(patience.pause * 2 ** (failures - 1))


class _Download:
    """One file from one server, in as many attempts as it takes."""

    def __init__(self, address: str, part: Path, what: str, verified: bool, progress: Progress | None, timeout: float) -> None:
        self._address, self._part, self._what, self._verified = address, part, what, verified
        self._progress, self._timeout = progress, timeout
        self._opener = _opener()
        self._version: str | None = None  # by which the server tells whether the file is still the same

    def attempt(self) -> None:
        """Ask for what is missing and append it."""
        start = _size(self._part) if self._verified or self._version else 0
        with self._answer(start) as answer:
            if answer.status == 206:
                self._check_range(answer, start)
            else:
                start = 0  # a server that can't give a part of the file, or whose file changed, gives all of it
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unavailable("the server sent the file compressed, which was not asked for")
            self._version = _version(answer)
            length = answer.headers.get("Content-Length")
            self._store(answer, start, start + int(length) if length and length.isdigit() else None)

    def _answer(self, start: int) -> HTTPResponse:
        from urllib.error import HTTPError
        from urllib.request import Request

        headers = {"User-Agent": "daisy", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if self._version:
                headers["If-Range"] = self._version
        try:
            request = Request(self._address, headers=headers)
            return cast(HTTPResponse, self._opener.open(request, timeout=self._timeout))
        except HTTPError as error:
            error.close()
            if error.code == 416:  # there is nothing after what we have: so that is not the beginning of the file
                self._part.unlink(missing_ok=True)
            raise Unavailable(f"{error.code} {error.reason}", error.code in MAY_COME_BACK | {416}) from error
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable(_reason(error), passing=_is_passing(error)) from error

    def _check_range(self, answer: HTTPResponse, start: int) -> None:
        found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if not found or int(found[1]) != start:
            self._part.unlink(missing_ok=True)
            raise Unavailable("the server sent another part than was asked for", passing=True)

    def _store(self, answer: HTTPResponse, start: int, total: int | None) -> None:
        received, told = start, 0.0
        self._tell(received, total)
        with self._part.open("ab" if start else "wb") as file:
            for block in _blocks(answer):
                file.write(block)
                file.flush()  # what was received is kept even if we are killed now
                received += len(block)
                if time.monotonic() - told > TOLD_EVERY:
                    told = time.monotonic()
                    self._tell(received, total)
        self._tell(received, total)
        if total is not None and received < total:
            raise Unavailable(f"the connection broke after {received:,} of {total:,} bytes", passing=True)

    def _tell(self, received: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(self._what, received, total)


def _blocks(answer: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = answer.read1(BLOCK)
        except (OSError, HTTPException) as error:
            raise Unavailable(_reason(error), passing=True) from error
        if not block:
            return
        yield block


def _opener() -> "OpenerDirector":
    """An opener that knows http and https only: no redirect leads to a local file."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _version(answer: HTTPResponse) -> str | None:
    tag = answer.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _is_passing(error: Exception) -> bool:
    """A URLError is a name that is not known, or a host that does not let us in: that is what no network looks like."""
    from urllib.error import URLError

    return not isinstance(error, (URLError, ValueError, InvalidURL))


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return "it did not answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
