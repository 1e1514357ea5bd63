"""Lines out of whatever bytes: the same however they were cut, and never too many of them in memory."""

from __future__ import annotations

import itertools
import re
import tracemalloc
import unicodedata
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daisy.framework import lines
from daisy.framework.lines import LONGEST_LINE, LineSplitter, visible

BYTES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\0", b"a", b"long", "ä€😀".encode(), b"\xff", b"\xc3", b"\x1b[2J"])
).map(b"".join) | st.binary(max_size=200)
CONTROLS = [character for character in map(chr, range(0x10000)) if unicodedata.category(character) in ("Cc", "Cf")]
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def reference(data: bytes, longest: int = LONGEST_LINE) -> list[str]:
    """The lines of all the data at once: ended by LF or CR, the empty ones left out, the long ones cut."""
    return [line[:longest].decode("utf-8", "replace") for line in re.split(b"[\r\n]", data) if line]


def split(pieces: list[bytes]) -> list[str]:
    splitter = LineSplitter()
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return [*found, *splitter.end()]


@settings(deadline=None)
@given(data=BYTES, cuts=st.lists(st.integers(0, 200)), longest=st.sampled_from([1, 3, 8, LONGEST_LINE]))
@example(data=b"one\r\ntwo", cuts=[4], longest=LONGEST_LINE)
@example(data="ä".encode(), cuts=[1], longest=LONGEST_LINE)
@example(data=b"12345678\n9", cuts=[8], longest=8)
def test_lines_do_not_depend_on_how_they_come(data: bytes, cuts: list[int], longest: int) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[begin:end] for begin, end in itertools.pairwise(places)]
    with mock.patch.object(lines, "LONGEST_LINE", longest):
        assert split(pieces) == reference(data, longest)


def test_a_log_cut_at_every_byte() -> None:
    log = "epoch 1 step 3/9 loss 0.5\r\nbar 1 %\rbar 2 %\r\n\n\0öä\n".encode() + b"\xe2\x82\n no end"
    for place in range(len(log) + 1):
        assert split([log[:place], log[place:]]) == reference(log)
    assert split([bytes([byte]) for byte in log]) == reference(log)
    assert reference(log)[:3] == ["epoch 1 step 3/9 loss 0.5", "bar 1 %", "bar 2 %"]


def test_a_splitter_that_has_ended_begins_anew() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(b"half")) == []
    assert list(splitter.end()) == ["half"]
    assert list(splitter.end()) == []
    assert list(splitter.feed(b"whole\n")) == ["whole"]


def test_memory_is_bounded() -> None:
    splitter, block = LineSplitter(), b"x" * 65_536
    tracemalloc.start()
    try:
        for _ in range(1000):  # 65 MB without an end
            assert list(splitter.feed(block)) == []
        (line,) = splitter.feed(b"\n")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(line) == LONGEST_LINE
    assert peak < 1_000_000


@given(st.text() | st.text(st.sampled_from(CONTROLS)))
def test_what_is_visible_can_not_control_a_terminal(text: str) -> None:
    controls = {character for character in visible(text) if unicodedata.category(character) == "Cc"}
    assert controls <= {"\t", "\n"}
    turning = {character for character in visible(text) if unicodedata.bidirectional(character) in TURNING}
    assert not turning
    assert not set(visible(text)) & set("\u200e\u200f\u061c\ufeff")


def test_visible_keeps_what_people_write() -> None:
    for text in ("talossa yö €uro 漢字 हिन्दी 😀", "a\tb\nc", ""):
        assert visible(text) == text
    assert visible("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert visible("\u202egnp.exe") == "\\u202egnp.exe"
