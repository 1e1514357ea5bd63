"""The task `simplemma`: real samples of the real package, the same on every machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daisy.dataset import describe, identifying, prepare, simplemma
from daisy.errors import DatasetError

Definition = Callable[..., dict[str, Any]]
CHECKOUT = Path(__file__).resolve().parents[2]
FINNISH = "de003a97d6b851a6eec79448fa501f3af7469f4a8257950a18293ef7b23d5cdf"
MALAY = "6f8bbac38147662367dff546c89182c8809a4bea9e18a29855bcfa43485db869"


def made(name: str, definition: dict[str, Any], folder: Path) -> Any:
    return prepare(name, definition, data_dir=folder, mirror=None, root=folder)


@pytest.mark.slow
def test_the_default_of_the_whole_product_is_the_same_on_every_machine(definition: Definition, tmp_path: Path) -> None:
    dataset = made("simplemma/finnish", definition("simplemma/finnish"), tmp_path)
    assert dataset.checksum == FINNISH
    assert dataset.sizes == {"train": 10_000, "dev": 1_000, "test": 1_000}
    description = describe(dataset)
    assert (description.tokens, description.longest, description.seen) == (33, 16, 0.0)


def test_a_small_language_is_the_same_on_every_machine(definition: Definition, tmp_path: Path) -> None:
    dataset = made("simplemma/malay", definition("simplemma/malay"), tmp_path)
    assert dataset.checksum == MALAY


def test_no_form_is_in_two_splits_and_all_are_lower_case_words(definition: Definition, tmp_path: Path) -> None:
    dataset = made("simplemma/indonesian", definition("simplemma/indonesian"), tmp_path)
    forms = [form for split in ("train", "dev", "test") for form in dataset.lines(split, "source")]
    assert len(set(forms)) == len(forms) == 12_000
    words = [form.replace(" ", "") for form in forms]
    assert all(word.isalpha() and word == word.lower() for word in words)


def test_letters_with_marks_are_words_too(definition: Definition, tmp_path: Path) -> None:
    hindi = definition("simplemma/hindi", train=50, dev=50, test=50)
    forms = made("simplemma/hindi", hindi, tmp_path).lines("train", "source")
    assert sum(not form.replace(" ", "").isalpha() for form in forms) > 25  # Devanagari writes vowels as marks


def test_dev_and_test_stay_when_train_grows(definition: Definition, tmp_path: Path) -> None:
    small = made("simplemma/malay", definition("simplemma/malay", train=100), tmp_path)
    large = made("simplemma/malay", definition("simplemma/malay", train=5_000), tmp_path)
    assert small.folder != large.folder
    for split in ("dev", "test"):
        assert small.lines(split, "source") == large.lines(split, "source")
    assert large.lines("train", "target")[:100] == small.lines("train", "target")


def test_another_seed_is_another_sample(definition: Definition, tmp_path: Path) -> None:
    first = made("simplemma/malay", definition("simplemma/malay"), tmp_path)
    second = made("simplemma/malay", definition("simplemma/malay", sample_seed=2), tmp_path)
    assert first.checksum != second.checksum


def test_neither_the_hash_seed_nor_the_order_of_the_dictionary_matters() -> None:
    reverse = """
import sys
from simplemma.strategies.dictionaries import dictionary_factory as factory
real = factory.DefaultDictionaryFactory.get_dictionary
def backwards(self, language):
    dictionary = real(self, language)
    return {form: dictionary[form] for form in reversed(list(dictionary))}
if sys.argv[1] == "backwards":
    factory.DefaultDictionaryFactory.get_dictionary = backwards
from daisy.dataset.simplemma_sample import answer
print(answer("ms", 1, 500))
"""
    answers = {
        subprocess.run(
            [sys.executable, "-c", reverse, order],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for order, seed in (("as it is", "1"), ("as it is", "2"), ("backwards", "3"))
    }
    assert len(answers) == 1


def test_too_few_forms_say_how_many_there_are(definition: Definition, tmp_path: Path) -> None:
    malay = definition("simplemma/malay", train=14_000)
    with pytest.raises(DatasetError, match=r"14,873 lower-case alphabetic forms, and 16,000 are asked for .*smaller"):
        made("simplemma/malay", malay, tmp_path)


def test_an_unknown_language_names_the_known_ones(definition: Definition, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"simplemma has no language xx: set dataset\.language to one of ar, ast"):
        made("simplemma/malay", definition("simplemma/malay", language="xx"), tmp_path)


def test_a_child_that_is_killed_is_one_line(definition: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "killed_reader.py").write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(simplemma, "SAMPLER", "killed_reader")
    with pytest.raises(DatasetError, match=r"ended by signal 9; it needs up to 1 GB of memory.*free memory"):
        made("simplemma/malay", definition("simplemma/malay"), tmp_path / "data")
    assert not list((tmp_path / "data").rglob("train-source"))


def test_what_identifies_a_sample_is_all_of_its_definition(definition: Definition) -> None:
    assert identifying(definition("simplemma/finnish")) == definition("simplemma/finnish")
    assert json.dumps(identifying(definition("simplemma/finnish")))


@pytest.mark.parametrize(("changes", "message"), [({"dev": 0}, "at least 1"), ({"train": 0.8}, "a whole number")])
def test_sizes_are_whole_numbers(definition: Definition, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        made("simplemma/malay", definition("simplemma/malay", **changes), tmp_path)


def choices() -> Iterator[str]:
    for file in sorted((CHECKOUT / "conf" / "dataset" / "simplemma").glob("*.yaml")):
        yield file.stem


def test_every_language_of_the_package_has_a_choice_and_no_two_are_the_same(definition: Definition) -> None:
    from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

    codes = [definition(f"simplemma/{choice}")["language"] for choice in choices()]
    assert sorted(codes) == sorted(SUPPORTED_LANGUAGES)
