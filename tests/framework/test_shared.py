"""What adapters share: whole checkpoints, vocabularies, words of a command line, hints that fit every framework."""

import zipfile
from pathlib import Path

import pytest

from daisy.errors import FrameworkError
from daisy.framework import Checkpoint, Paths, common_hint, flags, whole_archive, whole_tensorflow
from daisy.framework.checkpoint import FOOTER


def test_a_checkpoint_of_tensorflow_is_whole_or_not_there(tmp_path: Path) -> None:
    prefix = tmp_path / "m-50"
    index, data = tmp_path / "m-50.index", [tmp_path / f"m-50.data-0000{number}-of-00002" for number in (0, 1)]
    files = {index: b"table" + FOOTER, data[0]: b"one", data[1]: b"two", tmp_path / "m-50.json": b"{}"}
    for path, content in files.items():
        path.write_bytes(content)
    assert whole_tensorflow(prefix, [".json"]) == (index, tmp_path / "m-50.json", *data)
    assert whole_tensorflow(prefix) == (index, *data)
    for length in range(len(files[index])):
        index.write_bytes(files[index][:length])
        assert whole_tensorflow(prefix) == ()
    index.write_bytes(files[index])
    for path in files:
        path.unlink()
        assert whole_tensorflow(prefix, [".json"]) == (), path
        path.write_bytes(files[path])
    (tmp_path / "m-50.json").write_bytes(b"")
    assert whole_tensorflow(prefix, [".json"]) == ()
    assert whole_tensorflow(tmp_path / "m-5") == ()


@pytest.mark.parametrize(
    ("entry", "text", "epoch", "step"),
    [
        ("daisy.json", '{"epoch": 3, "step": 150}', 3, 150),
        ("archive/daisy.json", '{"epoch": 3}', 3, None),
        ("weights", '{"epoch": 3}', None, None),
        ("daisy.json", '{"epoch": "3", "step": true}', None, None),
        ("daisy.json", "[3]", None, None),
        ("daisy.json", "{", None, None),
    ],
)
def test_an_archive_says_of_which_epoch_it_is(tmp_path: Path, entry: str, text: str, epoch: int | None, step: int | None) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, text)
    assert whole_archive(path) == Checkpoint(path, epoch, step, files=(path,))
    assert whole_archive(path, 7) == Checkpoint(path, 7, step, files=(path,))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert whole_archive(path) is None
    for place in range(len(whole)):  # never an exception, whatever a disk has made of it
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = whole_archive(path)
        assert found is None or found.path == path


def test_a_package_is_missing_where_daisy_sets_nothing_up() -> None:
    assert "`daisy setup mine` makes one" in str(common_hint("No module named 'x'", "mine"))
    assert "install it there, or set env.python.mine" in str(common_hint("No module named 'x'", "mine", set_up=False))


def vocabulary(folder: Path, text: str, **more: bool) -> dict[str, int]:
    (folder / "train-source").write_text(text, encoding="utf-8")
    return Paths(folder, folder, folder, folder).numbered("source", ("</s>", "<unk>"), unknown="<unk>", **more)


def test_numbers_without_a_gap(tmp_path: Path) -> None:
    """`<unk>` in the data is the framework's own: else two tokens had a number, and one number had no token."""
    assert vocabulary(tmp_path, "b a a\n<unk> b a\n") == {"</s>": 0, "<unk>": 1, "a": 2, "b": 3}


def test_an_end_within_a_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameworkError, match=r"^the dataset has the token </s> \(source\), .*: write it otherwise"):
        vocabulary(tmp_path, "a </s> b\n")
    assert vocabulary(tmp_path, "a </s> b\n", harmless=True) == {"</s>": 0, "<unk>": 1, "a": 2, "b": 3}


def test_options_as_words() -> None:
    options = {"rate": 0.1, "on": True, "off": False, "none": None, "list": [1, "a b"], "zero": 0}
    assert flags(options) == ["--rate", 0.1, "--on", "--list", 1, "a b", "--zero", 0]
    assert flags(options, spelled_out=True) == [
        "--rate", 0.1, "--on=true", "--off=false", "--list", 1, "a b", "--zero", 0
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("RuntimeError: CUDA out of memory. Tried to", "out of memory: a smaller train.batch_size"),
        ("MemoryError", "out of memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out of memory"),
        ("ResourceExhaustedError (see above)", "out of memory"),
        ("ModuleNotFoundError: No module named 'torch'", "`daisy setup mine` makes one that has all"),
        ("OSError: [Errno 28] No space left on device: 'model.npz'", "free space, then resume"),
        ("PytorchStreamWriter failed: ENOSPC", "free space, then resume"),
        ("write: Disk quota exceeded", "free space, then resume"),
        ("all is well", "None"),
    ],
)
def test_hints_that_fit_every_framework(log: str, told: str) -> None:
    assert told in str(common_hint(log, "mine"))
