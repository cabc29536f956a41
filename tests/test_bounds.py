"""The page on security tells every bound with the figure that the code holds."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from segeval.files.usertexts import DEEPEST, LARGEST_TEXT, LONGEST_LINE, MOST_PARTS
from segeval.folders import lists
from segeval.folders.walking import MOST_VISITS
from segeval.images import readers, tiff
from segeval.measuring.labelsets import MOST_VALUES
from segeval.protocol import classlists, segments, widths
from segeval.protocol.labeling import MOST_IN_SETS
from segeval.protocol.protocol import MOST_INFERRED_CLASSES
from segeval.report import samples
from segeval.report.extras import MOST_IMAGE_CELLS
from segeval.request import slicefiles, slicing
from segeval.runs import file, lines, rows, sharding, values
from segeval.sampling import poisson, resampling, sample
from segeval.stores import archives, urls, userfiles

KB, MB, GB, TB = 1 << 10, 1 << 20, 1 << 30, 1 << 40


def power(number: int) -> str:
    return f"2^{number.bit_length() - 1}" if number.bit_count() == 1 else f"{number:,}"


TOLD = (
    f"`--max-pixels`, {power(readers.MAX_PIXELS)}",
    f"at most {MOST_INFERRED_CLASSES:,} distinct values",
    f"at most {LARGEST_TEXT // KB} KB, {MOST_PARTS:,} lists, tables and dots outside strings, {DEEPEST} levels",
    f"lines of {LONGEST_LINE:,} characters, names of {classlists.LONGEST_NAME:,}, and",
    f"and {classlists.MOST_CLASSES:,} classes",
    f"A line of a run file has at most {lines.LONGEST_LINE // MB} MB, {values.MOST_BRACKETS:,} lists,",
    f"{values.MOST_QUOTES // 2:,} texts and {values.MOST_BLANKS:,} blanks",
    f"these are at most {sample.MOST_CELLS:,}, and so are the lines that `--per-image` lists",
    f"above {poisson.MOST_DRAWN:,} images, each of which is weighed, there may be {samples.MOST_LARGE_CLASSES} classes",
    f"| a run file | {file.MOST_ROWS:,} images of {power(rows.MOST_PIXELS)} pixels and {rows.MOST_MAPS:,} maps",
    f"maps, names of {rows.LONGEST_KEY:,} characters; packed, {lines.LEAST_UNPACKED // MB} MB and",
    f"MB and {lines.MOST_PACKING} times its size |",
    f"| a list of files (`--keys`, `--name-map`) | {userfiles.LARGEST_LIST // MB} MB, {lists.MOST_NAMES:,} names",
    f"{lists.MOST_NAMES:,} names of {lists.LONGEST_NAME:,} characters |",
    f"| a panoptic JSON | {segments.LARGEST_SEGMENTS // MB} MB, {segments.MOST_SEGMENT_PARTS:,} lists and objects |",
    f"| a table of slices | {slicefiles.LARGEST_FILE // MB} MB, {slicing.MOST_SLICES} slices of a column |",
    f"| a zip archive | a directory of {archives.LARGEST_DIRECTORY // MB} MB, {archives.MOST_ENTRIES:,} entries",
    f"entries, names of {archives.LONGEST_NAME:,} characters, {archives.MOST_UNPACKED // TB} TB unpacked |",
    f"| a file of a store | {urls.LARGEST_FILE // GB} GB, or what `--max-pixels` can need |",
    f"| a TIFF stack | {tiff.MOST_PAGES:,} images |",
    f"| `--multilabel` | {MOST_IN_SETS} classes, {MOST_VALUES:,} distinct values of a mask |",
    f"| `--boundary` | {widths.MOST_WIDTHS} widths of {widths.WIDEST:,} pixels |",
    f"| `--resamples`, `--shard` | {resampling.MOST_RESAMPLES:,} |",
    f"| a folder that links lead to | {MOST_VISITS} ways |",
)


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told[:40])
def test_the_page_on_security_has_each_bound_as_it_is(told: str) -> None:
    page = re.sub(r"\s+", " ", files("segeval").joinpath("docs", "security.md").read_text(encoding="utf-8"))
    assert told in page


def test_bounds_that_the_page_tells_together_are_equal() -> None:
    assert sample.MOST_CELLS == MOST_IMAGE_CELLS
    assert resampling.MOST_RESAMPLES == sharding.MOST_SHARDS
