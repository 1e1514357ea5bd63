"""What pruning saves and what it costs: the same points searched with each pruner, as it is without options.

`patient+` is patient with `min_delta: 0.02`: the curves' noise is 0.01, and what is less than twice that is no gain.

    make bench-pruning                                  # planted learning curves, one late bloomer among them: some minutes
    make bench-pruning PARTS=many                       # a fifth of the curves are late bloomers, and better than all others
    make bench-pruning SEEDS="1 2 3" PRUNERS="none patient"
    make bench-pruning PARTS=real                       # arcadio on CoNLL-SIGMORPHON's Finnish: half an hour, both cores

Planted are curves that rise to different heights at different speeds, with noise; dead ones; and late bloomers, which begin
below all others: slow ones gain little at first, flat ones nothing until after half of their epochs. What is saved are epochs
until the pruner's word: an epoch here is so short that a few more pass until the framework has ended. For the real part
DAISY_TEST_DATA names the folder of the data (CONTRIBUTING.md). No bar is checked here.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from launching.project import ROOT, load, table
from pruners.curves import KINDS, MANY, accuracies, kind_of
from pruners.searched import Model, Project, Searched

sys.path.insert(0, str(ROOT / "tests"))
from support import SIGMORPHON

PARTS = ("one", "many", "real")
PRUNERS = ("none", "median", "percentile", "asha", "hyperband", "patient", "patient+")
REAL_PRUNERS = ("none", "median", "patient", "patient+")
TRIALS, EPOCHS, SLOTS = 40, 20, 4
REAL_TRIALS, REAL_EPOCHS, REAL_SLOTS = 30, 12, 2
PLANTED = "defaults: [{override /framework: planted}, {override /dataset: pairs}]\n"
REAL = """
defaults: [{override /framework: arcadio}, {override /dataset: cs/finnish}]
dataset: {size: medium}
arch: {embedding: 48}
""".lstrip()
REAL_SPACE = {
    "arch.kernel": "range(2,8)",
    "arch.filters": "choice(16,32,64)",
    "arch.hidden": "choice(32,64,96)",
    "arch.dropout": "interval(0.0,0.4)",
    "train.learning_rate": "tag(log, interval(5e-4,1e-2))",
}
BLOOMERS = {"slow": "slow bloomers", "flat": "flat bloomers"}
ALIKE = ["epochs until its word", "saved", "epochs trained", "pruned", "failed", "best accuracy %"]


def main() -> None:
    """The command line."""
    flags = argparse.ArgumentParser()
    flags.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; one where none is named")
    flags.add_argument("--pruners", nargs="+", choices=PRUNERS)
    flags.add_argument("--seeds", type=int, nargs="+", default=[1], help="of the points; a search each")
    flags.add_argument("--trials", type=int)
    asked = flags.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        flags.error(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}")
    if "real" in asked.parts and not SIGMORPHON.is_dir():
        sys.exit(f"the CoNLL-SIGMORPHON 2017 files are not in {SIGMORPHON}; set DAISY_TEST_DATA to the folder above them")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project")
        project.make()
        for part in asked.parts or PARTS[:1]:
            for seed in asked.seeds:
                if part == "real":
                    real(project, asked.pruners or REAL_PRUNERS, seed, asked.trials or REAL_TRIALS)
                else:
                    planted(project, part, asked.pruners or PRUNERS, seed, asked.trials or TRIALS)
    print(f"\n{load()} at the end")


def planted(project: Project, part: str, names: Sequence[str], seed: int, trials: int) -> None:
    """Print the table of the planted curves."""
    print(f"\nplanted curves, {part}, seed {seed}: {trials} trials of {EPOCHS} epochs, {SLOTS} at once\n", flush=True)
    rows, whole = list[list[str]](), trials * EPOCHS
    space = {"framework.options.curve": "interval(0.0,1.0)" if part == MANY else f"range(0,{trials})"}
    field = MANY if part == MANY else f"{part}-{seed}"
    kinds = [kind for kind in KINDS if part == MANY or kind != "flat"]
    for name in names:
        node = {"pruner": name, "sampler": {"name": "random", "seed": seed}, "trials": trials, "space": space}
        words = (f"env.max_running={SLOTS}", f"train.epochs={EPOCHS}", f"framework.options.field={field}")
        own = project.search(f"{part}-{seed}", PLANTED, node, *words)
        best = max(own.models, key=lambda model: max(accuracies(*model.curve, EPOCHS)))
        told = f"{'kept' if best.state == 'done' else best.state} ({kind_of(*best.curve)})"
        rows.append([*_alike(own, whole), told, *(_kept(own.models, kind) for kind in kinds), f"{own.wall:.0f}", load()])
        shutil.rmtree(project.root / f"models-{part}-{seed}-{name}")
    heads = [f"{BLOOMERS.get(kind, kind)} kept" for kind in kinds]
    table(["pruner", *ALIKE, "the best of all", *heads, "wall s", "machine"], rows)


def real(project: Project, names: Sequence[str], seed: int, trials: int) -> None:
    """Print the table of the real search. Pruning goes by arcadio's own dev accuracy."""
    sizes = f"{trials} trials of {REAL_EPOCHS} epochs, {REAL_SLOTS} at once"
    print(f"\narcadio, cs/finnish medium, seed {seed}: {sizes}\n", flush=True)
    rows, whole, bests = list[list[str]](), trials * REAL_EPOCHS, dict[str, float]()
    for name in names:
        node = {"pruner": name, "sampler": {"name": "random", "seed": seed}, "trials": trials, "space": REAL_SPACE}
        words = (f"env.max_running={REAL_SLOTS}", f"train.epochs={REAL_EPOCHS}", f"env.mirror={SIGMORPHON}")
        own = project.search(f"real-{seed}", REAL, node, *words)
        trained = sum(model.seconds for model in own.models)
        rows.append([*_alike(own, whole), f"{trained:.0f}", f"{own.wall:.0f}", load()])
        bests[name] = own.best
        print(f"{name}: {own.count('done')} done, best {own.best:.1%}, {own.wall:.0f} s", flush=True)
        shutil.rmtree(project.root / f"models-real-{seed}-{name}")
    print()
    table(["pruner", *ALIKE, "seconds in training, all models", "wall s", "machine"], rows)


def _alike(own: Searched, whole: int) -> list[str]:
    trained = sum(model.trained for model in own.models)
    return [
        own.pruner, str(own.epochs), f"{1 - own.epochs / whole:.0%}", str(trained), str(own.count("pruned")),
        str(own.count("failed")), f"{100 * own.best:.1f}",
    ]  # fmt: skip


def _kept(models: Sequence[Model], kind: str) -> str:
    own = [model.state for model in models if kind_of(*model.curve) == kind]
    return f"{own.count('done')} of {len(own)}"


if __name__ == "__main__":
    main()
