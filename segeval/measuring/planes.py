"""Slices of volumes as images of their own: a pair for each, and one of them read from the files of both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from segeval.errors import MaskError, SegevalError, UsageError
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, pred_name
from segeval.images.readers import describe, read_below
from segeval.measuring.reading import Reading, ReadMask, read_ground_truth, read_once, read_prediction
from segeval.measuring.remote import while_fetching
from segeval.protocol.storage import RESIZE_FIX
from segeval.request import Request


def with_planes(pairing: Pairing, request: Request) -> Pairing:
    """Return a pairing with a pair for each slice of the ground truth, "CASE/07" of 10 to 99 slices.

    Places are counted from 0, as along the first axis of (D, H, W), and have the digits of the number of slices. A file
    that is no volume, or cannot be read, is one pair, and what is wrong with it is told where it is measured. Raises
    `UsageError` for options of other images than plain label masks.
    """
    _require_labels(request)
    files = dict.fromkeys(pair.gt for pair in pairing.pairs)
    root, most = pairing.gt_root, request.max_pixels
    depths: dict[str, int] = {}
    for file in while_fetching(root, files, gt_name, max_pixels=most):
        name = gt_name(file)
        try:
            data = read_below(root, file, name=name, max_pixels=most)
            depths[file] = describe(data, name=name, stack=request.protocol.storage.stack).depth
        except SegevalError:
            depths[file] = 0
    return replace(pairing, pairs=tuple(one for pair in pairing.pairs for one in _planes(pair, depths[pair.gt])))


def _require_labels(request: Request) -> None:
    stored = request.protocol.storage
    others = {
        "--probs": request.protocol.probabilities is not None,
        "--multilabel": stored.multilabel,
        "--roi": stored.roi or request.roi is not None,
        "--palette-tolerance": stored.palette_tolerance > 0,
    }
    met = [option for option, given in others.items() if given]
    if met:
        fix = "Leave them out, or leave --per-slice out"
        raise UsageError("--per-slice is of label masks, all of whose pixels are exact and count", met, fix)


def _planes(pair: Pair, depth: int) -> Iterator[Pair]:
    digits = len(str(depth))
    for place in range(max(1, depth)):
        yield replace(pair, key=f"{pair.key}/{place:0{digits}}", plane=(place, depth))


def read_image(pair: Pair, reading: Reading) -> ReadMask:
    """Return the ground truth of a pair, whole or its slice; raises `MaskError`."""
    return read_ground_truth(pair, reading) if pair.plane is None else true_plane(pair, reading)


def read_predicted_image(pair: Pair, reading: Reading) -> ReadMask:
    """Return the label prediction of a pair, which has one, whole or its slice; raises `MaskError`."""
    if pair.plane is None:
        return read_prediction(pair.pred[0], reading)
    return predicted_plane(pair.pred[0], reading, plane=pair.plane)


def true_plane(pair: Pair, reading: Reading) -> ReadMask:
    """Return the slice of a ground truth that is an image; raises `MaskError`, also where it is no volume."""
    assert pair.plane is not None
    name = gt_name(pair.gt)
    place, depth = pair.plane
    whole, found = _volume("gt", pair.gt, name, reading, partial(read_ground_truth, pair, reading))
    if found != depth:
        raise MaskError("a file changed while it was read", (name,), "Start again when nothing writes to the folder")
    return _of(whole, place)


def predicted_plane(file: str, reading: Reading, *, plane: tuple[int, int]) -> ReadMask:
    """Return a slice of a prediction, where it has as many as its ground truth; raises `MaskError`."""
    name = pred_name(file)
    place, depth = plane
    whole, found = _volume("pred", file, name, reading, partial(read_prediction, file, reading))
    if found != depth and depth:  # 0 is of a ground truth that cannot be read
        raise MaskError(
            "predictions and ground truth differ in size",
            (f"{name}: {found} slices, ground truth {depth}",),
            RESIZE_FIX,
            kind="resized",
        )
    return _of(whole, place)


def _volume(side: str, file: str, name: str, reading: Reading, read: Callable[[], ReadMask]) -> tuple[ReadMask, int]:
    """Return a volume without its bytes, and its slices; this thread holds the last one of each side."""

    def without_bytes() -> ReadMask:
        found = read()
        if found.facts is None or not found.facts.depth:
            raise MaskError(
                "--per-slice is of volumes, and a file is none",
                (name,),
                "Leave it out, or add --stack where TIFF files hold slices",
            )
        return replace(found, data=b"", known=found.digest)

    found = read_once(side, file, reading, without_bytes)
    assert found.facts is not None
    return found, found.facts.depth


def _of(volume: ReadMask, place: int) -> ReadMask:
    values = volume.values
    return replace(volume, values=values.reshape(-1, *values.shape[-2:])[place])
