"""Train one model: prepare, train, validate, score, keep. What a process of its own, or a Slurm task, executes."""

from daisy.job.judge import Judge
from daisy.job.observer import Observer, Silent, Training, Unshaken
from daisy.job.stop import Stopped, stoppable
from daisy.job.train import Outcome, run

__all__ = ["Judge", "Observer", "Outcome", "Silent", "Stopped", "Training", "Unshaken", "run", "stoppable"]
