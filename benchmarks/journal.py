"""The journal of a search under many processes at once: wall seconds per trial, and whether anything goes wrong.

    make bench-journal

24 processes ask (tpe, three parameters), report five steps and tell, on one journal, one trial after the other; four of them are
killed at random moments. Once on an empty journal, once on one with 5,000 finished trials. A trial's seconds are from opening the
journal, as a job of its own does, to what was told; they hold no training. No bar is checked here.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROCESSES = 24
KILLED = 4
SECONDS = 20.0
BEFORE = (0, 5_000)
STEPS = 5
LONGEST = 120.0  # seconds for the last trial of a process
STUDY = "s1700000000__journal"


def main() -> None:
    columns = ["trials before", "finished", "errors", "doubled numbers", "left running", "killed"]
    print(f"| {' | '.join([*columns, 'seconds per trial: median, 95 %', 'trials per second'])} |")
    print("|---|---|---|---|---|---|---|---|")
    for before in BEFORE:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder) / "study.log", before)


def measure(journal: Path, before: int) -> None:
    """One row of the table."""
    from optuna.trial import TrialState

    fill(journal, before)
    command = [sys.executable, __file__, str(journal)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for worker in workers:  # all have imported what they need
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    began = time.monotonic()
    for moment, victim in zip(sorted(random.uniform(1, SECONDS - 1) for _ in range(KILLED)), workers[:KILLED], strict=True):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        victim.kill()
    numbers, seconds, errors = [], [], 0
    for worker in workers:
        out, err = worker.communicate(timeout=SECONDS + LONGEST)
        rows = [line.split() for line in out.splitlines() if line.count(" ") == 1]
        numbers += [int(number) for number, _ in rows]
        seconds += [float(took) for _, took in rows]
        errors += bool(err.strip())
        if err.strip():
            print(err.strip().splitlines()[-1], file=sys.stderr)
    took = time.monotonic() - began
    trials = study(journal).get_trials(deepcopy=False)
    doubled = len(numbers) - len(set(numbers)) + len(trials) - len({trial.number for trial in trials})
    finished = sum(trial.state == TrialState.COMPLETE for trial in trials) - before
    running = sum(trial.state == TrialState.RUNNING for trial in trials)
    median, most = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    row = [before, finished, errors, doubled, running, KILLED, f"{median:.2f}, {most:.2f}", f"{finished / took:.1f}"]
    print(f"| {' | '.join(map(str, row))} |", flush=True)


def fill(journal: Path, trials: int) -> None:
    """So many finished trials, as processes that asked for them would have left them."""
    import json

    import optuna
    from optuna.distributions import distribution_to_json

    study(journal)
    now = "2024-01-01T00:00:00.000000+00:00"
    space = {"x": optuna.distributions.FloatDistribution(0, 1), "n": optuna.distributions.IntDistribution(1, 8)}
    kind = optuna.distributions.CategoricalDistribution(("conv", "rnn"))
    with journal.open("a") as file:
        for trial in range(trials):
            values = {"x": random.random(), "n": random.randint(1, 8), "kind": random.randint(0, 1)}
            records: list[dict[str, object]] = [{"op_code": 4, "study_id": 0, "datetime_start": now}]
            records += [
                {"op_code": 5, "trial_id": trial, "param_name": name, "param_value_internal": value,
                 "distribution": distribution_to_json(space.get(name, kind))}
                for name, value in values.items()
            ]  # fmt: skip
            records += [
                {"op_code": 7, "trial_id": trial, "step": step, "intermediate_value": 0.5} for step in range(1, STEPS + 1)
            ]
            records += [{"op_code": 6, "trial_id": trial, "state": 1, "values": [values["x"]], "datetime_complete": now}]
            file.writelines(json.dumps({"worker_id": "filled", **record}) + "\n" for record in records)


def study(journal: Path):  # type: ignore[no-untyped-def]
    """The study, opened anew with a sampler for one trial."""
    import optuna

    from daisy.sweep.chosen import Chosen
    from daisy.sweep.samplers import sampler
    from daisy.sweep.storage import opened

    chosen = sampler(Chosen("tpe"), random.randrange(2**31))
    return optuna.create_study(storage=opened(None, journal), study_name=STUDY, load_if_exists=True, sampler=chosen)


def work(journal: Path) -> None:
    """What one process does: trial after trial until the time is over."""
    import optuna  # noqa: F401

    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    while time.monotonic() < began + SECONDS:
        start = time.monotonic()
        here = study(journal)
        trial = here.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_int("n", 1, 8)
        trial.suggest_categorical("kind", ["conv", "rnn"])
        for step in range(1, STEPS + 1):
            trial.report(x / step, step)
        here.tell(trial, x)
        print(trial.number, time.monotonic() - start, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]))
    else:
        main()
