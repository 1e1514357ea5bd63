"""From configurations to models that train: plans, the queue on disk, slots."""

from daisy.launch.plan import Plan, Planner, plan
from daisy.launch.start import Launch, resume, start

__all__ = ["Launch", "Plan", "Planner", "plan", "resume", "start"]
