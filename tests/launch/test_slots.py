"""Slots: locks that die with their holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from daisy.errors import LaunchError
from daisy.launch import slots
from daisy.launch.slots import Slots, slots_folder


def test_so_many_and_no_more(tmp_path: Path) -> None:
    one, other = Slots(2, tmp_path), Slots(3, tmp_path)
    taken = [one.take(), other.take()]
    assert [slot.number for slot in taken if slot is not None] == [0, 1]
    assert one.take() is None
    third = other.take()  # another shell allows itself more
    assert third is not None and third.number == 2 and other.take() is None
    assert taken[0] is not None
    taken[0].close()
    again = one.take()
    assert again is not None and again.number == 0


def test_a_slot_lasts_as_long_as_whoever_inherited_it(tmp_path: Path) -> None:
    slot = Slots(1, tmp_path).take()
    assert slot is not None
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[slot.descriptor])
    slot.close()
    assert Slots(1, tmp_path).take() is None
    child.kill()
    child.communicate()
    assert Slots(1, tmp_path).take() is not None


def test_a_folder_that_is_not_ones_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(slots.FOLDER, str(tmp_path / "mine"))
    assert slots_folder() == tmp_path / "mine"
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    monkeypatch.setenv(slots.FOLDER, str(tmp_path / "link"))
    with pytest.raises(LaunchError, match=f"is not a folder of yours: set {slots.FOLDER}"):
        slots_folder()
    monkeypatch.setenv(slots.FOLDER, str(tmp_path / "none" / "deeper"))
    with pytest.raises(LaunchError, match="can't be made"):
        slots_folder()
