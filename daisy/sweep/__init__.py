"""Named sweeps: which models one is made of."""

from daisy.sweep.definition import Ablation, Definition, Grid, Listed, Search
from daisy.sweep.named import Named, asks_for_a_sweep, changes, named
from daisy.sweep.origin import Member, Origin, check_unchanged, definition_of, origin_of
from daisy.sweep.space import Point, Space
from daisy.sweep.space_parts import read_space
from daisy.sweep.variants import FULL, Variant

__all__ = [
    "FULL", "Ablation", "Definition", "Grid", "Listed", "Member", "Named", "Origin", "Point", "Search", "Space", "Variant",
    "asks_for_a_sweep", "changes", "check_unchanged", "definition_of", "named", "origin_of", "read_space",
]  # fmt: skip
