"""What the tests of datasets share: the real data, the project's conf/, a server that misbehaves as it is told."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
CONF = CHECKOUT / "conf"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests are on this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def conll() -> Path:
    """The published files of cs/finnish."""
    data = Path(os.environ.get("DAISY_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    folder = data / "conll-sigmorphon-2017"
    if not folder.is_dir():
        pytest.skip(f"the published files of CoNLL-SIGMORPHON are not at {folder}: set DAISY_TEST_DATA=FOLDER")
    return folder


@pytest.fixture
def definition() -> Callable[..., dict[str, Any]]:
    """The definition of a dataset that conf/dataset/ has, as YAML says it, with changes."""

    def read(choice: str, **changes: Any) -> dict[str, Any]:
        values = yaml.safe_load((CONF / "dataset" / f"{choice}.yaml").read_text(encoding="utf-8"))
        for base in values.pop("defaults", []):
            values = {**yaml.safe_load((CONF / "dataset" / f"{base}.yaml").read_text(encoding="utf-8")), **values}
        return {**values, **changes}

    return read


@dataclass
class Server:
    """An HTTP server on loopback. What it does wrong can be set at any moment."""

    files: dict[str, bytes]
    ranges: bool = True  # knows Range
    etag: str | None = None
    break_after: list[int] = field(default_factory=list)  # bytes after which the next answers end
    states: list[int] = field(default_factory=list)  # HTTP states of the next answers
    redirect: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of each request
    stall: threading.Event | None = None  # a broken answer waits for this instead of closing
    stalled: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server for files."""
    running: list[tuple[ThreadingHTTPServer, Server]] = []

    def start(files: dict[str, bytes], **behaviour: Any) -> Server:
        server = Server(files, **behaviour)
        http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        running.append((http, server))
        server.url = f"http://127.0.0.1:{http.server_port}"
        return server

    yield start
    for http, server in running:
        if server.stall:
            server.stall.set()
        http.shutdown()
        http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers["Range"]))
            state = server.states.pop(0) if server.states else 200
            content = server.files.get(self.path)
            if server.redirect:
                self.send_response(302)
                self.send_header("Location", server.redirect)
                self.end_headers()
            elif state != 200 or content is None:
                self.send_error(state if state != 200 else 404)
            else:
                self.answer(content)

        def answer(self, content: bytes) -> None:
            start = self.start_of_range(content)
            if start is not None and start >= len(content):
                self.send_error(416)
                return
            self.send_response(200 if start is None else 206)
            body = content[start or 0 :]
            self.send_header("Content-Length", str(len(body)))
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if server.etag:
                self.send_header("ETag", server.etag)
            self.end_headers()
            self.send(body)

        def start_of_range(self, content: bytes) -> int | None:
            asked, still = self.headers["Range"], self.headers["If-Range"]
            if not server.ranges or not asked or (still and still != server.etag):
                return None
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def send(self, body: bytes) -> None:
            if not server.break_after:
                self.wfile.write(body)
                return
            self.wfile.write(body[: server.break_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            if server.stall:
                server.stalled.set()
                server.stall.wait(30)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test's output is pytest's."""

    return Handler


@pytest.fixture
def run_python() -> Callable[..., subprocess.Popen[str]]:
    """Start a real process that runs a few lines of Python with Daisy on its path."""

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
