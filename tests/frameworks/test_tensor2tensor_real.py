"""tensor2tensor for real, where it is set up: trained, killed, gone on with, and what is wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from frameworks.asked import word_dataset
from frameworks.real import VARIABLE, real_environment
from support import CHECKOUT, SIGMORPHON, DaisyProject

from daisy.framework.device import GPU, device_here

COMPANION = CHECKOUT / "frameworks" / "tensor2tensor"


SMALL = ("arch.embedding=16", "arch.feedforward=16", "arch.heads=2", "arch.layers=1")


def result(model: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((model / "daisy" / "result.json").read_text())
    return content


EPOCHS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import daisy_pairs, tensorflow.compat.v1 as tf
from tensor2tensor.models import transformer
from tensor2tensor.utils import trainer_lib
hparams = trainer_lib.create_hparams("transformer_base", "batch_size=5", data_dir=sys.argv[2], problem_name="daisy_pairs")
batches = hparams.problem.input_fn("train", hparams).make_one_shot_iterator().get_next()
decode = hparams.problem.feature_encoders(sys.argv[2])["inputs"].decode
with tf.Session() as session:
    for epoch in range(2):
        read = [session.run(batches)[0]["inputs"][:, :, 0, 0].tolist() for batch in range(4)]
        print(json.dumps([[decode([number for number in row if number > 1]) for row in rows] for rows in read]))
"""


def python_of_it() -> str:
    setup = json.loads((Path(os.environ[VARIABLE]) / "tensor2tensor" / "setup.json").read_text())
    return str(setup["python"])


@pytest.mark.slow
@pytest.mark.skipif(not SIGMORPHON.is_dir(), reason="the CoNLL-SIGMORPHON files are not here")
def test_for_real_killed_and_resumed(project: DaisyProject) -> None:
    """It is killed in the middle of an epoch, its newest checkpoint is torn as well, and it goes on from the one before."""
    words = [
        "framework=tensor2tensor", "dataset=cs/finnish", "dataset.size=medium", "train.epochs=4", "train.batch_size=50", *SMALL,
        f"env.mirror={SIGMORPHON}", *real_environment("tensor2tensor"),
    ]  # fmt: skip
    process = project.start(*words)
    try:
        until = time.monotonic() + 500
        while not any("epoch 3 begins" in log.read_text() for log in project.root.glob("models/*/daisy/run.out")):
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    (model,) = project.models()
    out = model / "model_out"
    with (out / "model.ckpt-40.index").open("r+b") as file:
        file.truncate(1000)  # as a kill inside a save leaves it
    shutil.rmtree(out / "best")
    done = project.daisy(*words, timeout=500)
    assert done.code == 0, done.err + done.out
    log = (model / "daisy" / "run.out").read_text()
    assert re.findall(r"\[daisy\] epoch (\d), step (\d+): dev_accuracy", log)[-5:] == [
        ("1", "20"), ("2", "40"), ("2", "40"), ("3", "60"), ("4", "80"),
    ]  # fmt: skip
    assert re.search(r"Restoring parameters from \S+model.ckpt-20\n", log)
    found = result(model)
    assert (found["state"], found["attempt"], found["ended_because"]) == ("done", 2, "epochs")
    assert found["checkpoint"]["path"].startswith("model_out/best/model.ckpt-")
    assert [entry["epoch"] for entry in json.loads((out / "progress.json").read_text())] == [1, 2, 3, 4]


