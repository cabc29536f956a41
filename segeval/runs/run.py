"""Rows of one prediction folder on one data set, traits of its files, and the conflict-checked union of runs."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from segeval.protocol.labeling import DEFAULT_VOID, NO_PREDICTION, SideFiles, distinct_values, side_files
from segeval.protocol.mapkinds import MapKind
from segeval.protocol.protocol import Protocol, Resolution, resolve
from segeval.records import dataclass
from segeval.runs.columns import BlockRows, LazyRows, blocks_of
from segeval.tables.counts import JointCounts, total

if TYPE_CHECKING:  # most runs do without contours and without the modules of probability maps
    from segeval.contours.counts import ContourCounts, DistanceValues, LesionCounts
    from segeval.scores.calibration import ConfidenceBins
    from segeval.scores.lossums import FloatSums
    from segeval.tables.floatlevels import LevelCounts
    from segeval.tables.levels import LevelHistogram

COLORS_OF_AN_INDEX = 2
"""Colours of one index that a side keeps."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Keep what the mask files of one side say besides their values.

    `nodata` has the values that nodata tags name, ascending. `gray_entries` has (index, gray level) of the palette
    entries that files use, where the two differ, of palettes that are gray throughout, ascending; `color_entries` has
    (index, red, green, blue) of the entries used of all other palettes, ascending, at most `COLORS_OF_AN_INDEX` an
    index: two are enough to say that files differ. `gray_as_rgb` tells whether files hold gray as three equal channels.
    """

    nodata: tuple[int, ...] = ()
    gray_entries: tuple[tuple[int, int], ...] = ()
    color_entries: tuple[tuple[int, int, int, int], ...] = ()
    gray_as_rgb: bool = False

    def __or__(self, other: Traits) -> Traits:
        """Return the traits of both sets of files."""
        if self == other:
            return self
        return Traits(
            tuple(sorted({*self.nodata, *other.nodata})),
            tuple(sorted({*self.gray_entries, *other.gray_entries})),
            _first_colors({*self.color_entries, *other.color_entries}),
            self.gray_as_rgb or other.gray_as_rgb,
        )

    @property
    def colored(self) -> bool:
        """Tell whether a palette of the side has a colour."""
        return bool(self.color_entries)

    @property
    def telling(self) -> bool:
        """Tell whether a finding or a note could rest on these traits."""
        return bool(self.nodata or self.gray_entries or self.color_entries or self.gray_as_rgb)


PLAIN = Traits()


def _first_colors(entries: Iterable[tuple[int, int, int, int]]) -> tuple[tuple[int, int, int, int], ...]:
    """Return the least colours of each index: of a union the same, whatever its order."""
    kept: list[tuple[int, int, int, int]] = []
    for entry in sorted(entries):
        if len(kept) < COLORS_OF_AN_INDEX or kept[-COLORS_OF_AN_INDEX][0] != entry[0]:
            kept.append(entry)
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class SideTraits:
    """Keep the traits of the ground truth's files and of the predictions'."""

    gt: Traits = field(default=PLAIN)
    pred: Traits = field(default=PLAIN)

    def __or__(self, other: SideTraits) -> SideTraits:
        """Return the traits of both sets of images."""
        return self if self == other else SideTraits(self.gt | other.gt, self.pred | other.pred)

    @property
    def telling(self) -> bool:
        """Tell whether a finding could rest on these traits."""
        return self.gt.telling or self.pred.telling

    @property
    def gray_as_rgb(self) -> bool:
        """Tell whether colours of a side were read as gray."""
        return self.gt.gray_as_rgb or self.pred.gray_as_rgb


NO_TRAITS = SideTraits()


def traits_of_all(images: Iterable[SideTraits]) -> SideTraits:
    """Return the traits of a run from those of its images; none where no finding could rest on them."""
    joined = reduce(operator.or_, images, NO_TRAITS)
    return joined if joined.telling else NO_TRAITS


@dataclass(frozen=True, slots=True)
class Row:
    """Keep what one image contributes.

    `digest` is that of the ground-truth file's bytes. `counts` is the label table. For probability runs `levels` has a
    (ground-truth value, level) table a map where maps have 8 bits, and `sums` the loss sums a map where they have more;
    `unnormalised` counts pixels whose probabilities do not add up to 1. `confidence` is what calibration needs of
    several maps, `shades` the 256 levels floor(255 p) of one map of more than 8 bits, for F-measures (older rows lack
    both). `contours`, `distances` and `lesions` are those asked for. `inexact` counts pixels of both sides whose colour
    is near one of the palette, `depth` slices, `outside` pixels outside the region whose bytes have the digest `roi`.
    """

    key: str
    height: int
    width: int
    digest: str
    counts: JointCounts
    levels: tuple[JointCounts, ...] = ()
    sums: tuple[FloatSums, ...] = ()
    unnormalised: int = 0
    confidence: ConfidenceBins | None = None
    shades: LevelHistogram | None = None
    contours: ContourCounts | None = None
    distances: DistanceValues | None = None
    lesions: LesionCounts | None = None
    inexact: tuple[int, int] = (0, 0)
    depth: int = 1
    roi: str = ""
    outside: int = 0

    @property
    def pixels(self) -> int:
        """Return the pixels of the image, of a volume its voxels; those outside its region of interest too."""
        return self.depth * self.height * self.width

    @property
    def missing(self) -> bool:
        """Tell whether the image has no prediction."""
        return bool(len(self.counts)) and int(self.counts.pred[0]) == NO_PREDICTION


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """Hold a row with what it does not keep.

    `levels` are the image's levels, one table a map, and `traits` those of its files, which only the run keeps;
    `pred_digest` is that of the prediction's bytes, "" where nobody asked for it.
    """

    row: Row
    levels: tuple[LevelCounts, ...] = ()
    pred_digest: str = ""
    traits: SideTraits = NO_TRAITS


@dataclass(frozen=True, slots=True)
class Maps:
    """Say which kind of probability maps a run has, and how many an image."""

    kind: MapKind
    count: int

    @property
    def in_rows(self) -> bool:
        """Tell whether rows keep level tables: 8-bit maps do, others keep loss sums."""
        return self.kind.in_rows


@dataclass(frozen=True)  # without slots, so that sums over all rows are kept once they are made
class Run:
    """Hold the rows in key order under the protocol that was asked for.

    `maps` is `None` for label masks. Of maps that keep no level tables in their rows, `levels` has those of the whole
    run, one a map: histograms of 16 bits, or levels of floats. `traits` are what the files of each side say besides
    their values. Rows are added up where a sum is first asked for, and not again.
    """

    protocol: Protocol
    rows: Sequence[Row]
    maps: Maps | None = None
    levels: tuple[LevelCounts, ...] = ()
    traits: SideTraits = NO_TRAITS

    def __post_init__(self) -> None:
        if not isinstance(self.rows, BlockRows) and not ascending_keys(keys_of(self.rows)):
            raise ValueError("rows of a run ascend by key without repetition")

    @cached_property
    def pixels(self) -> int:
        """Return the pixels of all images."""
        return pixels_of(self.rows)

    def gt_digest(self) -> str:
        """Return a digest of every key and ground truth, in key order."""
        return self._gt_digest

    @cached_property
    def _gt_digest(self) -> str:
        return ground_truth_digest(self.rows)

    def table(self) -> JointCounts:
        """Return the label table of the whole run."""
        return self._table

    def level_tables(self) -> tuple[JointCounts, ...]:
        """Return the (ground-truth value, level) table of every 8-bit map for the whole run."""
        return self._level_tables

    @cached_property
    def _table(self) -> JointCounts:
        return self.rows.totals.table if isinstance(self.rows, BlockRows) else total(tables_of(self.rows))

    @cached_property
    def _level_tables(self) -> tuple[JointCounts, ...]:
        from segeval.runs.partcolumns import level_totals  # most runs are of label masks

        return level_totals(blocks_of(self.rows))

    def resolve(self) -> Resolution:
        """Make the protocol definite for the values of this run."""
        return self.resolve_for(self.table())

    def resolve_for(self, table: JointCounts) -> Resolution:
        """Make the protocol definite for the values of `table`, the run's label table."""
        values = raw_values(table)
        found = resolve(
            self.protocol,
            gt_values=values[0],
            pred_values=values[1],
            map_count=self.maps.count if self.maps else None,
            sides=self.sides(*values),
        )
        if not (self.traits.gray_as_rgb or self.protocol.storage.palette_tolerance):
            return found
        from segeval.runs.storagenotes import storage_notes  # few runs have any

        return replace(found, notes=(*found.notes, *storage_notes(self)))

    def sides(self, gt_values: list[int], pred_values: list[int]) -> tuple[SideFiles, SideFiles]:
        """Return what the files of ground truth and predictions hold, whose values in all of them are given."""
        return (
            side_files(gt_values, lambda: values_of_images(self.rows, 0, DEFAULT_VOID)),
            side_files(pred_values, lambda: values_of_images(self.rows, 1, DEFAULT_VOID)),
        )


