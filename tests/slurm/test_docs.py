"""The commands of the docs that need a Slurm, run in their order."""

import re
import shlex

import pytest
from slurm.on_slurm import OnSlurm
from support import CHECKOUT

pytestmark = pytest.mark.slow


def test_the_commands_of_the_page_work(on_slurm: OnSlurm) -> None:
    page = (CHECKOUT / "docs" / "slurm.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console slurm\n(.*?)```", page, re.DOTALL)
    commands = [line.removeprefix("$ daisy ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 6
    for command in commands:
        done = on_slurm.daisy(*shlex.split(command), timeout=300)
        assert done.code == 0, f"{command}\n{done.out}\n{done.err}"


def test_every_key_is_in_the_page() -> None:
    from daisy.configuration.keys import KEYS, SLURM_COLLECTIONS

    page = (CHECKOUT / "docs" / "slurm.md").read_text(encoding="utf-8")
    names = [key.rpartition(".")[2] for key in (*KEYS, *SLURM_COLLECTIONS) if key.startswith("env.slurm.")]
    assert [name for name in names if f"`{name}`" not in page and f"`env.slurm.{name}`" not in page] == []