@pytest.mark.slow
def test_for_real_each_epoch_patience_and_the_same_again(project: DaisyProject) -> None:
    real = real_environment("tensor2tensor")
    words = [
        "framework=tensor2tensor", "dataset=tiny", *SMALL, "train.epochs=3", "train.batch_size=5", "train.validate=each",
        "train.patience=3", "train.learning_rate=0.01", *real,
    ]  # fmt: skip
    logs = []
    for more in ((), ("again=true",)):
        done = project.daisy(*words, *more, timeout=500)
        assert done.code == 0, done.err + done.out
        logs.append((project.models()[-1] / "daisy" / "run.out").read_text())
    losses = [re.findall(r"loss = (\S+), step = (\d+)", log) for log in logs]
    assert losses[0] == losses[1] and [step for _, step in losses[0]] == [
        str(step) for step in range(1, 13)
    ]  # 18 examples, 3 times
    model = project.models()[-1]
    validated = json.loads((model / "model_out" / "progress.json").read_text())
    first = max(validated, key=lambda entry: (entry["dev_accuracy"], -entry["step"]))  # of equally good ones
    assert [path.name for path in (model / "model_out" / "best").glob("*.index")] == [f"model.ckpt-{first['step']}.index"]
    kept = sorted(path.name for path in (model / "model_out").glob("model.ckpt-*.index"))
    assert kept == [f"model.ckpt-{step}.index" for step in (0, 12, 4, 8)]
    measures = [json.loads(line) for line in (model / "daisy" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in measures if "accuracy" in entry] == [1, 2, 3]
    (vocabulary,) = (project.root / "data" / "forms" / "tensor2tensor").glob("*/vocab.*")
    read = subprocess.run(
        [python_of_it(), "-c", EPOCHS, str(COMPANION), str(vocabulary.parent)], capture_output=True, text=True, check=True
    )
    first, second = (json.loads(line) for line in read.stdout.splitlines())
    assert [len(batch) for batch in first] == [5, 5, 5, 3] and first != second
    sources = [" ".join(line.split("\t")[0]) for line in (project.root / "pairs.tsv").read_text().splitlines()]
    assert sorted(chain(*first)) == sorted(chain(*second)) == sorted(sources)


@pytest.mark.slow
def test_for_real_what_is_wrong(project: DaisyProject) -> None:
    words = ["framework=tensor2tensor", "dataset=tiny", "train.epochs=1", *SMALL, *real_environment("tensor2tensor")]
    wrong = project.daisy(*words, "+framework.options.clip_grad_nrm=1")
    assert wrong.code == 2 and "did you mean framework.options.clip_grad_norm?" in wrong.one_line
    assert project.models() == []
    flag = subprocess.run(
        [python_of_it(), str(COMPANION / "run.py"), "decoder", "--", "--nope=3"], capture_output=True, text=True
    )
    assert flag.returncode == 2 and "error: Unknown command line flag 'nope'" in flag.stderr
    failed = project.daisy(*words, "+framework.options.num_area_layers=many", timeout=300)
    assert failed.code != 0 and "another type than tensor2tensor's" in failed.err + failed.out
    (records,) = (project.root / "data" / "forms" / "tensor2tensor").glob("*/daisy_pairs-train-*")
    records.unlink()
    missing = project.daisy(*words, timeout=300)
    assert missing.code != 0 and "made again" in missing.err + missing.out and "Traceback" not in missing.err


@pytest.mark.slow
@pytest.mark.skipif(device_here("auto") == GPU, reason="there is a GPU here")
def test_for_real_no_gpu(project: DaisyProject) -> None:
    words = ["framework=tensor2tensor", "dataset=tiny", "train.epochs=1", *SMALL, *real_environment("tensor2tensor")]
    failed = project.daisy(*words, "env.device=gpu", timeout=200)
    assert failed.code != 0 and "finds no GPU here" in failed.err + failed.out and "env.device=cpu" in failed.err + failed.out
    (model,) = project.models()
    log = (model / "daisy" / "run.out").read_text()
    assert "Traceback" not in log and "epoch 1 begins" not in log


BEST_OF = """
import os, shutil, sys
sys.path.insert(0, sys.argv[1])
import daisy_checkpoints, daisy_validation
from types import SimpleNamespace

folder = sys.argv[2]
best = os.path.join(folder, "best")
validation = daisy_validation.Validation.__new__(daisy_validation.Validation)
validation._hparams = SimpleNamespace(model_dir=folder, train_steps=90)
validation._steps_per_epoch, validation._patience = 10, 0
validation.history = daisy_checkpoints.History(folder, 0)
for number, accuracy in enumerate([0.0, 0.0, 0.5, 0.5, 0.4, 0.6, 0.1, 0.1], start=1):
    for end in (".index", ".data-00000-of-00001"):
        open(daisy_checkpoints.prefix(folder, 10 * number) + end, "w").close()
    if number == 7:
        shutil.rmtree(best)  # lost: the next one is better than none
    validation._exact_match = lambda session: accuracy
    validation.after_save(None, 10 * number)
    print(sorted(os.listdir(best))[-1])
"""


@pytest.mark.slow
def test_for_real_the_first_of_equally_good_epochs_is_the_best(tmp_path: Path) -> None:
    real_environment("tensor2tensor")
    words = [python_of_it(), "-c", BEST_OF, str(COMPANION), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    kept = re.findall(r"^model\.ckpt-(\d+)\.index$", done.stdout, re.MULTILINE)
    assert kept == ["10", "10", "30", "30", "30", "60", "70", "70"]


@pytest.mark.slow
def test_for_real_words_and_long_lines(project: DaisyProject) -> None:
    """Words spelled like special entries are words; each line comes out in its place, whatever its length."""
    pairs = [(f"the <UNK> {word} <unk>", f"<UNK> {word}") for word in ("cat", "dog", "hen", "cow", "pig", "<EOS>")] * 5
    words = [
        "framework=tensor2tensor", word_dataset(project, pairs), *SMALL, "train.epochs=10", "train.batch_size=5",
        "train.learning_rate=0.02", "arch.dropout=0", *real_environment("tensor2tensor"),
    ]  # fmt: skip
    done = project.daisy(*words, timeout=400)
    assert done.code == 0, done.err + done.out
    (model,) = project.models()
    assert result(model)["accuracy"] > 0.1
    rows = ["the <UNK> cat <unk>", " ".join(["cat"] * 1100), "the <UNK> dog <unk>", "q\u3000ж cow", "elephant"]
    (project.root / "lines").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (project.root / "short").write_text("".join(f"{row}\n" for row in rows if len(row) < 100), encoding="utf-8")
    for name in ("lines", "short"):
        done = project.daisy("predict", "-1", name, "--output", f"{name}.out", "--tokens", timeout=300)
        assert done.code == 0, done.err
    predicted, alone = (
        (project.root / f"{name}.out").read_text(encoding="utf-8").split("\n")[:-1] for name in ("lines", "short")
    )
    assert len(predicted) == len(rows) and [predicted[0], *predicted[2:]] == alone
