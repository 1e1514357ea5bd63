"""Runs fairseq's command lines as they are, with what they lack, in fairseq's own Python.

    run.py preprocess --escape CANONICAL TEXT ... -- ARGUMENTS
    run.py train -- ARGUMENTS
    run.py generate --form FOLDER --source FILE --output FILE -- ARGUMENTS

Added from outside: tokens that fairseq would take apart or for its own (see escaping.py), exact match on the dev set while
training (see exact_match.py), checkpoints that are whole whenever a kill comes and say of which epoch they are, the first of
several epochs that are equally good as the best, patience that lasts over a resume, a word where there is no GPU, and why
training ended. `generate` puts any file into binarised form first; its output is what fairseq-generate printed.
"""

import argparse
import json
import logging
import math
import os
import shutil
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LANGUAGES = ["--source-lang", "source", "--target-lang", "target"]
ENDS = {
    "early stop": "patience",
    "Stopping training due to num_updates": "updates",
    "Stopping training due to cumulative_training_time": "hours",
    "stopping training because current learning rate": "learning rate",
}


def main():
    words = sys.argv[1:]
    cut = words.index("--")
    flags = argparse.ArgumentParser()
    flags.add_argument("program", choices=["preprocess", "train", "generate"])
    flags.add_argument("--escape", nargs=2, action="append", type=Path, default=[])
    flags.add_argument("--form", type=Path)
    flags.add_argument("--source", type=Path)
    flags.add_argument("--output", type=Path)
    known, arguments = flags.parse_args(words[:cut]), words[cut + 1 :]
    sys.path.append(str(HERE))
    if known.program == "preprocess":
        preprocess_escaped(known.escape, arguments)
        return
    prepare(on_gpu="--cpu" not in arguments)
    if known.program == "train":
        train(arguments)
    else:
        generate(known, arguments)


def prepare(on_gpu):
    """What must be so before PyTorch is imported: one GPU a model, the first of those that it may see, or none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0] if on_gpu else ""
    if on_gpu:
        import torch

        if not torch.cuda.is_available():  # fairseq would take the processor, and say nothing of it
            sys.exit(f"ERROR: PyTorch {torch.__version__} finds no GPU here")


def preprocess_escaped(texts, arguments):
    """Binarise canonical files into the current folder; the escaped texts are gone afterwards."""
    from escaping import escape_file

    for canonical, text in texts:
        text.parent.mkdir(exist_ok=True)
        escape_file(canonical, text)
    preprocess(arguments)
    for folder in {text.parent for _, text in texts}:
        shutil.rmtree(folder)
    Path("preprocess.log").unlink()  # it names this folder, which gets another name


def preprocess(arguments):
    from fairseq_cli.preprocess import cli_main

    sys.argv = ["fairseq-preprocess", *LANGUAGES, *arguments]
    cli_main()


def train(arguments):
    from fairseq.file_io import PathManager
    from fairseq_cli.train import cli_main

    import exact_match

    PathManager.copy = staticmethod(copy_atomically)
    mark_checkpoints()
    keep_patience()
    prefer_the_first()
    ends = Ends()
    logging.getLogger("fairseq_cli.train").addFilter(ends)
    task = ["--task", exact_match.NAME, "--best-checkpoint-metric", exact_match.FIGURE, "--maximize-best-checkpoint-metric"]
    sys.argv = ["fairseq-train", *arguments, *LANGUAGES, *task]
    cli_main()
    print(f"[daisy] finished: {ends.why}", flush=True)


def generate(known, arguments):
    """Predict a file; the output takes its place whole."""
    from escaping import escape_file

    folder = Path(f"{known.output}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)  # what a kill has left
    folder.mkdir()
    for language in ("source", "target"):
        shutil.copyfile(known.form / f"dict.{language}.txt", folder / f"dict.{language}.txt")
    escape_file(known.source, folder / "text.source")
    texts = ["--srcdict", str(folder / "dict.source.txt"), "--testpref", str(folder / "text"), "--only-source"]
    preprocess([*texts, "--destdir", str(folder), "--workers", "1"])
    from fairseq_cli.generate import cli_main

    sys.argv = ["fairseq-generate", str(folder), *LANGUAGES, *arguments, "--results-path", str(folder)]
    cli_main()
    os.replace(folder / "generate-test.txt", known.output)
    shutil.rmtree(folder)


def copy_atomically(source, output, overwrite=False):
    """In place of fairseq's copying of a checkpoint into the one before, which a kill would leave torn."""
    unfinished = f"{output}.unfinished"
    shutil.copyfile(source, unfinished)
    os.replace(unfinished, output)
    return output


def mark_checkpoints():
    """Write into each checkpoint of which epoch it is, where it can be read without PyTorch; it takes its place whole."""
    from fairseq.trainer import Trainer

    save = Trainer.save_checkpoint

    def save_checkpoint(trainer, filename, extra_state):
        unfinished = f"{filename}.unfinished"
        save(trainer, unfinished, extra_state)
        place = extra_state["train_iterator"]  # at the end of an epoch it is that of the next one
        epoch = place["epoch"] - (place["iterations_in_epoch"] == 0)
        mark(unfinished, epoch=epoch, step=trainer.get_num_updates())
        os.replace(unfinished, filename)

    Trainer.save_checkpoint = save_checkpoint


def mark(path, **place):
    """Add an entry `daisy.json` to an archive of PyTorch, in the folder that all of its entries are in."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{archive.namelist()[0].partition('/')[0]}/daisy.json", json.dumps(place))


def prefer_the_first():
    """Of epochs that are equally good the first is the best: fairseq takes the last, though its patience counts as we do."""
    from fairseq import checkpoint_utils

    save = checkpoint_utils.save_checkpoint

    def save_checkpoint(cfg, trainer, epoch_itr, val_loss):
        if val_loss is not None and val_loss == getattr(save_checkpoint, "best", None):
            val_loss = math.nextafter(val_loss, -math.inf if cfg.maximize_best_checkpoint_metric else math.inf)
        save(cfg, trainer, epoch_itr, val_loss)

    checkpoint_utils.save_checkpoint = save_checkpoint  # whose attribute `best` is what fairseq reads and sets by that name


def keep_patience():
    """Keep how long the accuracy has not been better in the checkpoints: fairseq forgets it at a resume."""
    from fairseq.trainer import Trainer
    from fairseq_cli.train import should_stop_early

    save, load = Trainer.save_checkpoint, Trainer.load_checkpoint

    def save_checkpoint(trainer, filename, extra_state):
        save(trainer, filename, {**extra_state, "should_stop_early": dict(vars(should_stop_early))})

    def load_checkpoint(trainer, *arguments, **named):
        extra_state = load(trainer, *arguments, **named)
        kept = (extra_state or {}).get("should_stop_early", {})
        vars(should_stop_early).update(kept)
        patience = trainer.cfg.checkpoint.patience
        if 0 < patience <= kept.get("num_runs", 0):  # it had ended, and was asked to go on
            logging.getLogger("fairseq_cli.train").info(f"early stop: no better one for the last {patience} epochs")
            trainer.cfg.optimization.max_epoch = extra_state["train_iterator"]["epoch"] - 1
        return extra_state

    Trainer.save_checkpoint, Trainer.load_checkpoint = save_checkpoint, load_checkpoint


class Ends(logging.Filter):
    """Notices why fairseq ends: after the last epoch it does not say."""

    why = "epochs"

    def filter(self, record):
        """Lets everything pass."""
        message = record.getMessage()
        self.why = next((why for beginning, why in ENDS.items() if message.startswith(beginning)), self.why)
        return True


if __name__ == "__main__":
    main()
