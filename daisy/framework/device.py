"""The device that a framework trains on: a processor or a GPU."""

import os
from pathlib import Path

CPU, GPU = "cpu", "gpu"
DEVICES = Path("/dev")
NAMES = ("nvidia[0-9]*", "kfd")  # NVIDIA's and AMD's drivers


def gpus_here() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; none where there are none of NVIDIA's."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [] if device_here("auto") == CPU else [name.strip() for name in visible.split(",") if name.strip()]
    numbers = [path.name.removeprefix("nvidia") for path in DEVICES.glob("nvidia[0-9]*")]
    return sorted((number for number in numbers if number.isdigit()), key=int)


def device_here(wanted: str) -> str:
    """cpu or gpu: what env.device says; for auto, a GPU where this machine shows one to this process."""
    if wanted != "auto":
        return wanted
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1", "NoDevFiles"):
        return CPU
    return GPU if any(next(DEVICES.glob(name), None) for name in NAMES) else CPU
