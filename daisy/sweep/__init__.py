"""Named sweeps: which models one is made of, and the spaces of searches."""

from daisy.sweep.definition import Ablation, Definition, Grid, Listed
from daisy.sweep.named import Named, asks_for_a_sweep, named
from daisy.sweep.origin import Member, Origin, check_unchanged, origin_of
from daisy.sweep.space import Point, Space
from daisy.sweep.space_parts import read_space
from daisy.sweep.variants import FULL, Variant

__all__ = [
    "FULL", "Ablation", "Definition", "Grid", "Listed", "Member", "Named", "Origin", "Point", "Space", "Variant",
    "asks_for_a_sweep", "check_unchanged", "named", "origin_of", "read_space",
]  # fmt: skip
