"""The components that a network is made of, read from one JSON text and checked key by key.

    {"embedding": {"size": 64},
     "encoder": {"type": "conv", "kernel": [6], "filters": [100], "pool": 1},
     "decoder": {"size": 128, "attention": true},
     "dropout": 0.1}

The other encoder is {"type": "rnn", "size": 100, "layers": 1}. What is left out has the value shown here, except the
encoder's type, which must be given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from arcadio_errors import ArcadioError


@dataclasses.dataclass(frozen=True)
class ConvEncoderDescription:
    """One convolution over time per entry of `kernel` and `filters`, then a max-pool over `pool` positions."""

    kernel: tuple[int, ...] = (6,)
    filters: tuple[int, ...] = (100,)
    pool: int = 1


@dataclasses.dataclass(frozen=True)
class RecurrentEncoderDescription:
    """`layers` bidirectional GRUs, each with `size` units a direction."""

    size: int = 100
    layers: int = 1


@dataclasses.dataclass(frozen=True)
class Components:
    """A whole network; `dropout` is the share of units set to zero while training."""

    encoder: ConvEncoderDescription | RecurrentEncoderDescription
    embedding_size: int = 64
    decoder_size: int = 128
    attention: bool = True
    dropout: float = 0.1

    def to_json(self) -> str:
        """The description with every value spelled out and the keys in order: equal networks, equal texts."""
        encoder: dict[str, Any] = dataclasses.asdict(self.encoder)
        encoder["type"] = "conv" if isinstance(self.encoder, ConvEncoderDescription) else "rnn"
        description = {
            "embedding": {"size": self.embedding_size},
            "encoder": encoder,
            "decoder": {"size": self.decoder_size, "attention": self.attention},
            "dropout": self.dropout,
        }
        return json.dumps(description, sort_keys=True)


def read_components(text: str) -> Components:
    """Read the JSON text; raise ArcadioError naming the key and what to do if anything in it is wrong."""
    try:
        description = json.loads(text)
    except ValueError as error:
        raise ArcadioError(f"--components is not JSON ({error}); write one JSON object") from None
    parts = _keys(description, "components", ("embedding", "encoder", "decoder", "dropout"))
    embedding = _keys(parts.get("embedding", {}), "embedding", ("size",))
    decoder = _keys(parts.get("decoder", {}), "decoder", ("size", "attention"))
    attention = decoder.get("attention", True)
    if not isinstance(attention, bool):
        raise ArcadioError(f"decoder.attention must be true or false, but got {_shown(attention)}")
    dropout = parts.get("dropout", 0.1)
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ArcadioError(f"dropout must be a number from 0 up to, not including, 1, but got {_shown(dropout)}")
    return Components(
        encoder=_read_encoder(parts.get("encoder", {})),
        embedding_size=_whole(embedding.get("size", 64), "embedding.size"),
        decoder_size=_whole(decoder.get("size", 128), "decoder.size"),
        attention=attention,
        dropout=float(dropout),
    )


def _read_encoder(description: Any) -> ConvEncoderDescription | RecurrentEncoderDescription:
    kind = _mapping(description, "encoder").get("type")
    if kind == "conv":
        encoder = _keys(description, "encoder", ("type", "kernel", "filters", "pool"))
        kernel = _whole_list(encoder.get("kernel", [6]), "encoder.kernel")
        filters = _whole_list(encoder.get("filters", [100]), "encoder.filters")
        if len(kernel) != len(filters):
            raise ArcadioError(
                f"encoder.kernel has {len(kernel)} entries and encoder.filters {len(filters)}; give both one entry a layer"
            )
        return ConvEncoderDescription(kernel, filters, _whole(encoder.get("pool", 1), "encoder.pool"))
    if kind == "rnn":
        encoder = _keys(description, "encoder", ("type", "size", "layers"))
        size = _whole(encoder.get("size", 100), "encoder.size")
        return RecurrentEncoderDescription(size, _whole(encoder.get("layers", 1), "encoder.layers"))
    raise ArcadioError(f'encoder.type must be "conv" or "rnn", but got {_shown(kind)}')


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ArcadioError(f"{key} must be a JSON object with keys and values, but got {_shown(value)}")
    return value


def _keys(value: Any, key: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    mapping = _mapping(value, key)
    unknown: str | None = next((name for name in mapping if name not in known), None)
    if unknown is not None:
        raise ArcadioError(f"{key} has the unknown key {unknown}; known are {', '.join(known)}")
    return mapping


def _whole(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArcadioError(f"{key} must be a whole number of at least 1, but got {_shown(value)}")
    return value


def _whole_list(value: Any, key: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ArcadioError(f"{key} must be a list with one whole number a layer, such as [6], but got {_shown(value)}")
    return tuple(_whole(entry, f"{key}[{index}]") for index, entry in enumerate(value))