def raw_values(table: JointCounts) -> tuple[list[int], list[int]]:
    """Return the distinct raw values of ground truth and predictions, ascending and without `NO_PREDICTION`."""
    gt, pred = distinct_values(table.gt), distinct_values(table.pred)
    return gt, pred[pred[:1] == [NO_PREDICTION] :]  # the least value that there can be


def sort_key(key: str) -> bytes:
    """Order keys by their bytes, whatever the locale."""
    return key.encode("utf-8", "surrogateescape")


def ascending_keys(keys: Sequence[str]) -> bool:
    """Tell whether keys ascend by their bytes without repetition; raises `UnicodeEncodeError` for what is no name."""
    if "".join(keys).isascii():
        return all(map(operator.lt, keys, keys[1:]))
    order = list(map(sort_key, keys))
    return all(map(operator.lt, order, order[1:]))


def keys_of(rows: Sequence[Row]) -> Sequence[str]:
    """Return the key of every row."""
    if isinstance(rows, BlockRows):
        return [key for keys in rows.key_blocks() for key in keys]
    return rows.columns.keys if isinstance(rows, LazyRows) else [row.key for row in rows]


def pixels_of(rows: Sequence[Row]) -> int:
    """Return the pixels of all images."""
    if isinstance(rows, BlockRows):
        return rows.totals.pixels
    return sum(rows.columns.sizes.prod(axis=1).tolist() if isinstance(rows, LazyRows) else (row.pixels for row in rows))


