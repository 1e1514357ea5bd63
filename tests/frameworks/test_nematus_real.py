"""Nematus for real, where it is set up: trained, killed, gone on with, and what is wrong."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from frameworks.asked import as_if_killed, word_dataset
from frameworks.real import VARIABLE, real_environment
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.framework.device import GPU, device_here

COMPANION = CHECKOUT / "frameworks" / "nematus"


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_killed_and_resumed(project: DaisyProject) -> None:
    """A convolutional encoder learns, is killed in the middle of an epoch, and goes on from the last whole one."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=3", "train.batch_size=20",
        "arch.hidden=32", "arch.embedding=16", "arch.filters=16", "arch.pool=2", "arch.highway=1",
        f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    process = project.start(*words)
    until = time.monotonic() + 300
    while not (project.models() and list((project.models()[0] / "model_out").glob("m-50.progress.json"))):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (model,) = project.models()
    (model / "model_out" / "m-100.index").write_text("torn")
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    log = (model / "daisy" / "run.out").read_text()
    assert "Initial uidx=50" in log and "INFO: All epochs are done" in log
    assert log.count("Starting epoch 0") == 1
    assert re.findall(r"INFO: Seed (\d+)", log) == ["1", "2"]  # one epoch is done
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["state"], result["attempt"], result["ended_because"]) == ("done", 2, "epochs")


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_patience(project: DaisyProject) -> None:
    """It learns nothing by heart, its cross entropy gets better all the same: patience goes by exact match."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=low", "train.epochs=20", "train.patience=2",
        "train.learning_rate=0.0001", "arch.hidden=16", "arch.embedding=8", "arch.filters=8",
        f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["ended_because"] == "patience"
    entropies = re.findall(r"Validation cross entropy .*: ([\d.]+) ", (model / "daisy" / "run.out").read_text())
    assert len(entropies) == 3 and sorted(map(float, entropies), reverse=True) == list(map(float, entropies))
    assert json.loads((model / "daisy" / "result.json").read_text())["checkpoint"]["epoch"] == 1  # all are equally bad
    as_if_killed(model)
    again = project.daisy(*words, timeout=300)
    assert again.code == 0, again.err + again.out
    result = json.loads((model / "daisy" / "result.json").read_text())
    assert (result["ended_because"], result["attempt"]) == ("patience", 2)


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_a_transformer(project: DaisyProject) -> None:
    """Untrained it writes without end: the limit to a translation follows from the source."""
    words = [
        "framework=nematus", "dataset=cs/finnish", "dataset.size=low", "architecture=transformer", "train.epochs=2",
        "arch.embedding=16", "arch.feedforward=16", "arch.heads=2", f"env.mirror={SIGMORPHON}", *real_environment("nematus"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=300)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert json.loads((model / "daisy" / "result.json").read_text())["ended_because"] == "epochs"


PREPARED = """
import os, runpy, sys
prepare = runpy.run_path(sys.argv[1])["prepare"]
os.environ["CUDA_VISIBLE_DEVICES"] = "2,3"
prepare(False)
import tensorflow
made = tensorflow.compat.v1.ConfigProto(allow_soft_placement=True)
print(repr(os.environ["CUDA_VISIBLE_DEVICES"]), made.intra_op_parallelism_threads, made.inter_op_parallelism_threads)
os.environ["CUDA_VISIBLE_DEVICES"] = "2,3"
try:
    prepare(True)
finally:
    print(repr(os.environ["CUDA_VISIBLE_DEVICES"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(device_here("auto") == GPU, reason="there is a GPU here")
def test_for_real_one_processor_or_one_gpu(project: DaisyProject) -> None:
    real = real_environment("nematus")
    python = json.loads((Path(os.environ[VARIABLE]) / "nematus" / "setup.json").read_text())["python"]
    done = subprocess.run([python, "-c", PREPARED, str(COMPANION / "run.py")], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["'' 1 1", "'2'"]
    assert done.returncode == 1 and re.search(r"^ERROR: TensorFlow 1.15.\d finds no GPU here$", done.stderr, re.MULTILINE)
    failed = project.daisy("framework=nematus", "dataset=tiny", "train.epochs=1", *real, "env.device=gpu", timeout=200)
    assert failed.code != 0 and "finds no GPU here" in failed.err + failed.out and "env.device=cpu" in failed.err + failed.out
    (model,) = project.models()
    assert "Traceback" not in (model / "daisy" / "run.out").read_text()


@pytest.mark.slow
def test_for_real_words_each_epoch_and_long_lines(project: DaisyProject) -> None:
    """Words spelled like special entries are words; two resumed runs of an epoch are the same; each line comes out."""
    pairs = [(f"the <UNK> {word} <unk>", f"<UNK> {word}") for word in ("cat", "dog", "hen", "cow", "pig", "ant")] * 5
    words = [
        "framework=nematus", word_dataset(project, pairs), "train.epochs=3", "train.batch_size=5", "train.validate=each",
        "arch.hidden=16", "arch.embedding=16", "arch.filters=16", "train.learning_rate=0.02", *real_environment("nematus"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=400)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    out, log = model / "model_out", model / "daisy" / "run.out"
    assert json.loads((model / "daisy" / "result.json").read_text())["accuracy"] > 0.1
    assert [path.name for path in sorted(out.glob("m-*.index"))] == ["m-12.index", "m-18.index", "m-6.index"]
    losses = []
    for _ in range(2):
        as_if_killed(model)
        for path in [*out.glob("m-12.*"), *out.glob("m-18.*")]:
            path.unlink()
        before = len(log.read_text())
        again = project.daisy(*words, timeout=400)
        assert again.code == 0, again.err + again.out
        text = log.read_text()[before:]
        assert "INFO: Seed 2" in text
        losses.append(re.findall(r"Epoch: (\d) Update: (\d+) Loss/word: (\S+)", text))
    assert losses[0] == losses[1] and [epoch for epoch, *_ in losses[0]] == ["1"] * 6 + ["2"] * 6
    rows = ["the <UNK> cat <unk>", " ".join(["cat"] * 1100), "the <UNK> dog <unk>", "elephant"]
    (project.root / "lines").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (project.root / "short").write_text("".join(f"{row}\n" for row in rows if len(row) < 100), encoding="utf-8")
    for name in ("lines", "short"):
        done = project.daisy("predict", "-1", name, "--output", f"{name}.out", "--tokens", timeout=300)
        assert done.code == 0, done.err
    predicted, alone = (
        (project.root / f"{name}.out").read_text(encoding="utf-8").split("\n")[:-1] for name in ("lines", "short")
    )
    assert len(predicted) == len(rows) and [predicted[0], *predicted[2:]] == alone
