"""Datasets: download, split, canonical files; the per-framework form, built once."""

from daisy.dataset.canonical import SIDES, SPLITS, Dataset, load
from daisy.dataset.describe import Description, describe
from daisy.dataset.forms import framework_form
from daisy.dataset.prepare import TASKS, identifying, prepare, prepare_for
from daisy.dataset.progress import DownloadBar, Progress

__all__ = [
    "SIDES",
    "SPLITS",
    "TASKS",
    "Dataset",
    "Description",
    "DownloadBar",
    "Progress",
    "describe",
    "framework_form",
    "identifying",
    "load",
    "prepare",
    "prepare_for",
]