def tables_of(rows: Sequence[Row]) -> Sequence[JointCounts]:
    """Return the label table of every row."""
    return rows.columns.tables if isinstance(rows, LazyRows) else [row.counts for row in rows]


def missing_keys(rows: Sequence[Row]) -> list[str]:
    """Return the keys of images without prediction."""
    if isinstance(rows, BlockRows):
        some = NO_PREDICTION in rows.totals.table.pred
        return [key for block in rows.blocks() for key in missing_keys(block)] if some else []
    if not isinstance(rows, LazyRows):
        return [row.key for row in rows if row.missing]
    return [rows.columns.keys[place] for place in rows.columns.missing()]


def values_of_images(rows: Sequence[Row], side: int, holding: int | None = None) -> Iterator[tuple[str, set[int]]]:
    """Yield key and values of every image, or those `holding` a value, on side 0 (ground truth) or 1 (predictions)."""
    if isinstance(rows, BlockRows):
        return (named for block in rows.blocks() for named in values_of_images(block, side, holding))
    if isinstance(rows, LazyRows):
        return rows.columns.values_of_images(side, holding)
    each = ((row.key, set((row.counts.pred if side else row.counts.gt).tolist())) for row in rows)
    return each if holding is None else (named for named in each if holding in named[1])


def ground_truth_digest(rows: Sequence[Row]) -> str:
    """Return a digest of every key and ground truth, in key order."""
    if isinstance(rows, BlockRows):
        return rows.totals.digest
    digest = hashlib.blake2b(digest_size=16)
    for part in digested(rows):
        digest.update(part)
    return f"blake2b:{digest.hexdigest()}"


def digested(rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield what is digested of rows in memory."""
    if isinstance(rows, LazyRows):
        yield rows.columns.digested().encode("utf-8", "surrogateescape")
    else:
        for row in rows:
            name = row.key.encode("utf-8", "surrogateescape")
            yield b"%d:%b%b%b" % (len(name), name, row.digest.encode(), row.roi.encode())


def keys_with_prediction(rows: Sequence[Row]) -> list[str]:
    """Return the keys of all images that have one."""
    without = set(missing_keys(rows))
    return [key for key in keys_of(rows) if key not in without]
