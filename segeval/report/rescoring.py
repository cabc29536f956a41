"""A saved run under another labeling, convention, loss or choice of images, without reading an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Unpack

import numpy as np

from segeval.errors import LabelError, NothingToScoreError, RunFileError, UsageError
from segeval.images.readers import IMAGE_SUFFIXES
from segeval.protocol.distances import Distances, write_distances
from segeval.protocol.imagekeys import is_list_file, is_of_list, list_text
from segeval.protocol.labeling import Labeling, in_sets
from segeval.protocol.protocol import Protocol, Resolution
from segeval.protocol.settings import Probabilities, resolve_eps
from segeval.protocol.widths import write_widths
from segeval.report.probabilities import map_classes
from segeval.request import Request, amend
from segeval.request.options import FolderOptions, LossOptions, RescoreOptions, chosen, names_in
from segeval.request.pairingrules import read_keys
from segeval.runs.run import Maps, Run
from segeval.tables.counts import JointCounts
from segeval.tables.levels import thresholded

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
    places = [kept.index(width) for width in asked]
    rows = tuple(
        row if row.contours is None else replace(row, contours=row.contours.at_widths(places)) for row in changed.rows
    )
    return replace(changed, rows=rows)


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
    chosen = run.subset(lambda key: fnmatchcase(key, keys))
    if run.rows and not chosen.rows:
        some = [row.key for row in run.rows[:3]]
        raise NothingToScoreError(
            "no image has such a key", (f"{keys}; keys are {', '.join(some)}, ...",), "Give a glob as in 'frankfurt/*'"
        )
    return replace(chosen, protocol=replace(protocol, keys=keys))


def _listed(run: Run, protocol: Protocol, file: str | Path) -> Run:
    from segeval.folders.lists import chosen_rows  # few reports choose images

    entries = read_keys(file)
    kept = chosen_rows((row.key for row in run.rows), entries, IMAGE_SUFFIXES)
    return replace(run.subset(kept.__contains__), protocol=replace(protocol, keys=list_text(entries)))


def _rethresholded(run: Run, maps: Maps, before: Probabilities, after: Probabilities) -> Run:
    """Make the labels of one 8-bit map of the foreground again."""
    if not maps.in_rows:
        raise RunFileError(
            "a run of 16-bit or float maps keeps its labels for one threshold only",
            (f"kept with {before.threshold:g}, asked for {after.threshold:g}",),
            SCORE_AGAIN,
        )
    rows = (
        replace(row, counts=thresholded(row.levels[0], after.threshold))
        if row.levels
        else row  # one without prediction
        for row in run.rows
    )
    return replace(run, rows=tuple(rows))


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
    for row in run.rows:
        if row.sums:
            sides = _sides(row.counts, resolution.labeling, described)
            if sides != [(sums.n_pos, sums.n_neg) for sums in row.sums]:
                return False
    return True


def _sides(counts: JointCounts, labeling: Labeling, described: tuple[int | None, ...]) -> list[tuple[int, int]]:
    """Return positives and negatives of each map from the label table of an image."""
    indices = labeling.gt(counts.gt)
    valid = indices >= 0
    if labeling.sets:
        every = int(counts.pixels[valid].sum())
        known = (int(counts.pixels[in_sets(counts.gt, index)].sum()) for index in range(len(described)))
        return [(positives, every - positives) for positives in known]
    pixels = np.zeros(len(labeling.classes), np.int64)
    np.add.at(pixels, indices[valid], counts.pixels[valid])
    total = int(pixels.sum())
    return [
        (positives, total - positives)
        for positives in (0 if index is None else int(pixels[index]) for index in described)
    ]
