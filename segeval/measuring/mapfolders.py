"""Measure a folder of probability maps: find their layout, stream them into rows, and tell what looks wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from segeval.errors import LabelError, SegevalError
from segeval.folders.pairing import Pair, Pairing
from segeval.measuring.maps import MapReading, map_reading, measure_maps, read_maps
from segeval.measuring.measurement import (
    Course,
    Measurement,
    class_folders_given,
    collected,
    in_order,
    names_of,
    pairing_warnings,
    predictions_of,
    reading_of,
    usable_pairs,
)
from segeval.measuring.reading import Reading, digest
from segeval.measuring.recognition import presumed, recognise
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.settings import Probabilities
from segeval.report.rescoring import sums_fit
from segeval.request import Request
from segeval.runs.run import NO_TRAITS, Maps, Row, Run, traits_of_all
from segeval.tables.floatlevels import LevelCounts, add_levels

FIRST_IMAGES = 8
"""Images that are looked at to say that folder and options do not go together."""


def measure_probabilities(pairing: Pairing, request: Request, chosen: Probabilities, course: Course) -> Measurement:
    """Count the maps of every image of two folders that can be counted; as `segeval.measuring.measure.measure`."""
    classes = request.protocol.classes or ()
    pairs, problems = usable_pairs(pairing, request.protocol.missing)
    if not pairing.class_folders and (given := list(class_folders_given(pairing, named=True))):
        problems = given
    files = reading_of(pairing, request, digest_predictions=course.journal is not None)
    maps = None
    try:
        maps = recognise(pairs, files)
    except SegevalError as error:
        if not problems:
            problems.append(error)
    if maps is None:
        return Measurement(Run(request.protocol, ()), names_of(pairs), (), tuple(problems))
    if maps == Maps(EIGHT_BIT, 1) and len(classes) > 2 and _first_hold(pairs, files, {entry.id for entry in classes}):
        return Measurement(Run(request.protocol, ()), names_of(pairs), (), (_labels_given(pairs),))
    resolution = presumed(request.protocol, maps, pairs, files)
    reading = map_reading(request.protocol, chosen, maps, resolution)
    # Kinds of map and labels are told from the first images of all, so that every shard agrees on them.
    pairs, course = course.of(pairs), replace(course, levels_travel=not maps.in_rows)
    if course.journal is not None:
        course.journal.begin(maps, "" if maps.in_rows else _meaning(reading))
    rows: list[Row] = []
    levels: tuple[LevelCounts, ...] = ()
    traits = NO_TRAITS
    for result in collected(pairs, partial(measure_maps, files=files, reading=reading), files, problems, course):
        rows.append(result.row)
        traits |= result.traits
        if result.levels:
            parts = zip(levels, result.levels, strict=True)
            levels = tuple(map(add_levels, parts)) if levels else result.levels
    run = Run(request.protocol, in_order(rows), maps, levels, traits_of_all((traits,)))
    warnings = pairing_warnings(pairing, request.protocol.missing)
    if rows and not maps.in_rows:
        problems.extend(contradicted(run))
    if _holds_labels(run):
        run, problems = Run(request.protocol, ()), [_labels_given(pairs)]
    table = run.table() if run.rows else None
    layout = _layout(maps, pairing.class_folders)
    return Measurement(run, names_of(pairs), warnings, tuple(problems), layout, table)


def _meaning(reading: MapReading) -> str:
    """Return what sums over the pixels of a map depend on besides the protocol: the classes of ground-truth values."""
    lookup = reading.labeling.gt
    return digest(repr((sorted(lookup.indices.items()), lookup.default, lookup.level, reading.described)).encode())


def contradicted(run: Run) -> Iterator[SegevalError]:
    """Tell where the values of all images mean something else than the first ones let presume.

    Values of several readings are refused where the run is scored, which knows the files.
    """
    try:
        resolution = run.resolve()
    except SegevalError:
        return
    if not sums_fit(run, resolution):
        yield LabelError(
            "the first ground truth does not show what its values mean",
            (),
            "Use --binary (0 is background, everything else foreground), or --ignore 255 with --classes",
            kind="zero-255",
        )


def _layout(maps: Maps, folders: Sequence[str]) -> str:
    if folders:
        return f"one {maps.kind.words} map a class, in {maps.count} class folders"
    if maps.count == 1:
        return f"one {maps.kind.words} map an image, P(class 1)"
    return f"arrays of {maps.count} {maps.kind.words} maps, one a class"


def _labels_given(pairs: Sequence[Pair]) -> SegevalError:
    return LabelError(
        "these are label masks, not probability maps: no level is above the highest class",
        predictions_of(pairs),
        "Score them without --probs",
        kind="label-masks",
    )


def _first_hold(pairs: Sequence[Pair], files: Reading, ids: set[int]) -> bool:
    """Tell whether the first single maps hold class ids (and 255), and more than 0 and 255."""
    levels: set[int] = set()
    for pair in [pair for pair in pairs if pair.pred][:FIRST_IMAGES]:
        with suppress(SegevalError):
            levels.update(np.unique(read_maps(pair, files)[0][0]).tolist())
    return levels <= ids | {0, 255} and not levels <= {0, 255}


def _holds_labels(run: Run) -> bool:
    """Tell whether 8-bit maps hold class ids: more than 0 and 255, and nothing above the highest class."""
    if not run.rows or run.maps != Maps(EIGHT_BIT, 1):
        return False
    (table,) = run.level_tables() or (None,)
    if table is None:
        return False
    values = set(table.gt.tolist())
    if values == {0}:
        # Of an empty ground truth, levels 0 and 1 are what good maps hold.
        return False
    highest = max(values - {255}, default=0)
    levels = set(table.pred.tolist())
    return not levels <= {0, 255} and max(levels) <= max(1, highest)
