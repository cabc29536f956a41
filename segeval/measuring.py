"""Measure two folders: pair them, stream the pairs into rows, and tell what is wrong with any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segeval.colorhints import with_color_hints
from segeval.errors import LabelError, MaskError, SegevalError
from segeval.levels import LevelHistogram, add
from segeval.mapreading import MapReading, measure_maps, presumed, read_maps, recognise
from segeval.pairing import Pair, Pairing, class_folders, pair_class_folders, pair_folders, require_pairs
from segeval.pipeline import Failure, Reading, digest, measure_masks, measure_unless_known, stream
from segeval.probscores import loss_settings, map_classes
from segeval.protocol import Probabilities
from segeval.readers import IMAGE_SUFFIXES
from segeval.relabeling import sums_fit
from segeval.request import Request
from segeval.resolution import MOST_INFERRED_CLASSES
from segeval.run import Maps, MeasuredRow, Row, Run, raw_values, sort_key
from segeval.sharding import Shard, in_shard

if TYPE_CHECKING:
    from segeval.partial import Journal

Progress = Callable[[int, int], None]
"""Called with (pairs done, pairs in all) after each pair."""
FIRST_IMAGES = 8
"""Images that are looked at to say that folder and options do not go together."""
MANY_VALUES = 20
"""Predictions with more distinct values than this, against a two-valued ground truth, are no labels."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Hold a run with what only its files tell: their names by key, warnings about them, and their problems.

    `names` has (ground-truth file, prediction file); `layout` says how probability maps were found, "" for masks.
    """

    run: Run
    names: Mapping[str, tuple[str, str]]
    warnings: tuple[str, ...] = ()
    problems: tuple[SegevalError, ...] = ()
    layout: str = ""


@dataclass(frozen=True, slots=True)
class _Course:
    """Say how pairs are gone through: by how many workers, told to whom, which of them, and kept where."""

    jobs: int | None
    progress: Progress | None
    journal: Journal | None
    shard: Shard | None

    def of(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """Return the pairs of the shard."""
        return pairs if self.shard is None else [pair for pair in pairs if in_shard(pair.key, self.shard)]


def measure(
    pred: Path,
    gt: Path,
    request: Request,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
    shard: Shard | None = None,
) -> Measurement:
    """Pair two folders and count every pair that can be counted.

    Rows go to `journal` as they come, and those that it has of an earlier attempt are taken from there where their
    files have not changed. With a `shard` only its images are measured; what does not pair is told of all. What is
    wrong with single files is collected in `problems`, so that all of it can be told together; only folders that do
    not exist, options that contradict each other, and a journal that cannot be written are raised at once.
    """
    course = _Course(jobs, progress, journal, shard)
    probabilities = request.protocol.probabilities
    if probabilities is not None:
        return _measure_probabilities(pred, gt, request, probabilities, course)
    pairing = pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    pairs, problems = _usable_pairs(pairing, request.protocol.missing)
    problems = list(_class_folders_given(pairing)) or problems
    pairs = course.of(pairs)
    reading = _reading(pairing, request, digest_predictions=journal is not None)
    if journal is not None:
        journal.begin()
    rows = [
        found.row for found in _collected(pairs, partial(measure_masks, reading=reading), reading, problems, course)
    ]
    run = Run(request.protocol, _in_order(rows))
    warnings = [*pairing_warnings(pairing, request.protocol.missing)]
    if _looks_like_maps(run):
        said = "predictions hold many values where the ground truth holds two: they look like probability maps"
        remedy = "Score them with --probs, which reads them as probabilities"
        if request.protocol.binary:
            warnings.append(f"{said}, of which every nonzero pixel is now foreground; --probs reads probabilities")
        elif len(request.protocol.classes or ()) <= 2:
            # Without rows nothing is said of values that are no labels to begin with.
            run, problems = Run(request.protocol, ()), [MaskError(said, _some_predictions(pairs), remedy)]
    problems = with_color_hints(problems, request, (pairing.pred_root, pairing.gt_root))
    return Measurement(run, _names(pairs), tuple(warnings), tuple(problems))


def _measure_probabilities(
    pred: Path, gt: Path, request: Request, chosen: Probabilities, course: _Course
) -> Measurement:
    settings = loss_settings(chosen)
    classes = request.protocol.classes or ()
    folders = class_folders(pred, [(entry.id, entry.name) for entry in classes])
    if folders is not None:
        pairing = pair_class_folders(pred, gt, folders, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    else:
        pairing = pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    pairs, problems = _usable_pairs(pairing, request.protocol.missing)
    if folders is None and (given := list(_class_folders_given(pairing, named=True))):
        problems = given
    files = _reading(pairing, request, digest_predictions=course.journal is not None)
    maps = None
    try:
        maps = recognise(pairs, files)
    except SegevalError as error:
        if not problems:
            problems.append(error)
    if maps is None:
        return Measurement(Run(request.protocol, ()), _names(pairs), (), tuple(problems))
    if maps == Maps("uint8", 1) and len(classes) > 2 and _first_hold(pairs, files, {entry.id for entry in classes}):
        return Measurement(Run(request.protocol, ()), _names(pairs), (), (_labels_given(pairs),))
    resolution = presumed(request.protocol, maps, pairs, files)
    reading = MapReading(
        files=files,
        maps=maps,
        class_ids=tuple(entry.id for entry in classes) or tuple(range(max(2, maps.count))),
        threshold=chosen.threshold,
        labeling=resolution.labeling,
        described=map_classes(resolution, maps.count),
        settings=settings,
    )
    # Kinds of map and labels are told from the first images of all, so that every shard agrees on them.
    pairs = course.of(pairs)
    if course.journal is not None:
        course.journal.begin(maps, "" if maps.in_rows else _meaning(reading))
    rows: list[Row] = []
    levels: tuple[LevelHistogram, ...] = ()
    for result in _collected(pairs, partial(measure_maps, reading=reading), files, problems, course):
        rows.append(result.row)
        if result.levels:
            levels = tuple(map(add, levels, result.levels)) if levels else result.levels
    run = Run(request.protocol, _in_order(rows), maps, levels)
    warnings = [*pairing_warnings(pairing, request.protocol.missing), *map_warnings(run)]
    if rows and not maps.in_rows:
        problems.extend(_contradicted(run))
    if _holds_labels(run):
        run, problems = Run(request.protocol, ()), [_labels_given(pairs)]
    problems = with_color_hints(problems, request, (pairing.gt_root,))
    return Measurement(run, _names(pairs), tuple(warnings), tuple(problems), _layout(maps, folders))


def _meaning(reading: MapReading) -> str:
    """Return what sums over the pixels of a map depend on besides the protocol: the classes of ground-truth values."""
    lookup = reading.labeling.gt
    return digest(repr((sorted(lookup.indices.items()), lookup.default, reading.described)).encode())


def _contradicted(run: Run) -> Iterator[SegevalError]:
    """Tell where the values of all images mean something else than the first ones let presume."""
    try:
        if not sums_fit(run, run.resolve()):
            yield LabelError(
                "the first ground truth does not show what its values mean",
                (),
                "Say --binary (0 is background, everything else foreground), or --ignore 255 with --classes",
            )
    except SegevalError as error:
        yield error


def _layout(maps: Maps, folders: Sequence[str] | None) -> str:
    stored = {"uint8": "8-bit", "uint16": "16-bit", "float": "float"}[maps.kind]
    if folders is not None:
        return f"one {stored} map a class, in {maps.count} class folders"
    if maps.count == 1:
        return f"one {stored} map an image, P(class 1)"
    return f"arrays of {maps.count} {stored} maps, one a class"


def _reading(pairing: Pairing, request: Request, *, digest_predictions: bool) -> Reading:
    open_values = request.protocol.classes is None and not request.protocol.binary
    return Reading(
        pred=pairing.pred_root,
        gt=pairing.gt_root,
        pred_palette=request.pred_palette,
        gt_palette=request.gt_palette,
        max_pixels=request.max_pixels,
        most_values=MOST_INFERRED_CLASSES if open_values else None,
        digest_predictions=digest_predictions,
    )


def _collected(
    pairs: Sequence[Pair],
    measure_one: Callable[[Pair], MeasuredRow],
    reading: Reading,
    problems: list[SegevalError],
    course: _Course,
) -> Iterator[MeasuredRow]:
    """Yield what could be measured, and add what went wrong to `problems`."""
    if course.journal is not None:
        measure_one = partial(measure_unless_known, measure=measure_one, reading=reading, journal=course.journal)
    for done, result in enumerate(stream(pairs, measure_one, jobs=course.jobs), start=1):
        if course.journal is not None:
            course.journal.check()
        if isinstance(result, Failure):
            problems.append(result.error)
        else:
            yield result
        if course.progress is not None:
            course.progress(done, len(pairs))


def _in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: sort_key(row.key)))


def _names(pairs: Iterable[Pair]) -> Mapping[str, tuple[str, str]]:
    return {pair.key: (pair.gt, pair.pred[0] if pair.pred else "") for pair in pairs}


def _usable_pairs(pairing: Pairing, missing: str) -> tuple[Sequence[Pair], list[SegevalError]]:
    """Return the pairs to measure, and what is wrong with the rest."""
    try:
        return require_pairs(pairing, missing=missing), []
    except SegevalError as error:
        return [pair for pair in pairing.pairs if pair.pred], [error]


def pairing_warnings(pairing: Pairing, missing: str) -> tuple[str, ...]:
    """Tell what does not pair and is yet no error."""
    warnings = []
    if pairing.extra:
        warnings.append(f"predictions without ground truth are not scored: {_some(pairing.extra)}")
    if pairing.missing and missing == "skip":
        warnings.append(f"images without prediction are left out: {_some(pairing.missing)}")
    if pairing.missing and missing == "miss":
        warnings.append(f"images without prediction count as wrong: {_some(pairing.missing)}")
    return tuple(warnings)


def _some(names: Sequence[str], most: int = 3) -> str:
    listed = ", ".join(names[:most])
    return f"{len(names)} ({listed}{', ...' if len(names) > most else ''})"


def _some_predictions(pairs: Sequence[Pair]) -> list[str]:
    return [pair.pred[0] for pair in pairs if pair.pred]


def _class_folders_given(pairing: Pairing, *, named: bool = False) -> Iterator[SegevalError]:
    """Tell that predictions lie in one folder a class, where nearly every image finds one candidate in each."""
    candidates = [files for _, files in pairing.ambiguous if len(files) > 1]
    alike = [files for files in candidates if len({file.partition("/")[2] for file in files}) == 1]
    if not alike or 2 * len(alike) < len(pairing.pairs) + len(pairing.ambiguous):
        return
    folders = sorted({file.partition("/")[0] for files in alike for file in files})
    yield MaskError(
        "predictions hold one folder a class, as probability maps do",
        (", ".join(folders),),
        "Name the classes in their order with --classes" if named else "Score them with --probs",
    )


def _looks_like_maps(run: Run) -> bool:
    if not run.rows:
        return False
    gt_values, pred_values = raw_values(run.table())
    two_valued = len(set(gt_values) - {255}) <= 2 and set(gt_values) <= {0, 1, 255}
    return two_valued and len(pred_values) > MANY_VALUES


def _labels_given(pairs: Sequence[Pair]) -> SegevalError:
    return LabelError(
        "these are label masks, not probability maps: no level is above the highest class",
        _some_predictions(pairs),
        "Score them without --probs",
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
    if not run.rows or run.maps != Maps("uint8", 1):
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


def map_warnings(run: Run) -> Iterator[str]:
    """Tell what is odd about the probability maps of a run and is yet no error."""
    if run.maps == Maps("uint8", 1) and run.rows:
        levels = {level for table in run.level_tables() for level in table.pred.tolist()}
        if levels <= {0, 255}:
            yield "the maps hold only 0 and 255: these are masks, and the losses are those of certainty"
    missing = sum(row.missing for row in run.rows)
    if missing:
        yield f"losses leave out the {missing} images without prediction"
    unnormalised = sum(row.unnormalised for row in run.rows)
    if unnormalised:
        share = 100 * unnormalised / run.pixels
        yield (
            f"class probabilities do not add up to 1 at {unnormalised:,} pixels ({share:.2f} %), as those of sigmoid "
            "heads; they are taken as they are"
        )
