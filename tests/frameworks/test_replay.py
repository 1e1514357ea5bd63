"""Each framework whole, from the command line to the accuracy, with a recorded run in place of the framework itself."""

import json

import pytest
from frameworks.replay import Recording, recordings
from support import SIGMORPHON, DaisyProject

pytestmark = pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the data that the runs were recorded with is not here")


@pytest.fixture(params=recordings())
def recording(request: pytest.FixtureRequest) -> Recording:
    """One after the other."""
    return Recording(request.param)


def run(project: DaisyProject, recording: Recording, *more: str) -> tuple[int, str]:
    done = project.daisy(
        f"framework={recording.framework}",
        *recording.facts["overrides"],
        f"env.mirror={SIGMORPHON}",
        f"env.python.{recording.framework}={recording.stand_in(project)}",
        *([f"framework.source={project.root}"] if recording.facts.get("source") else []),
        *more,
    )
    return done.code, done.out + done.err


def test_the_recorded_run_gives_the_recorded_accuracy(project: DaisyProject, recording: Recording) -> None:
    code, told = run(project, recording)
    assert code == 0, told
    (model,) = project.models()
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["state"], result["accuracy"]) == ("done", pytest.approx(recording.facts["accuracy"], abs=1e-6))
    measures = [json.loads(line) for line in (model / "daisy" / "metrics.jsonl").read_text().splitlines()]
    assert any("loss" in entry for entry in measures), "the adapter read no loss from the log"
    assert all((model / name).exists() for name in result["checkpoint"]["files"])
    config = json.loads((model / "daisy" / "config.json").read_text())
    version = json.loads((recording.folder / "description.json").read_text())["version"]
    assert config["versions"][recording.framework] == version


def test_an_option_that_the_framework_does_not_have(project: DaisyProject, recording: Recording) -> None:
    code, told = run(project, recording, "+framework.options.nonsense_option=3")
    assert code == 2
    assert "has no option nonsense_option" in told
    assert project.models() == []


def test_it_predicts_with_what_it_has_trained(project: DaisyProject, recording: Recording) -> None:
    assert run(project, recording)[0] == 0
    done = project.daisy("predict", "-1", "--split", "dev", "--output", "dev.tsv")
    assert done.code == 0, done.err
    (model,) = project.models()
    rows = (model / "daisy" / "predictions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    written = (project.root / "dev.tsv").read_text(encoding="utf-8").splitlines()
    assert [row.replace(" ", "").replace("<s>", " ") for row in rows] == written


def test_its_adapter_passes_the_conformance_kit(project: DaisyProject, recording: Recording) -> None:
    assert run(project, recording)[0] == 0
    done = project.daisy("check-adapter", recording.framework)
    assert done.code == 0, done.out
    assert "all 21 checks are passed" in done.out
