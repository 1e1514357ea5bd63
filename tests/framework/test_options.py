"""The configuration as an adapter reads it; what was set and not read is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daisy.configuration import Configuration, Environment
from daisy.errors import ConfigurationError
from daisy.framework import Options
from daisy.framework.options import refuse_unused, unused


def configuration(arch: dict[str, Any] | None = None, **more: Any) -> Configuration:
    values = {
        "framework": {"name": "mine", "options": {"width": 3, "deep": {"er": [1, 2]}}},
        "dataset": {"task": "files"},
        "arch": {"kernel": 6, "filters": [100, 50], "layers": 2} if arch is None else arch,
        "train": {"epochs": 9, "seconds": None, "validate": "best"} | more.pop("train", {}),
        "seed": 1,
    }
    env = Environment("local", models_dir=Path("/m"), data_dir=Path("/d"), mirror=None, python={})
    return Configuration(values, env, {"dataset": "tiny"}, more.pop("set_by", {}), {}, more.pop("overrides", ()))


def test_reading_is_noted() -> None:
    options = Options(configuration())
    assert options["arch.kernel"] == 6
    assert options.get("arch.pool", 4) == 4
    assert options.framework_options() == {"width": 3, "deep.er": [1, 2]}
    assert options.read == {"arch.kernel", "arch.pool", "framework.options.width", "framework.options.deep.er"}
    with pytest.raises(ConfigurationError, match=r"arch\.kernal is missing"):
        options["arch.kernal"]


def test_one_value_or_one_per_layer() -> None:
    options = Options(configuration())
    assert options.per_layer("arch.kernel") == [6, 6]
    assert options.per_layer("arch.filters") == [100, 50]
    assert options.read == {"arch.kernel", "arch.filters", "arch.layers"}
    assert Options(configuration(arch={"kernel": 6})).per_layer("arch.kernel") == [6]


def test_what_was_not_read() -> None:
    options = Options(configuration())
    assert options["arch.kernel"] and options["seed"]
    assert unused(configuration(), options.read) == [
        "framework.options.width",
        "framework.options.deep.er",
        "arch.filters",
        "arch.layers",
        "train.epochs",
        "train.seconds",
    ]


def test_seconds_are_always_used_once_they_are_set() -> None:
    assert "train.seconds" not in unused(configuration(train={"seconds": 3.0}), [])


def test_what_was_set_must_be_used() -> None:
    def refused(**more: Any) -> str:
        with pytest.raises(ConfigurationError) as caught:
            made = configuration(**more)
            refuse_unused(made, unused(made, []))
        assert caught.value.exit_code == 2
        return str(caught.value)

    assert "mine does not use arch.kernel: leave it out" in refused(set_by={"arch.kernel": "arch.kernel=4"})
    assert "(set by train=fast)" in refused(set_by={"train.epochs": "train=fast"})
    refuse_unused(configuration(set_by={"arch.kernel": "arch.kernel=4"}), ["arch.filters"])
    refuse_unused(configuration(set_by={}), ["arch.kernel", "arch.filters", "arch.layers"])


def test_a_number_between_bounds() -> None:
    values = {"wide": 7, "alpha": 2, "none": None, "beam": 0, "half": 2.5, "truth": True, "text": "5", "nan": float("nan")}
    base = configuration()
    options = Options(replace(base, values={**base.values, "framework": {"name": "mine", "options": values}}))
    assert options.bounded("wide", 5, 1, 1000) == 7
    assert options.bounded("none", 5, 1, 1000) == options.bounded("missing", 5, 1, 1000) == 5
    assert options.bounded("half", 1.0, 0, 10) == 2.5
    assert repr(options.bounded("alpha", 1.0, 0, 10)) == "2.0"
    for name in ("beam", "half", "truth", "text"):
        refused = rf"^framework\.options\.{name}=.*: it must be a whole number from 1 to 1000; 5 is"
        with pytest.raises(ConfigurationError, match=refused):
            options.bounded(name, 5, 1, 1000)
    with pytest.raises(ConfigurationError, match="it must be a number from 0 to 10"):
        options.bounded("nan", 1.0, 0, 10)
