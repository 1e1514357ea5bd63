"""From configurations to models that train: plans, the queue on disk, slots."""

from daisy.launch.planning import Plan, Planner, plan
from daisy.launch.slots import a_slot
from daisy.launch.starting import Already, Launch, already, check_resumable, resume, start

__all__ = ["Already", "Launch", "Plan", "Planner", "a_slot", "already", "check_resumable", "plan", "resume", "start"]
