"""Adam (Kingma and Ba 2015) with clipped gradients, and the schedule of the learning rate."""

from __future__ import annotations

import math

import numpy as np

from arcadio_parameters import Array, Parameters

WARM_UP_STEPS = 100
LARGEST_NORM = 1.0


class Adam:
    """Updates all weights at once, in place; `first`, `second` and `steps` are all its state."""

    def __init__(self, parameters: Parameters, decay: tuple[float, float] = (0.9, 0.999)) -> None:
        self.parameters = parameters
        self.decay = decay
        self.first: Array = np.zeros_like(parameters.values)
        self.second: Array = np.zeros_like(parameters.values)
        self.steps = 0
        self._scratch: Array = np.empty_like(parameters.values)

    def update(self, learning_rate: float) -> float:
        """One step along the gradients, scaled down to the norm LARGEST_NORM if longer; returns their norm."""
        gradients, scratch = self.parameters.gradients, self._scratch
        norm = math.sqrt(float(gradients @ gradients))
        if norm > LARGEST_NORM:
            gradients *= LARGEST_NORM / norm
        self.steps += 1
        decay_first, decay_second = self.decay
        self.first *= decay_first
        np.multiply(gradients, 1 - decay_first, out=scratch)
        self.first += scratch
        self.second *= decay_second
        np.multiply(gradients, gradients, out=scratch)
        scratch *= 1 - decay_second
        self.second += scratch
        np.sqrt(self.second, out=scratch)
        correction = math.sqrt(1 - decay_second**self.steps)
        scratch += 1e-8 * correction
        np.divide(self.first, scratch, out=scratch)
        scratch *= learning_rate * correction / (1 - decay_first**self.steps)
        self.parameters.values -= scratch
        return norm


def scheduled_rate(highest: float, step: int, progress: float) -> float:
    """Up in a straight line over WARM_UP_STEPS, then down with the cosine of the progress (0 to 1) to a hundredth."""
    warm_up = min(1.0, step / WARM_UP_STEPS)
    down = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return highest * min(warm_up, down)
