"""What the probability maps of a run are, told from the first images that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from segeval.errors import MaskError, SegevalError, raise_all
from segeval.folders.pairing import Pair
from segeval.folders.walking import pred_name
from segeval.images.readers import describe
from segeval.measuring.maps import read_maps
from segeval.measuring.reading import Reading, both, bytes_of, read_ground_truth
from segeval.protocol.labeling import SideFiles, distinct_values, side_files
from segeval.protocol.mapkinds import kind_stored_as
from segeval.protocol.protocol import Protocol, Resolution, resolve
from segeval.runs.run import Maps
from segeval.scores.lossums import kind_of_array


def recognise(pairs: Sequence[Pair], files: Reading) -> Maps:
    """Look at the first image that can be read and say what its maps are; where there is none, raises all problems."""
    problems: list[SegevalError] = []
    for pair in pairs:
        if not pair.pred:
            continue
        try:
            found = _of_header(pair, files)
            if found is None:
                if files.multilabel:
                    maps, _ = read_maps(pair, files)
                else:
                    truth, (maps, _) = both(partial(read_ground_truth, pair, files), partial(read_maps, pair, files))
                    _require_class_axis_first(pair, maps, truth.values.shape)
                found = Maps(kind_of_array(maps[0]), len(maps))
        except SegevalError as error:
            problems.append(error)
            continue
        return found
    raise_all(problems)
    raise MaskError("no image has a probability map", (), "Check the folder of predictions")


def _require_class_axis_first(pair: Pair, maps: Sequence[NDArray[Any]], size: tuple[int, ...]) -> None:
    """Raise `MaskError` where the maps of an image fit its ground truth with the class axis last only."""
    shape = (len(maps), *maps[0].shape)
    if len(pair.pred) == 1 and shape[:2] == size != shape[1:]:
        raise MaskError(
            "an array of probability maps has the class axis last",
            (f"{pred_name(pair.pred[0])}: {shape}",),
            "Read it with --class-axis last, or save it as numpy.moveaxis(array, -1, 0) gives it",
        )


def _of_header(pair: Pair, files: Reading) -> Maps | None:
    """Say what an image's maps are by the first file's header; `None` where only decoding can tell."""
    name = pred_name(pair.pred[0])
    facts = describe(bytes_of(files.pred, pair.pred[0], files, name=name), name=name)
    kind = kind_stored_as(facts.sample, facts.bit_depth)
    if kind is None or facts.kind != "gray" or facts.animated:
        return None
    return Maps(kind, len(pair.pred))


def presumed(protocol: Protocol, maps: Maps, pairs: Sequence[Pair], files: Reading) -> Resolution:
    """Return what ground-truth values will mean, before all are read.

    Only 0/255 masks leave that open; the ground truth is then read as far as the first value that decides.
    """
    open_values = maps.count == 1 and not protocol.binary and protocol.ignore is None
    values: set[int] = set()
    met: list[tuple[str, set[int]]] = []
    for pair in pairs if open_values else ():
        try:
            met.append((pair.gt, set(distinct_values(read_ground_truth(pair, files).values))))
        except SegevalError:
            continue
        values |= met[-1][1]
        if values != {0}:
            break
    sides = side_files(values, lambda: met), SideFiles()
    return resolve(protocol, gt_values=values, pred_values=(), map_count=maps.count, sides=sides)
