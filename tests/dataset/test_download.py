"""A download arrives whole and right, whatever the network does, or it says what was tried."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset.checksum import GIT_BLOB, SHA256, Checksum
from daisy.dataset.download import fetch
from daisy.dataset.web import Patience
from daisy.errors import DatasetError

CONTENT = b"".join(b"line %d\n" % number for number in range(20_000))
RIGHT = Checksum(SHA256, hashlib.sha256(CONTENT).hexdigest())
QUICK = Patience(timeout=0.5, tries=3, pause=0.01)


def fetched(target: Path, *addresses: object, **options: Any) -> bytes:
    return fetch(target, [str(address) for address in addresses], patience=QUICK, **options).read_bytes()


def test_a_file_comes_and_is_kept(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    assert fetched(tmp_path / "new" / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert fetched(tmp_path / "new" / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert len(server.asked) == 1
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".file.lock", "file"]


def test_a_broken_download_goes_on_where_it_broke(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, break_after=[100_000, 50_000])
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_it_starts_again_where_the_server_knows_no_ranges(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, ranges=False, break_after=[100_000])
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert len(server.asked) == 2


def test_a_server_that_always_breaks_at_the_same_place_is_given_up(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, ranges=False, break_after=[1000] * 50)
    with pytest.raises(DatasetError, match="the connection broke after 1,000 of "):
        fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT)
    assert len(server.asked) == QUICK.tries
    assert not (tmp_path / "file").exists()


def test_many_breaks_are_borne_as_long_as_each_brings_more(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, break_after=[20_000] * 8)
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert len(server.asked) == 9


def test_a_part_that_is_not_the_beginning_of_the_file_is_thrown_away(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    (tmp_path / ".file.part").write_bytes(b"something else")
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT
    assert [asked for _, asked in server.asked] == ["bytes=14-", None]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    (tmp_path / ".file.part").write_bytes(CONTENT + b"more")
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT


def test_without_a_checksum_an_old_part_is_not_trusted(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    (tmp_path / ".file.part").write_bytes(b"something else")
    assert fetched(tmp_path / "file", f"{server.url}/file") == CONTENT
    assert server.asked == [("/file", None)]


@pytest.mark.parametrize(("etag", "second"), [('"v1"', "bytes=1000-"), (None, None)])
def test_without_a_checksum_only_the_servers_word_lets_it_go_on(
    serve: Callable[..., Any], tmp_path: Path, etag: str | None, second: str | None
) -> None:
    server = serve({"/file": CONTENT}, break_after=[1000], etag=etag)
    assert fetched(tmp_path / "file", f"{server.url}/file") == CONTENT
    assert server.asked[1] == ("/file", second)


def test_a_file_that_changed_meanwhile_is_taken_anew(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, break_after=[1000], etag='"v1"')
    told: list[int] = []

    def replace_the_file(what: str, received: int, total: int | None) -> None:
        told.append(received)
        if received >= 1000:
            server.etag, server.files["/file"] = '"v2"', b"the new file\n" * 1000

    assert fetched(tmp_path / "file", f"{server.url}/file", progress=replace_the_file) == b"the new file\n" * 1000
    assert told


def test_wrong_bytes_are_thrown_away_and_the_next_address_is_asked(serve: Callable[..., Any], tmp_path: Path) -> None:
    wrong, right = serve({"/file": b"<html>please log in</html>"}), serve({"/file": CONTENT})
    lines: list[str] = []
    addresses = [f"{wrong.url}/file", f"{right.url}/file"]
    assert fetched(tmp_path / "file", *addresses, checksum=RIGHT, report=lines.append) == CONTENT
    assert any("wrong checksum" in line for line in lines)


def test_wrong_bytes_everywhere_name_what_was_expected_and_what_came(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": b"wrong"})
    with pytest.raises(DatasetError) as caught:
        fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT)
    assert f"expected SHA-256 {RIGHT.value}, got {hashlib.sha256(b'wrong').hexdigest()}" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".file.lock"]


def test_a_file_may_be_known_by_the_name_that_git_has_for_it(serve: Callable[..., Any], tmp_path: Path) -> None:
    blob = Checksum(GIT_BLOB, "ce013625030ba8dba906f756967f9e9ca394464a")  # of "hello\n", as `git hash-object` says it
    wrong, right = serve({"/file": b"hello"}), serve({"/file": b"hello\n"})
    assert fetched(tmp_path / "file", f"{wrong.url}/file", f"{right.url}/file", checksum=blob) == b"hello\n"
    with pytest.raises(DatasetError, match=f"expected git blob {blob.value}, got b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"):
        fetched(tmp_path / "other", f"{wrong.url}/file", checksum=blob)


def test_a_kept_file_that_was_changed_is_fetched_again(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    (tmp_path / "file").write_bytes(b"changed")
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT


def test_a_failing_network_gives_one_line_with_all_that_was_tried_and_the_way_out(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve({})
    addresses = [f"{tmp_path}/mirror/file", f"{server.url}/file", "http://127.0.0.1:1/file", "ftp://host/file"]
    with pytest.raises(DatasetError) as caught:
        fetched(tmp_path / "file", *addresses)
    message = str(caught.value)
    assert "\n" not in message
    assert all(address in message for address in addresses)
    assert "No such file" in message and "404 Not Found" in message and "refused" in message
    assert "env.mirror=FOLDER" in message and "by hand into FOLDER as file" in message


def test_a_state_that_may_pass_is_tried_again_and_404_is_not(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, states=[503, 429])
    assert fetched(tmp_path / "file", f"{server.url}/file") == CONTENT
    assert len(server.asked) == 3
    gone = serve({})
    with pytest.raises(DatasetError, match="404"):
        fetched(tmp_path / "other", f"{gone.url}/other")
    assert len(gone.asked) == 1


def test_a_server_that_hangs_is_left(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT}, break_after=[1000] * 9, stall=threading.Event())
    right = serve({"/file": CONTENT})
    patience = Patience(timeout=0.2, tries=1, pause=0.01)
    fetch(tmp_path / "file", [f"{server.url}/file", f"{right.url}/file"], checksum=RIGHT, patience=patience)
    assert right.asked == [("/file", "bytes=1000-")]  # what the first one gave was right, as far as it went


@pytest.mark.parametrize("kind", ["path", "file:"])
def test_a_folder_is_a_mirror(tmp_path: Path, kind: str) -> None:
    mirror = tmp_path / "a mirror; with%20 signs"
    mirror.mkdir()
    (mirror / "file").write_bytes(CONTENT)
    address = str(mirror / "file") if kind == "path" else (mirror / "file").as_uri()
    assert fetched(tmp_path / "data" / "file", address, checksum=RIGHT) == CONTENT
    assert (mirror / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["file", "ftp"])
def test_no_redirect_leads_out_of_the_web(serve: Callable[..., Any], tmp_path: Path, scheme: str) -> None:
    (tmp_path / "secret").write_text("secret")
    server = serve({}, redirect=f"{scheme}://localhost{tmp_path}/secret")
    with pytest.raises(DatasetError):
        fetched(tmp_path / "file", f"{server.url}/file")
    assert not (tmp_path / "file").exists()


def test_a_redirect_within_the_web_is_followed(serve: Callable[..., Any], tmp_path: Path) -> None:
    right = serve({"/elsewhere": CONTENT})
    server = serve({}, redirect=f"{right.url}/elsewhere")
    assert fetched(tmp_path / "file", f"{server.url}/file", checksum=RIGHT) == CONTENT


def test_progress_is_told_up_to_the_end(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    told: list[tuple[str, int, int | None]] = []
    fetched(tmp_path / "file", f"{server.url}/file", progress=lambda *figures: told.append(figures))
    assert told[0] == ("file", 0, len(CONTENT))
    assert told[-1] == ("file", len(CONTENT), len(CONTENT))


def test_a_disk_that_refuses_is_one_line_too(serve: Callable[..., Any], tmp_path: Path) -> None:
    server = serve({"/file": CONTENT})
    (tmp_path / "file-in-the-way").write_text("")
    with pytest.raises(DatasetError, match=r"set env\.data_dir=FOLDER"):
        fetched(tmp_path / "file-in-the-way" / "file", f"{server.url}/file")
