"""Runs JoeyNMT's training and prediction with what they lack (see outside.py), in JoeyNMT's own Python.

    run.py train --config JSON
    run.py predict --config JSON --source FILE --output FILE

The configuration is JoeyNMT's, with the same sections and names as its YAML. Before training it is written into model_out as
`config.yaml`.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["train", "predict"])
    flags.add_argument("--config", type=json.loads, required=True)
    flags.add_argument("--source", type=Path)
    flags.add_argument("--output", type=Path)
    known = flags.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # JoeyNMT would end as if all were well
    prepare(known.config["use_cuda"])
    if known.program == "train":
        train(known.config)
    else:
        predict(known.config, known.source, known.output)


def prepare(on_gpu: bool) -> None:
    """What must be so before PyTorch is imported: one processor or one GPU a model."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0] if on_gpu else ""
    import torch

    if on_gpu and not torch.cuda.is_available():  # JoeyNMT would take the processor and only warn
        sys.exit(f"ERROR: PyTorch {torch.__version__} finds no GPU here")


def log_every(config: dict) -> int:
    """Take training.logging_freq out: JoeyNMT wants it to divide validation_freq, which is an epoch here."""
    steps = config["training"]["logging_freq"]
    config["training"]["logging_freq"] = config["training"]["validation_freq"]
    return steps


def train(config: dict) -> None:
    """Train as `config` says, and say why it ended."""
    import outside
    import yaml
    from joeynmt import helpers, training

    outside.install(log_every(config))
    text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
    outside.write_whole(Path(config["model_dir"]) / "config.yaml", lambda file: file.write(text.encode("utf-8")))
    helpers.set_seed(config["random_seed"])  # JoeyNMT does so only when the network has been initialised
    try:
        training.train(rank=0, world_size=None, cfg=config, skip_test=True)
        why = outside.Trainer.ended
    except outside.OutOfPatience:
        why = "patience"
    print(f"[daisy] finished: {why}", flush=True)


def predict(config: dict, source: Path, output: Path) -> None:
    """Write a prediction for each line of `source` into `output`; an empty line's is empty."""
    import outside
    from joeynmt import prediction
    from joeynmt.config import parse_global_args

    outside.install(log_every(config))
    arguments = parse_global_args(config, rank=0, mode="translate")
    model, _, _, stream = prediction.prepare(arguments, rank=0, mode="translate")
    lines = outside.lines_of(source)
    stream.cache = [(line, None, None, None) for line in lines if line]
    stream.reset_indices()
    _, _, _, found, _, _ = prediction.predict(
        model=model,
        data=stream,
        device=arguments.device,
        n_gpu=arguments.n_gpu,
        num_workers=arguments.num_workers,
        normalization="none",
        args=arguments.test,
        autocast=arguments.autocast,
    )
    unknown, *others = model.trg_vocab.specials
    shown = {unknown: "<unk>"}
    predictions = iter(" ".join(shown.get(token, token) for token in tokens if token not in others) for tokens in found)
    text = "".join(f"{next(predictions) if line else ''}\n" for line in lines)
    outside.write_whole(output, lambda file: file.write(text.encode("utf-8")))


if __name__ == "__main__":
    main()
