"""How far training is, from what single lines say."""

from daisy.framework import Progress
from daisy.job.gauge import Gauge, Limits


def test_updates_are_counted_from_the_beginning() -> None:
    """A framework that tells the place in the epoch, and one that counts on: the same updates."""
    within, on = Gauge(Limits(epochs=4)), Gauge(Limits(epochs=4))
    within.add(Progress(epoch=3, step=20, steps=50))
    on.add(Progress(epoch=3, step=120))
    assert (within.updates, on.updates) == (120, 120)
    assert within.training(1.0).share == (2 + 20 / 50) / 4
    within.add(Progress(epoch=3, epoch_done=True))
    on.add(Progress(epoch=3, step=150, epoch_done=True))
    assert (within.updates, on.updates) == (150, 150)
    assert (within.step, on.step) == (50, 150)
