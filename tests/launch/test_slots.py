"""Slots: locks that die with their holder, and the GPU that each of them has."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sleeper import Launched

from daisy.cli import main
from daisy.configuration import Environment
from daisy.errors import LaunchError
from daisy.framework import device
from daisy.launch import slots
from daisy.launch.slots import Slots, a_slot, at_once, gpu_of, slots_folder

ENV = Environment("local", Path("models"), Path("data"), None, {})


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


def with_gpus(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str, visible: str | None = None) -> None:
    """A machine whose drivers show these devices, and a shell with this CUDA_VISIBLE_DEVICES."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    monkeypatch.setattr(device, "DEVICES", folder)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)


@pytest.mark.parametrize(
    ("names", "visible", "gpus"),
    [
        ((), None, []),
        (("nvidia0", "nvidia1", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"), None, ["0", "1", "2", "10"]),
        (("nvidia0", "nvidia1"), "1", ["1"]),
        (("nvidia0", "nvidia1"), " 1, 0,", ["1", "0"]),
        (("nvidia0",), "GPU-8a2f,MIG-1/2", ["GPU-8a2f", "MIG-1/2"]),
        (("nvidia0", "nvidia1"), "", []),
        (("nvidia0",), "-1", []),
        (("nvidia0",), "NoDevFiles", []),
        (("kfd",), None, []),  # AMD's are not dealt out
        ((), "0,1", []),
    ],
)
def test_the_gpus_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], visible: str | None, gpus: list[str]
) -> None:
    with_gpus(monkeypatch, tmp_path / "dev", *names, visible=visible)
    assert device.gpus_here() == gpus
    assert at_once(ENV) == (len(gpus) or slots.cores())
    assert at_once(replace(ENV, max_running=7)) == 7


@pytest.mark.parametrize(("visible", "dealt"), [(None, ["0", "1", "2"]), ("2,0,GPU-7", ["2", "0", "GPU-7"])])
def test_each_slot_has_a_gpu_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, dealt: list[str]
) -> None:
    with_gpus(monkeypatch, tmp_path / "dev", "nvidia0", "nvidia1", "nvidia2", visible=visible)
    taken = [one for one in (Slots(at_once(ENV), tmp_path).take() for _ in range(4)) if one is not None]
    assert [gpu_of(slot)["CUDA_VISIBLE_DEVICES"] for slot in taken] == dealt
    taken[1].close()
    again = Slots(at_once(ENV), tmp_path).take()  # of another shell: the GPU that is free is the one it gets
    assert again is not None and gpu_of(again) == {"CUDA_VISIBLE_DEVICES": dealt[1]}


def test_more_slots_than_gpus_share_them_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, tmp_path / "dev", "nvidia0", "nvidia1")
    found = Slots(5, tmp_path)
    taken = [slot for slot in (found.take() for _ in range(5)) if slot is not None]
    assert [gpu_of(slot)["CUDA_VISIBLE_DEVICES"] for slot in taken] == ["0", "1", "0", "1", "0"]


def test_without_gpus_nothing_is_said_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, tmp_path / "dev", "kfd", "null")
    slot = Slots(1, tmp_path).take()
    assert slot is not None and gpu_of(slot) == {}


def test_a_single_model_sees_one_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(slots.FOLDER, str(tmp_path / "slots"))
    with_gpus(monkeypatch, tmp_path / "dev", "nvidia0", "nvidia1", visible="1,0")
    other = Slots(2).take()
    with a_slot(ENV, pytest.fail):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0" and device.gpus_here() == ["0"]
    assert other is not None and other.number == 0


def test_the_models_of_a_sweep_get_different_gpus(launched: Launched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the local launcher, to the framework's own environment; a GPU that the user has kept back stays untouched."""
    with_gpus(monkeypatch, tmp_path / "dev", *(f"nvidia{number}" for number in range(8)), visible="5,GPU-8a2f")
    monkeypatch.setenv("SLEEPER_LOG", str(launched.log))
    monkeypatch.setenv("SLEEPER_GATE", str(launched.gate))
    monkeypatch.chdir(launched.project.root)
    monkeypatch.setenv(slots.FOLDER, str(tmp_path / "slots"))
    (tmp_path / "slots").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(launched.words("seed=1,2,3,4", "framework.options.seconds=0.3"))
    assert ended.value.code == 0
    dealt = {words[1]: words[4] for words in launched.told() if words[0] == "begin"}
    assert len(dealt) == 4 and set(dealt.values()) == {"5", "GPU-8a2f"}
    assert launched.most_at_once() <= 2
