"""From rows to the marginals of each image, whether memory holds the rows or they stay in a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segeval.protocol.labeling import Labeling
from segeval.runs.columns import BlockRows
from segeval.runs.run import Row, tables_of
from segeval.scores.imageoverlap import ImageTallies, image_tallies

if TYPE_CHECKING:
    from segeval.scores.imageoverlap import AllTallies


def tallies_of(rows: Sequence[Row], labeling: Labeling) -> AllTallies:
    """Take the marginals of every row; those of rows that stay in a file are kept in one too."""
    if not isinstance(rows, BlockRows):
        return _of_rows(rows, labeling)
    from segeval.scores.imageblocks import BlockTallies  # few runs are so large

    return BlockTallies((_of_rows(block, labeling) for block in rows.blocks()), len(labeling.classes))


def _of_rows(rows: Sequence[Row], labeling: Labeling) -> ImageTallies:
    if labeling.sets:
        from segeval.scores.labelsets import set_tallies  # most pixels have one class

        return set_tallies(tables_of(rows), len(labeling.classes))
    return image_tallies(tables_of(rows), labeling)
