"""A search comes to be, or goes on: its places wait on disk, and each job that claims one asks for its own trial."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from daisy.configuration import Configuration, Environment, Project
from daisy.configuration.model import leaves
from daisy.errors import ConfigurationError, FolderError, LaunchError
from daisy.files import sha256
from daisy.folder import ModelFolder, NewSearch, Numbering, SweepFolder, create_sweep, patch_name
from daisy.launch import lanes, sbatch
from daisy.launch.evidence import Cluster
from daisy.launch.frozen import freeze
from daisy.launch.lanes import lanes_for
from daisy.launch.planning import Plan, measured
from daisy.launch.recovery import RUNNER, check_not_run, claiming, locked, recover, wait_again
from daisy.launch.searching import TO_REBUILD, check_idle, closed_places, is_reopened, over_places, rebuild, up_to_date
from daisy.launch.starting import models_dir_of_all
from daisy.launch.submit import SLURM, Submission, filled_or_withdrawn, info_of, launcher_of, named_sweeps, to_its_end
from daisy.launch.warm import WarmStart, more_for
from daisy.sweep import Named, Origin, Search, changes, check_unchanged, origin_of
from daisy.sweep.pruners import pruner
from daisy.sweep.samplers import check_space
from daisy.sweep.storage import opened
from daisy.sweep.study import JOURNAL

WHOLE_ENDS = re.compile(r"interval\(\s*(\w+\s*=\s*)?[+-]?[\d_]+\s*,\s*(\w+\s*=\s*)?[+-]?[\d_]+\s*\)")


@dataclass(frozen=True)
class AskedSearch:
    """A search as a command asks for it: `samples` are models of its space, for each base one of each choice of groups.

    They are checked, and their datasets prepared: nodes may have no network. `bases` are the overrides of each base as the
    configuration has them, wherever they were typed; `warm` is what is known of earlier models.
    """

    named: Named
    search: Search
    bases: Sequence[Sequence[str]]
    samples: Sequence[Sequence[Plan]]
    warm: WarmStart = field(default_factory=WarmStart)

    @property
    def env(self) -> Environment:
        """Where its models run."""
        env = self.samples[0][0].configuration.env
        return env if self.search.retries is None else replace(env, max_resumes=self.search.retries)

    @property
    def plans(self) -> list[Plan]:
        """All samples."""
        return [planned for own in self.samples for planned in own]


def check(asked: AskedSearch) -> None:
    """Raise ConfigurationError for what would go wrong in each job."""
    if any(planned.configuration.again for planned in asked.plans):
        raise ConfigurationError("again=true: a search asks for its models itself; for a new one give the file another name")
    if len({json.dumps(planned.configuration.env.to_json(), sort_keys=True) for planned in asked.plans}) > 1:
        raise ConfigurationError("a search runs in one env, and here are several: launch them one after the other")
    _check_space(asked)
    if asked.search.storage is not None:
        opened(asked.search.storage, Path(JOURNAL))  # before anything is made
    if not asked.search.prunes:
        return
    pruner(asked.search.pruner, _epochs(asked.plans[0].configuration))
    measures = {(one.name, one.direction) for one in (measured(planned, asked.search.measure) for planned in asked.plans)}
    if len(measures) > 1:
        names = ", ".join(sorted(name for name, _ in measures))
        raise ConfigurationError(
            f"the pruner compares models by one measure, and these tell {names}: set train.validate=each, or sweep.measure=NAME"
        )


def _check_space(asked: AskedSearch) -> None:
    """Raise ConfigurationError where the sampler can do nothing with the space."""
    space = asked.named.space
    assert space is not None
    distributions = {name: one for point in space.samples() for name, one in space.distributions(point).items()}
    check_space(asked.search.sampler, distributions)
    for planned in asked.plans:
        _check_ends(asked.search, planned.configuration)


def _check_ends(search: Search, configuration: Configuration) -> None:
    """Raise ConfigurationError for an interval with whole ends where a number is meant: as in Hydra 1.4 it has no others."""
    for key, text, _ in search.searched():
        if WHOLE_ENDS.search(text) and isinstance(configuration.defaults.get(key), float):
            told = f"{text} has only whole numbers, and it is a number like {configuration.defaults[key]:g}"
            raise ConfigurationError(f"{key}: {told}: write its ends with a point, interval(0.0,1.0)")


def submit_search(project: Project, asked: AskedSearch, name: str, command: Sequence[str]) -> Submission:
    """Make the sweep of a search, whole on disk, or go on with the one that is there, and submit jobs on Slurm.

    Raises ConfigurationError where its definition is another one than before, LaunchError where it runs already, or Slurm
    takes nothing: nothing has changed then.
    """
    check(asked)
    models_dir, launcher = models_dir_of_all(asked.plans), launcher_of(asked.plans)
    wishes = asked.env.slurm
    if wishes is not None:
        sbatch.check(lanes_for(models_dir, wishes), models_dir)
    origin = origin_of(asked.named, [])
    is_another = False
    with to_its_end() as stopped, locked(models_dir):
        known = known_search(models_dir, origin, asked)
        queue = lanes.the_queue() if launcher == SLURM else None
        info = _info(asked, origin, name, command, launcher)
        if known is not None and (is_another := _searches_otherwise(known, info)):
            check_idle(known)
        over = over_places(known) if known is not None else frozenset()
        if known is not None:
            sweep, new = _go_on(project, known, asked, {**info, **({TO_REBUILD: True} if is_another else {})}), None
        else:
            sweep = new = _create(project, models_dir, asked, info)
        to_rebuild = is_another or is_reopened(sweep, over)
        filled = None
        if queue is not None and not to_rebuild:
            filled = filled_or_withdrawn(models_dir, queue, new, sweep)
    if to_rebuild:
        if is_another:
            up_to_date(sweep)  # a job that has begun meanwhile may have done it
        else:
            with suppress(LaunchError):  # a job that has just begun says the same, once more
                rebuild(sweep)
        if queue is not None:  # its jobs ask a study of the new definition
            with locked(models_dir):
                filled = filled_or_withdrawn(models_dir, lanes.the_queue(), None, sweep)
    return Submission(sweep, [], [], filled, stopped[0] if stopped else None, sweep)


def _searches_otherwise(sweep: SweepFolder, now: Mapping[str, Any]) -> bool:
    """Whether its study has to be made again: it would have other parameters or reports, or be somewhere else."""
    before = sweep.info()
    if before.get(TO_REBUILD, False) or before.get("measure", now["measure"]) != now["measure"]:
        return True
    there, here = (info["named"]["content"]["sweep"] for info in (before, now))
    return any(there.get(key) != here.get(key) for key in ("space", "when", "goal", "storage"))


def known_search(models_dir: Path, origin: Origin, asked: AskedSearch) -> SweepFolder | None:
    """The folder of the same search, None where there is none yet. Raises ConfigurationError where it has become another one."""
    earlier = list(named_sweeps(models_dir))
    check_unchanged(origin, [(sweep.sweep_id, before) for sweep, before in earlier])
    own = (origin.name, origin.kind, list(map(list, origin.bases)))
    known = [sweep for sweep, before in earlier if (before.name, before.kind, list(map(list, before.bases))) == own]
    if not known:
        return None
    _check_same_beside(known[-1], asked, origin.extend)
    return known[-1]


def _check_same_beside(sweep: SweepFolder, asked: AskedSearch, extend: bool) -> None:
    """What is not searched is the same for all trials."""
    before, now = sweep.info()["search"]["beside"], _beside(asked)
    if (differ := [told for old, new in zip(before, now, strict=False) for told in changes(old, new)]) and not extend:
        raise ConfigurationError(
            f"the models of {sweep.sweep_id} would not be what they were when it was launched ({'; '.join(differ)}): undo that, "
            "give the sweep another name, or add sweep.extend=true"
        )


def _beside(asked: AskedSearch) -> list[dict[str, Any]]:
    """What the configurations of each base have beside what is searched, and the data."""
    searched = {*(asked.named.space.keys() if asked.named.space is not None else ())}
    sections = {"architecture": "arch", "framework": "framework", "dataset": "dataset"}
    prefixes = tuple(f"{sections.get(key, key)}." for key in searched)
    found = []
    for own in asked.samples:
        values = {key: value for key, value in leaves(own[0].configuration.values) if key not in searched}
        kept = {key: value for key, value in values.items() if not key.startswith(prefixes) and key != "seed"}
        found.append({**kept, "dataset.checksum": own[0].content["dataset"]["checksum"]} if "dataset" not in searched else kept)
    return found


def _info(asked: AskedSearch, origin: Origin, name: str, command: Sequence[str], launcher: str) -> dict[str, Any]:
    """What sweep.json says, but how many models there are."""
    like = asked.plans[0]
    return {
        **info_of(name, command, launcher, like, asked.env),
        "identities": [],
        "named": origin.to_json(),
        "epochs": _epochs(like.configuration),
        "measure": asdict(measured(like, asked.search.measure)) if asked.search.prunes else None,
        "search": {
            "bases": [list(base) for base in asked.bases],
            "repeats": [list(repeat) for repeat in asked.named.repeats],
            "beside": _beside(asked),
        },
    }


def _epochs(configuration: Configuration) -> int | None:
    epochs = configuration.value("train.epochs")
    return epochs if isinstance(epochs, int) else None


def _for_slurm(models_dir: Path, asked: AskedSearch, places: int) -> dict[str, Any]:
    wishes = asked.env.slurm
    if wishes is None:
        return {}
    lane = lanes_for(models_dir, wishes)
    return {"tags": [lane.tag] * places, "slurm": {lane.tag: dict(lane.wishes)}}


def _create(project: Project, models_dir: Path, asked: AskedSearch, info: Mapping[str, Any]) -> SweepFolder:
    now = time.time()
    numbering = Numbering(len(asked.named.repeats), [(base, asked.search.trials) for base in range(len(asked.bases))])
    patches = {patch_name(sha256(patch)): patch for planned in asked.plans for patch in planned.patches.values()}
    whole = {**info, "created": now, "count": numbering.places, **_for_slurm(models_dir, asked, numbering.places)}
    runner = RUNNER if info["launcher"] != SLURM else None
    search = NewSearch(numbering, asked.warm.points, asked.warm.left_out)
    return create_sweep(models_dir, info["name"], whole, [], freeze(project, models_dir), patches, now, runner, search)


def _go_on(project: Project, sweep: SweepFolder, asked: AskedSearch, info: Mapping[str, Any]) -> SweepFolder:
    """The same search once more: what is missing of it waits again. Only under the lock."""
    check_not_run(sweep)
    before, numbering = sweep.info(), sweep.numbering()
    longer = _longer(sweep, numbering, asked)
    for planned in asked.plans:
        for patch in planned.patches.values():
            sweep.add_patch(patch_name(sha256(patch)), patch)
    cluster = Cluster()
    recover(sweep, cluster)
    wait_again(sweep, cluster)
    _ask_for_lost(sweep, numbering)
    if sweep.held() is not None:
        _try_again(sweep)
    if changed := bool(changes(before["named"]["content"], info["named"]["content"])):
        sweep.end({})
    sweep.run_from_now_on(freeze(project, sweep.models_dir))
    kept = {key: value for key, value in before.items() if key not in ("tags", "slurm", TO_REBUILD)}
    sweep.write_info({
        **kept, **info, "created": before["created"],
        "searching_since": time.time() if changed else before.get("searching_since", before["created"]),
        "numbering": longer.to_json(), "count": longer.places, **_for_slurm(sweep.models_dir, asked, longer.places),
    })  # fmt: skip
    if (warm := warm_for(sweep, asked)) is not None:
        sweep.trials.write_warm(warm.points, warm.left_out)
    _add_missing(sweep, longer)
    _uncancel(sweep)
    sweep.release(time.time())
    if info["launcher"] != SLURM:
        sweep.register(RUNNER)
    return sweep


def warm_for(sweep: SweepFolder, asked: AskedSearch) -> WarmStart | None:
    """What a search knows of earlier models when it is extended so that it uses them; None where nothing changes in that."""
    if not (asked.search.warm_start and asked.search.extend):
        return None
    assert asked.named.space is not None
    return more_for(sweep, asked.named.space, asked.warm)


def _longer(sweep: SweepFolder, numbering: Numbering, asked: AskedSearch) -> Numbering:
    """With as many trials as are asked for now. Raises ConfigurationError where they can not follow those of before."""
    if (repeats := len(asked.named.repeats)) != numbering.repeats:
        models = f"{numbering.repeats} model{'' if numbering.repeats == 1 else 's'}"
        told = f"sweep.repeat: a trial of {sweep.sweep_id} has {models}, and would have {repeats} now"
        raise ConfigurationError(f"{told}: leave it as it was, or give the sweep another name")
    there = numbering.trials // len(asked.bases)
    more = asked.search.trials - there
    if more < 0:
        way_out = f"`daisy cancel {sweep.sweep_id}` ends it; a smaller one needs a name of its own"
        raise ConfigurationError(f"sweep.trials={asked.search.trials}: {sweep.sweep_id} has {there} already; {way_out}")
    return replace(numbering, blocks=[*numbering.blocks, *((base, more) for base in range(len(asked.bases)) if more)])


def _add_missing(sweep: SweepFolder, numbering: Numbering) -> None:
    """Places that are nowhere: new ones, and those of a command that was killed before it came to them."""
    with claiming(sweep.models_dir):
        there = {place.number for place in sweep.places()}
        sweep.add_places(number for number in range(1, numbering.places + 1) if number not in there)


def _ask_for_lost(sweep: SweepFolder, numbering: Numbering) -> None:
    """What somebody has removed is trained anew: models, and trials whose file is gone."""
    asked, workers = frozenset(sweep.trials.numbers()), frozenset(sweep.workers())
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        is_gone = model is not None and not (sweep.models_dir / model).exists()
        if place.worker not in workers and (is_gone or numbering.trial_of(place.number) not in asked):
            sweep.begin_anew(place)


def _uncancel(sweep: SweepFolder) -> None:
    """What somebody has cancelled waits again; not what no more is asked for."""
    closed = closed_places(sweep)
    for place in sweep.places("cancelled"):
        if place.number not in closed:
            sweep.put_back(place)


def _try_again(sweep: SweepFolder) -> None:
    """A search that was held is mended: what failed, or could not be trained, is begun once more."""
    for trial in sweep.trials.all():
        if trial.refused is not None:
            sweep.trials.forget(trial.number)
    for place in sweep.places("claimed"):
        model = sweep.begun(place).model
        with suppress(FolderError):  # a damaged one is the registry's to name
            if model is None or ModelFolder(sweep.models_dir / model).read_result()["state"] == "failed":
                sweep.put_back(place)
