"""A saved run under another labeling, convention, loss or choice of images, without reading an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from segeval.errors import LabelError, NothingToScoreError, RunFileError, UsageError
from segeval.images.readers import IMAGE_SUFFIXES
from segeval.protocol.distances import Distances, write_distances
from segeval.protocol.imagekeys import is_list_file, is_of_list, list_text
from segeval.protocol.labeling import Labeling, in_sets
from segeval.protocol.protocol import Protocol, Resolution
from segeval.protocol.settings import Probabilities, resolve_eps
from segeval.protocol.widths import write_widths
from segeval.report.probabilities import map_classes
from segeval.report.thresholding import rethresholded
from segeval.request import Request, amend
from segeval.request.options import FolderOptions, LossOptions, RescoreOptions, chosen, names_in
from segeval.request.pairingrules import read_keys
from segeval.runs.choosing import subset
from segeval.runs.columns import blocks_of
from segeval.runs.partcolumns import COUNTED, at_widths, sums_of_maps
from segeval.runs.run import Maps, Row, Run, keys_of, tables_of
from segeval.tables.counts import Int64Array, stacked

SCORE_AGAIN = "Score the images again with the options that are wanted"


def rescore(run: Run, *, keys: str | Path | None = None, **options: Unpack[RescoreOptions]) -> Run:
    """Return `run` under a protocol that differs in what `options` give, ready for a report.

    What is absent or `None` stays as it was stored; options of statistics and gates change no protocol. `keys` is a
    glob that chooses images by key, or the file of a list of them. Raises `UsageError` for an option that the run
    cannot have, `PairingError` for a listed image that the run does not have, `NothingToScoreError` where no key fits,
    and `RunFileError` where the run does not keep what another protocol needs: another gamma or eps of 16-bit and float
    maps, their losses under other positives, their images one by one, and a merge or removal of classes of several
    maps.
    """
    changes = chosen(FolderOptions, options)
    if run.protocol.probabilities is None:
        _check_no_losses(changes, run.protocol)
    # What colours were decoded to was settled when the images were read.
    protocol = replace(amend(Request(run.protocol), changes).protocol, palette=run.protocol.palette)
    return under(run, protocol, keys=keys)


def under(run: Run, protocol: Protocol, *, keys: str | Path | None = None) -> Run:
    """Return `run`, or its images whose key fits, under another protocol; errors as in `rescore`."""
    changed = replace(run, protocol=protocol) if keys is None else _chosen(run, protocol, keys)
    if run.protocol.storage.multilabel:
        _check_sets(run.protocol, protocol)
    for kept, asked, words in (
        (*_written(run.protocol.distances, protocol.distances), "distances for one definition, tolerance and spacing"),
        (*_written(run.protocol.lesions, protocol.lesions), "lesions for one definition, overlap and spacing"),
    ):
        if kept != asked:
            raise RunFileError(f"a run keeps {words} only", (f"kept {kept}; asked for {asked}",), SCORE_AGAIN)
    if any((one.boundary, one.distances, one.lesions) != (None,) * 3 for one in (run.protocol, protocol)):
        changed = _recontoured(changed, run)
    before, after = run.protocol.probabilities, protocol.probabilities
    if run.maps is None or before is None or after is None:
        return changed
    if run.maps.count == 1 and after.threshold != before.threshold:
        changed = _rethresholded(changed, run.maps, before, after)
    if not run.maps.in_rows:
        _check_losses(run.maps, before, after)
    if run.rows:
        _check_classes(changed, run)
    return changed


def _written(*choices: object) -> Iterator[str]:
    return (
        "none" if one is None else write_distances(one) if isinstance(one, Distances) else str(one) for one in choices
    )


def _check_sets(stored: Protocol, asked: Protocol) -> None:
    """Refuse what would read values as other sets of classes than those that were counted."""

    def reading(protocol: Protocol) -> tuple[object, ...]:
        losses = protocol.probabilities
        ids = tuple(entry.id for entry in protocol.classes or ())
        levels = (protocol.gt_threshold, protocol.pred_threshold, None if losses is None else losses.threshold)
        return ids, frozenset(protocol.ignore or ()), *levels

    if reading(stored) != reading(asked):
        raise RunFileError(
            "a run of pixels with several classes keeps its sets for the classes, void values and thresholds that it "
            "was measured with only",
            (),
            SCORE_AGAIN,
        )


def _recontoured(changed: Run, stored: Run) -> Run:
    """Keep the counts at the widths asked for; refuse other widths, and classes that contours were not counted for."""
    from segeval.report.boundaries import region_differences

    kept, asked = stored.protocol.boundary or (), changed.protocol.boundary or ()
    lacking = [width for width in asked if width not in kept]
    if lacking:
        raise RunFileError(
            "the run does not keep contours at some of the widths" if kept else "the run keeps no contours",
            (f"kept {write_widths(kept) or 'none'}; asked for {write_widths(lacking)}",),
            SCORE_AGAIN,
        )
    found = changed.resolve()
    strangers = region_differences(stored.protocol, found.labeling, stored.table())
    if strangers:
        raise RunFileError(
            "contours were counted for other classes: merged or renamed values have other borders",
            strangers,
            SCORE_AGAIN,
        )
    return changed if kept == asked else replace(changed, rows=at_widths(changed.rows, list(map(kept.index, asked))))


def _check_no_losses(changes: FolderOptions, stored: Protocol) -> None:
    given = [name for name in names_in(LossOptions) if changes.get(name) is not None]
    if "class_weights" in given and amend(Request(stored), changes).protocol.mean_weights is not None:
        given.remove("class_weights")  # of a weighted mean
    if given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError("a run of label masks has no losses", (named,), "Score probability maps with --probs")


def _chosen(run: Run, protocol: Protocol, keys: str | Path) -> Run:
    if isinstance(keys, Path) or is_list_file(keys):
        return _listed(run, protocol, keys)
    if is_of_list(keys):
        if run.protocol.keys != keys:
            raise UsageError("the images were chosen by a list of keys", (keys,), "Give the list with --keys FILE")
        return replace(run, protocol=protocol)
    chosen = subset(run, lambda key: fnmatchcase(key, keys))
    if run.rows and not chosen.rows:
        some = keys_of(run.rows)[:3]
        raise NothingToScoreError(
            "no image has such a key", (f"{keys}; keys are {', '.join(some)}, ...",), "Give a glob as in 'frankfurt/*'"
        )
    return replace(chosen, protocol=replace(protocol, keys=keys))


def _listed(run: Run, protocol: Protocol, file: str | Path) -> Run:
    from segeval.folders.lists import chosen_rows  # few reports choose images

    entries = read_keys(file)
    kept = chosen_rows(keys_of(run.rows), entries, IMAGE_SUFFIXES)
    return replace(subset(run, kept.__contains__), protocol=replace(protocol, keys=list_text(entries)))


def _rethresholded(run: Run, maps: Maps, before: Probabilities, after: Probabilities) -> Run:
    """Make the labels of one 8-bit map of the foreground again."""
    if not maps.in_rows:
        raise RunFileError(
            "a run of 16-bit or float maps keeps its labels for one threshold only",
            (f"kept with {before.threshold:g}, asked for {after.threshold:g}",),
            SCORE_AGAIN,
        )
    return replace(run, rows=rethresholded(run.rows, after.threshold))


def _check_losses(maps: Maps, before: Probabilities, after: Probabilities) -> None:
    """Refuse another gamma or eps of losses that are sums."""
    kept, asked = ((chosen.gamma, resolve_eps(chosen.eps, maps.kind.levels)) for chosen in (before, after))
    if kept != asked:
        raise RunFileError(
            "a run of 16-bit or float maps keeps its losses for one gamma and one eps only",
            (f"kept with gamma {kept[0]:g}, eps {kept[1]}; asked for gamma {asked[0]:g}, eps {asked[1]}",),
            SCORE_AGAIN,
        )


def _check_classes(run: Run, stored: Run) -> None:
    """Refuse what several maps cannot follow, and labels under which sums of losses are of other pixels."""
    table = run.table()
    found = run.resolve_for(table)
    if run.maps is not None and run.maps.count > 1:
        try:
            before = stored.resolve_for(table)
        except LabelError:  # what the stored protocol left open, this one says
            before = found
        if _meaning(before) != _meaning(found, of=before):
            raise RunFileError(
                "classes of a run of several probability maps cannot be merged, removed or renumbered",
                (f"{len(before.labeling.classes)} classes are kept",),
                SCORE_AGAIN,
            )
    if not sums_fit(run, found):
        raise RunFileError(
            "a run of 16-bit or float maps keeps its losses for one meaning of the ground truth only", (), SCORE_AGAIN
        )


def _meaning(found: Resolution, *, of: Resolution | None = None) -> object:
    """Return the ids of the classes, and the class of each ground-truth value that has one in `of`."""
    reference = of or found
    values = [value for value, index in reference.labeling.gt.indices.items() if index >= 0]
    every = [entry.id for entry in found.protocol.classes or ()]
    return every, [entry.id for entry in found.labeling.classes], [found.labeling.gt.index(value) for value in values]


def sums_fit(run: Run, resolution: Resolution) -> bool:
    """Tell whether the loss sums of a run's rows are of the positives and negatives that a labeling means.

    16-bit and float maps are summed pixel by pixel under one labeling; another one fits where it calls the same pixels
    positive and valid, which their numbers in each image's label table tell.
    """
    if run.maps is None or run.maps.in_rows:
        return True
    described = map_classes(resolution, run.maps.count)
    for block in blocks_of(run.rows):
        sums = sums_of_maps(block)
        kept = sums["counts"].reshape(-1, run.maps.count, len(COUNTED))[..., :2]
        if not np.array_equal(kept, _sides(block, sums.counts > 0, resolution.labeling, described)):
            return False
    return True


def _sides(
    rows: Sequence[Row], chosen: NDArray[np.bool_], labeling: Labeling, described: tuple[int | None, ...]
) -> Int64Array:
    """Return positives and negatives of each map from the label tables of chosen rows, shape (rows, maps, 2)."""
    cells = stacked(tables_of(rows))
    is_valid = np.repeat(chosen, np.diff(cells.ends)) & (labeling.gt(cells.gt) >= 0)
    gt, pixels = cells.gt[is_valid], cells.pixels[is_valid]
    image = np.repeat(np.cumsum(chosen) - 1, np.diff(cells.ends))[is_valid]
    every = np.zeros(int(chosen.sum()), np.int64)
    np.add.at(every, image, pixels)
    positives = np.zeros((len(every), len(described)), np.int64)
    if labeling.sets:
        for index in range(len(described)):
            here = in_sets(gt, index)
            np.add.at(positives[:, index], image[here], pixels[here])
    else:
        places = np.full(len(labeling.classes), -1)
        for place, of_map in enumerate(described):
            if of_map is not None:
                places[of_map] = place
        of_cell = places[labeling.gt(gt)]
        known = of_cell >= 0
        np.add.at(positives, (image[known], of_cell[known]), pixels[known])
    return np.stack([positives, every[:, None] - positives], axis=-1)
