"""The errors that a person can meet: they are shown as one line, never as a traceback."""

from __future__ import annotations


class ArcadioError(Exception):
    """Something that the caller can put right; the text says what is wrong and what to do."""

    exit_code = 2


class TrainingDiverged(ArcadioError):
    """The loss is not a number: the command was well formed, but this training can't go on."""

    exit_code = 1
