"""A job that is asked to stop, and asked again while it writes that down."""

import os
import signal
from typing import Any

import pytest

from daisy.job import Stopped, stoppable, train


def test_asked_once_more_while_it_is_written_down(theatre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm may send its signal twice: whoever runs the job must still hear that it was stopped, to put the model back."""
    end = train._end

    def stopped(*_: object) -> None:
        raise Stopped(signal.SIGTERM)

    def ended(*arguments: Any, **named: Any) -> None:
        os.kill(os.getpid(), signal.SIGUSR2)
        end(*arguments, **named)

    monkeypatch.setattr(train, "_train", stopped)
    monkeypatch.setattr(train, "_end", ended)
    with stoppable():
        folder, outcome, _ = theatre.here()
    assert outcome.state == "stopped" and outcome.exit_code == 128 + signal.SIGTERM
    assert folder.read_result()["state"] == "stopped"
