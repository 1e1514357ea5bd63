"""What to do about what Slurm refuses: its own words, with a way out."""

from daisy.errors import LaunchError

LIMITS = ("MaxSubmit", "accounting/QOS policy", "Resource temporarily unavailable")
"""In the text of Slurm's: so many jobs at once are too many; fewer may do."""

TOO_MUCH_FOR_ONE = "PerJob"
"""In the name of a limit (QOSMaxWallDurationPerJobLimit): one job alone asks for too much, and fewer jobs do not help."""

NO_NODES_NOW = "Requested node configuration is not available"
"""What Slurm says of a job that no node can run: because none has what it asks for, or because those that have are away."""
NEVER = ("PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit", "BadConstraints", "PerJobLimit", "Invalid", "NotAllowed")
"""In the reason why a job is pending: it will never start as it is."""

WAYS_OUT = (
    ("Invalid partition", "set env.slurm.partition to one that `sinfo --summarize` shows"),
    ("Invalid account", "set env.slurm.account to one that `sacctmgr show associations user=$USER` shows"),
    ("Invalid qos", "set env.slurm.qos to one that `sacctmgr show qos` shows"),
    (
        NO_NODES_NOW,
        "no node has what is asked for: lower env.slurm.cpus_per_task, gpus_per_node or mem_gb, or choose another "
        "env.slurm.partition or constraint (`sinfo --Node --long` shows the nodes)",
    ),
    ("partition not available", "choose another env.slurm.partition: `sinfo --summarize` shows which are up"),
    (
        "Partition",
        "env.slurm.partition does not allow it: lower env.slurm.timeout_min or nodes, or choose another partition (`scontrol "
        "show partition` shows their limits)",
    ),
    ("Invalid feature specification", "set env.slurm.constraint to features that `sinfo --format %f` shows"),
    ("Invalid generic resource", "set env.slurm.gres to what `sinfo --format %G` shows"),
    ("Requested time limit is invalid", "lower env.slurm.timeout_min"),
    ("Invalid node name", "mend env.slurm.exclude"),
    ("array specification", "lower env.slurm.array_parallelism"),
    (
        TOO_MUCH_FOR_ONE,
        "one job asks for too much: lower env.slurm.timeout_min, cpus_per_task, gpus_per_node or mem_gb, or set another "
        "env.slurm.qos (`sacctmgr show qos` shows the limits)",
    ),
    *((limit, "wait until some of your jobs have ended (`squeue --me`), then run this again") for limit in LIMITS),
    ("nrecognized option", "mend env.slurm.additional_parameters"),
    ("nvalid", "mend what --dry-run shows as #SBATCH lines: env.slurm sets them"),
    ("fetch_config", "this machine is not set up for Slurm: launch on the cluster, or set SLURM_CONF"),
    ("ontact", "run this again when Slurm answers (`sinfo` shows whether it does)"),
    ("onnect", "run this again when Slurm answers (`sinfo` shows whether it does)"),
    ("Zero Bytes", "run this again when Slurm answers (`sinfo` shows whether it does)"),
    ("imed out", "run this again when Slurm answers (`sinfo` shows whether it does)"),
)
"""A part of Slurm's text, and what to do then; the first one that fits counts."""


def refusal(text: str) -> LaunchError:
    """The error for what Slurm has said."""
    way_out = next((way_out for part, way_out in WAYS_OUT if part in text), "mend what it names: --dry-run shows the sbatch text")
    return LaunchError(f"Slurm refuses: {text}: {way_out}")


def is_for_ever(reason: str) -> bool:
    """Whether a job that is pending for this reason will never start."""
    return any(part in reason for part in NEVER)


def is_limit(text: str) -> bool:
    """Whether Slurm would take fewer jobs."""
    return TOO_MUCH_FOR_ONE not in text and any(limit in text for limit in LIMITS)
