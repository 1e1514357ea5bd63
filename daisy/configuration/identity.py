"""Who a configuration is: its identity (a hash, versioned) and its config id (a name that people read)."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from daisy.configuration.keys import KEYS
from daisy.configuration.model import Configuration
from daisy.files import safe_name

IDENTITY_VERSION = 1
NOT_IN_NAMES = (
    "framework.name",
    "framework.adapter",
    "framework.source",
)  # the model id has the framework; where it lies is no name
LONGEST_CONFIG_ID = 100  # characters: with time and framework before it, well below the 255 of a file name


def identity(configuration: Configuration, unused: Collection[str], dataset: Mapping[str, Any], checksum: str) -> str:
    """The identity: `1-` and 32 hexadecimal digits of a SHA-256.

    Over the values without those that are unused; `dataset` is what identifies the dataset beside its checksum. Neither env
    nor the order of anything enters.
    """
    values = {key: value for key, value in configuration.flat().items() if key not in unused and not key.startswith("dataset.")}
    content = {"values": values, "dataset": {"name": configuration.dataset, **dataset}, "checksum": checksum}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return f"{IDENTITY_VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def config_id(configuration: Configuration, unused: Collection[str]) -> str:
    """The config id: the dataset, then what is not default and matters: `cs_finnish_k6_f200`."""
    values = configuration.flat()
    changed = configuration.changed()
    shown = [
        key
        for key in values
        if key not in unused and key not in NOT_IN_NAMES and (key in changed or (key in KEYS and KEYS[key].always))
    ]
    # In the order of the keys' table, not of the command line; a dataset's own options follow its name.
    order = {name: place for place, name in enumerate(KEYS)}
    shown.sort(key=lambda key: (_section_rank(key), order.get(key, len(order)), key))
    parts = [_word(part) for part in configuration.dataset.split("/")]
    parts += [_part(key, values[key]) for key in shown]
    name = "_".join(part for part in parts if part)
    if len(name) > LONGEST_CONFIG_ID:
        name = f"{name[: LONGEST_CONFIG_ID - 7]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return name


def _section_rank(key: str) -> int:
    sections = ("dataset", "arch", "framework", "train")
    section = key.split(".")[0]
    return sections.index(section) if section in sections else len(sections)


def _part(key: str, value: Any) -> str:
    """`k6`, `d0.3`, `k2-4-6`, `noattention`, `rnn`, `e100`, `beam12`, `size-medium`."""
    last = key.rsplit(".", 1)[-1]
    if key == "train.epochs" and value is None:
        return ""  # train.seconds, which stands beside it, says it all
    if isinstance(value, bool):
        return _word(last if value else f"no{last}")
    tag = KEYS[key].tag if key in KEYS else None
    if tag is None:
        tag = "" if key == "dataset.size" else last
    text = "-".join(map(_text, value)) if isinstance(value, (list, tuple)) else _text(value)
    return _word(f"{tag}-{text}" if tag and not isinstance(value, (int, float, list)) else f"{tag}{text}")


def _word(text: str) -> str:
    """One part of a config id: `_` stands between parts, never in one."""
    return safe_name(text.replace("_", "-"))


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
