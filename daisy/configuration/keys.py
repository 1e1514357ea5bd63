"""The keys that mean the same everywhere: their types, bounds and short names. Other keys take the type of their default."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "text": "a text"}


@dataclass(frozen=True)
class Key:
    """What values a key takes. `tag` is its short name in a config id; `always` keeps it there at its default too."""

    name: str
    kind: str
    minimum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    per_layer: bool = False
    tag: str | None = None
    always: bool = False

    def wanted(self) -> str:
        """The values that the key takes, in words."""
        if self.choices:
            words = " or ".join(self.choices)
        else:
            words = KINDS[self.kind]
            if self.minimum is not None:
                words += f" from {self.minimum:g}"
            if self.above is not None:
                words += f" above {self.above:g}"
            if self.below is not None:
                words += f" below {self.below:.10g}"
        if self.per_layer:
            words += ", or a list of them with one per layer"
        return words + (", or null" if self.optional else "")

    def accepted(self, value: Any) -> Any:
        """`value` as this key's type. Raises ValueError where it is none of its values."""
        if value is None:
            if self.optional:
                return None
            raise ValueError
        if self.per_layer and isinstance(value, Sequence) and not isinstance(value, str):
            if not value:
                raise ValueError
            return [self._one(entry) for entry in value]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        value = as_kind(self.kind, value)
        if self.choices and value not in self.choices:
            raise ValueError
        if self.kind in ("integer", "number") and not (
            (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        ):
            raise ValueError
        return value


def as_kind(kind: str, value: Any) -> Any:
    """`value` as an integer, number, boolean or text. Raises ValueError where that would change what it says."""
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "text" and isinstance(value, (str, bool, int, float)):
        return value if isinstance(value, str) else str(value)
    if kind in ("integer", "number") and isinstance(value, (int, float)) and not isinstance(value, bool):
        if kind == "number" and math.isfinite(value):
            return float(value) + 0.0  # -0.0 is 0.0
        if kind == "integer" and isinstance(value, int):
            return value
    raise ValueError


def kind_of(value: Any) -> str | None:
    """The kind of a default; None for one that does not tell (null, a list, a section)."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "text" if isinstance(value, str) else None


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("seed", "integer", minimum=0, below=2**32, tag="s"),
        Key("again", "boolean"),
        Key("train.epochs", "integer", minimum=1, optional=True, tag="e"),
        Key("train.seconds", "number", above=0, optional=True, tag="t"),
        Key("train.batch_size", "integer", minimum=1, tag="b"),
        Key("train.learning_rate", "number", above=0, tag="lr"),
        Key("train.patience", "integer", minimum=0, tag="p"),
        Key("train.validate", "text", choices=("best", "each"), tag=""),
        Key("arch.encoder", "text", choices=("conv", "rnn", "transformer"), tag=""),
        Key("arch.kernel", "integer", minimum=1, per_layer=True, tag="k", always=True),
        Key("arch.filters", "integer", minimum=1, per_layer=True, tag="f", always=True),
        Key("arch.layers", "integer", minimum=1, tag="l"),
        Key("arch.pool", "integer", minimum=1, tag="pool"),
        Key("arch.highway", "integer", minimum=0, tag="hw"),
        Key("arch.heads", "integer", minimum=1, tag="heads"),
        Key("arch.feedforward", "integer", minimum=1, tag="ff"),
        Key("arch.embedding", "integer", minimum=1, tag="emb"),
        Key("arch.hidden", "integer", minimum=1, tag="h"),
        Key("arch.attention", "boolean"),
        Key("arch.dropout", "number", minimum=0, below=1, tag="d"),
        Key("env.models_dir", "text"),
        Key("env.data_dir", "text"),
        Key("env.mirror", "text", optional=True),
        Key("env.environments_dir", "text"),
        Key("env.device", "text", choices=("auto", "cpu", "gpu")),
        Key("env.max_running", "integer", minimum=1, optional=True),
        Key("env.stop_after_same_failures", "integer", minimum=0),
        Key("env.max_resumes", "integer", minimum=0),
        Key("env.slurm.cap", "text", choices=("lanes", "array")),
        Key("env.slurm.array_parallelism", "integer", minimum=1),
        Key("env.slurm.name", "text"),
        Key("env.slurm.timeout_min", "integer", minimum=1),
        Key("env.slurm.signal_delay_s", "integer", minimum=1),
        Key("env.slurm.partition", "text", optional=True),
        Key("env.slurm.account", "text", optional=True),
        Key("env.slurm.qos", "text", optional=True),
        Key("env.slurm.constraint", "text", optional=True),
        Key("env.slurm.exclude", "text", optional=True),
        Key("env.slurm.nodes", "integer", minimum=1),
        Key("env.slurm.tasks_per_node", "integer", minimum=1),
        Key("env.slurm.cpus_per_task", "integer", minimum=1, optional=True),
        Key("env.slurm.cpus_per_gpu", "integer", minimum=1, optional=True),
        Key("env.slurm.gpus_per_node", "integer", minimum=0, optional=True),
        Key("env.slurm.gpus_per_task", "integer", minimum=0, optional=True),
        Key("env.slurm.gres", "text", optional=True),
        Key("env.slurm.mem_gb", "number", above=0, optional=True),
        Key("env.slurm.mem_per_cpu", "text", optional=True),
        Key("env.slurm.mem_per_gpu", "text", optional=True),
        Key("env.slurm.stderr_to_stdout", "boolean"),
    )
}
"""Architecture and training keys mean the same in each framework; a framework that can't honour one refuses it."""

SLURM = "env.slurm"
SLURM_PARAMETERS = f"{SLURM}.additional_parameters"
SLURM_COLLECTIONS = (f"{SLURM}.setup", f"{SLURM}.srun_args", SLURM_PARAMETERS)
"""The lists and the mapping among the keys of Slurm; all others are in KEYS."""

READ_BY_DAISY = ("framework.name", "framework.adapter", "framework.source", "train.validate")
"""Keys that Daisy itself reads, whatever the framework does."""
KEPT_BY_DAISY = "train.seconds"
"""Daisy stops a framework that does not read it; where it is null, there is nothing to read."""
