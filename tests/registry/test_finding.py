"""Which model is meant: by its place in the table, its id, a part of it."""

import json
import shutil

import pytest
from registry.conftest import Models
from registry.filled import filled
from support import DaisyProject

from daisy.errors import ModelError
from daisy.folder import ModelFolder
from daisy.registry import find, read


def test_places_from_the_end_are_the_ones_of_the_table(models: Models) -> None:
    models.folders[-1].result.write_text("{")  # the table has no row for it
    (models.path / "somebody's").mkdir()
    rows = read(models.path).rows
    for place in (-1, -2, -29):
        assert find(models.path, str(place)).model_id == rows[place].model_id
    with pytest.raises(ModelError, match=r"no model -30: 29 models are in .*models; `daisy list --env x` shows them"):
        find(models.path, "-30", " --env x")


def test_an_id_goes_before_parts_and_what_is_no_model_does_not_count(models: Models) -> None:
    first = models.folders[0]
    shutil.copytree(first.path, models.path / f"{first.model_id}__2")
    (models.path / f"{first.model_id}__2__notes").mkdir()
    assert find(models.path, first.model_id).path == first.path
    assert find(models.path, f"{first.model_id}__").path.name == f"{first.model_id}__2"
    with pytest.raises(ModelError, match=r"tiny_k6 is part of 31 models \(\.\.\., .*\): give more"):
        find(models.path, "tiny_k6")
    for wanted in ("", "nothing", "-0", "-²", "-" + "9" * 5000, ".models-1.json", "../models"):
        with pytest.raises(ModelError, match=r"there is no model .*: 31 models are in"):
            find(models.path, wanted)


def test_finding_the_newest_does_not_read_them_all(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    really = ModelFolder.read_config

    def read_config(folder: ModelFolder) -> dict[str, object]:
        looked.append(folder.model_id)
        return really(folder)

    monkeypatch.setattr(ModelFolder, "read_config", read_config)
    assert find(models.path, "-2").path == models.folders[-2].path
    assert looked == models.ids[:-3:-1]


def test_the_verbs_with_an_index(project: DaisyProject) -> None:
    """As people type them: the table, data with the configurations, and the shell's completion."""
    folders = filled(project.root / "models", 40)
    newest = folders[-1].model_id
    answers = []
    for _ in range(2):
        listed = project.daisy("list", "--last", "2")
        assert listed.code == 0 and listed.err == "" and "40 models (40 done)" in listed.out
        told = json.loads(project.daisy("list", "--json").out)
        assert [row["model_id"] for row in told] == [folder.model_id for folder in folders]
        assert {row["values"]["arch"]["kernel"] for row in told} == {6}
        answers.append((listed.out, told))
        words = {"_DAISY_COMPLETE": "complete_bash", "COMP_WORDS": f"daisy show {newest[:-1]}", "COMP_CWORD": "2"}
        assert project.daisy(environment=words).out.split() == [newest]
    assert answers[0] == answers[1]
