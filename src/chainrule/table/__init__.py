"""Tables: read from files, and encoded column by column into the inputs of a network."""

from chainrule.table.cells import frame_of
from chainrule.table.copies import copies_in
from chainrule.table.encoder import TableEncoder
from chainrule.table.frames import column_of, row_weights, rows_with_target
from chainrule.table.reading import Reading, read_table
from chainrule.table.target import TargetEncoder
from chainrule.table.target_edges import BinGuide

__all__ = [
    "BinGuide",
    "Reading",
    "TableEncoder",
    "TargetEncoder",
    "column_of",
    "copies_in",
    "frame_of",
    "read_table",
    "row_weights",
    "rows_with_target",
]
