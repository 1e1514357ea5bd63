"""Running a trained model on any input."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daisy.errors import ConfigurationError, ModelError, TrainingFailed
from daisy.files import folder_to_fill
from daisy.folder import ModelFolder
from daisy.framework import Checkpoint, Command
from daisy.framework.attention import AttentionWeights, read_attention
from daisy.framework.lines import visible
from daisy.framework.log import explained
from daisy.framework.process import Ending, printed_by
from daisy.job.toolbox import Toolbox
from daisy.score import Score, score

SOURCE, OUTPUT, WEIGHTS = "source", "predictions", "attention.jsonl"  # in the folder that a command works in


def predict(toolbox: Toolbox, sources: Sequence[str]) -> list[str]:
    """The model's prediction for each canonical source line, with the checkpoint that its accuracy is from.

    Raises ModelError where the model has no weights, TrainingFailed where the framework does not predict.
    """
    checkpoint = trained_checkpoint(toolbox.folder)
    with folder_to_fill(toolbox.folder.model_out) as folder:
        source, output = folder / SOURCE, folder / OUTPUT
        command = toolbox.adapter.predict(toolbox.options, toolbox.paths, checkpoint, source, output)
        return _predicted(toolbox, command, folder, sources)


def predict_with_attention(toolbox: Toolbox, sources: Sequence[str]) -> tuple[list[str], list[AttentionWeights]]:
    """As `predict`, with the attention weights of each prediction.

    Raises ConfigurationError, too, before anything is run, where the model gives none.
    """
    checkpoint = trained_checkpoint(toolbox.folder)
    with folder_to_fill(toolbox.folder.model_out) as folder:
        command = _attention_command(toolbox, checkpoint, folder)
        predictions = _predicted(toolbox, command, folder, sources)
        try:
            text = (folder / WEIGHTS).read_bytes().decode("utf-8")
            return predictions, read_attention(text, sources, predictions)
        except OSError:
            raise TrainingFailed("the framework wrote no attention weights: leave out --attention") from None
        except ValueError as error:
            raise TrainingFailed(f"the attention weights that the framework wrote are none ({error}): mend its adapter") from None


def _attention_command(toolbox: Toolbox, checkpoint: Checkpoint, folder: Path) -> Command:
    command = toolbox.adapter.attention_weights(
        toolbox.options, toolbox.paths, checkpoint, folder / SOURCE, folder / OUTPUT, folder / WEIGHTS
    )
    if command is None:
        raise ConfigurationError(
            f"{toolbox.configuration.framework} gives no attention weights: leave out --attention; `daisy frameworks` shows "
            "which ones do"
        )
    return command


def _predicted(toolbox: Toolbox, command: Command, folder: Path, sources: Sequence[str]) -> list[str]:
    """The predictions that a command leaves in the folder, one for each source."""
    (folder / SOURCE).write_bytes("".join(f"{line}\n" for line in sources).encode("utf-8"))
    with toolbox.start(command) as running:
        log, ending = printed_by(running)
    _check(toolbox, ending, folder / OUTPUT, log)
    predictions = toolbox.adapter.read_predictions((folder / OUTPUT).read_bytes().decode("utf-8", "replace"))
    if len(predictions) != len(sources):
        raise TrainingFailed(f"the framework gave {len(predictions)} predictions for {len(sources)} lines: its log may say why")
    return predictions


def trained_checkpoint(folder: ModelFolder) -> Checkpoint:
    """The checkpoint of a model that is done. Raises ModelError where it is not done, or the weights are gone."""
    result = folder.read_result()
    found = result.get("checkpoint")
    if result["state"] != "done" or not found:
        raise ModelError(
            f"{folder.model_id} is {result['state']}: only a model that is done can predict; `daisy list` shows them"
        )
    files = tuple(folder.path / name for name in found.get("files", [found["path"]]))
    missing = [path for path in files if not path.exists()]
    if missing:
        raise ModelError(
            f"the weights of {folder.model_id} are not there any more ({missing[0].name}): `daisy again {folder.model_id}` "
            "trains a model like it"
        )
    return Checkpoint(folder.path / found["path"], found.get("epoch"), found.get("step"), files)


def keep_test(toolbox: Toolbox, predictions: Sequence[str]) -> Score:
    """Score the predictions of the test split and keep them: apart from the dev accuracy, which alone models are chosen by."""
    folder, dataset = toolbox.folder, toolbox.dataset
    targets = dataset.lines("test", "target")
    scored = score(targets, predictions)
    folder.write_predictions(dataset.lines("test", "source"), targets, predictions, "test")
    name = str(folder.predictions("test").relative_to(folder.daisy))
    with folder.framework_lock():  # two at once: neither forgets what the other has written
        result: dict[str, Any] = folder.read_result()
        checksums = {**result.get("checksums", {}), name: folder.checksums()[name]}  # the others are as they were
        folder.write_result({**result, "test": scored.to_json(), "checksums": checksums})
    folder.log(f"test accuracy {scored.accuracy:.2%} ({scored.correct} of {scored.examples} examples)")
    return scored


def _check(toolbox: Toolbox, ending: Ending | None, output: Path, log: str) -> None:
    last = (visible(log).strip().splitlines() or ["it printed nothing"])[-1]
    if ending is None or not ending.well:
        words = ending.words() if ending is not None else "did not end"
        raise TrainingFailed(f"the framework's prediction {words}: {last}", explained(toolbox.adapter, log))
    if not output.exists():
        raise TrainingFailed(f"the framework wrote no predictions: {last}", explained(toolbox.adapter, log))
