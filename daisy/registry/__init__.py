"""All models as one table: a cached index over their folders."""

from daisy.registry.finding import find, place_of
from daisy.registry.row import DAMAGE, Row, row_of
from daisy.registry.table import Registry, read, rows_of

__all__ = ["DAMAGE", "Registry", "Row", "find", "place_of", "read", "row_of", "rows_of"]
