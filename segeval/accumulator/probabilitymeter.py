"""Count probability maps in a training loop: losses, ranking and calibration beside IoU."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from segeval.accumulator.counted import Array, Counted, Keys, as_array, label_stack
from segeval.api.report import Report
from segeval.errors import MaskError, raise_all
from segeval.measuring.mapfolders import contradicted
from segeval.measuring.maps import MapReading, count_maps, map_reading
from segeval.protocol.protocol import resolve
from segeval.request import build_request
from segeval.request.options import MeterOptions, spelled
from segeval.runs.run import Maps
from segeval.scores.lossums import kind_of_array

LABELS = "Give class labels as integers; probabilities come first: update(probs, gt)"


class ProbabilityMeter(Counted):
    """Count probability maps against ground truth, batch by batch; `compute` gives losses, AP and calibration too.

    The numbers are those of `segeval.score(..., probs=True)` on the same maps. Maps of 8 bits keep a table of levels an
    image; those of 16 bits and floats keep sums an image and levels of the whole run, so that an image of theirs must
    not be counted by two processes of a distributed run.

    Examples
    --------
    >>> meter = segeval.ProbabilityMeter(classes=2)
    >>> meter.update(probs=[[0.1, 0.6, 0.8]], gt=[[0, 0, 1]])
    >>> meter
    <segeval.ProbabilityMeter: 1 image, 2 classes, 1 float map an image>
    >>> scores = meter.compute().scores
    >>> round(scores["bce"], 4), scores["average_precision"], round(scores["miou"], 4)
    (0.4149, 1.0, 0.5)
    """

    @spelled(MeterOptions)
    def __init__(self, **options: Unpack[MeterOptions]) -> None:
        """Take the keywords of `segeval.score` for labels, conventions and losses."""
        super().__init__(build_request(probs=True, **options))

    def reset(self) -> None:
        """Forget what has been counted, as at the start of an epoch."""
        super().reset()
        self._reading: MapReading | None = None

    def update(self, probs: Array, gt: Array, *, keys: Keys | None = None) -> None:
        """Count one image or a batch.

        Parameters
        ----------
        probs
            Probabilities in [0, 1] as floats, or stored levels as uint8 or uint16, in NumPy or in anything with
            `__array__` or DLPack on the host: P(class 1) as (H, W) or (N, H, W), or a plane a class as (K, H, W) or
            (N, K, H, W).
        gt
            Labels of any integer type, (H, W) or (N, H, W).
        keys
            The image's name, or one for each image of the batch. Images with keys are united by them in `merge`.

        Raises
        ------
        MaskError
            Where shapes do not fit, a probability is outside [0, 1], or the kind or number of maps changes.
        LabelError
            Where a value of the ground truth is neither a class nor ignored.
        UsageError
            Where an image of the same key has another result. In all cases nothing is counted.
        """
        labels = as_array(gt, "ground truth")
        truth = label_stack(labels, "ground truth", LABELS)
        stack = _planes(as_array(probs, "probabilities"), truth.shape, single=labels.ndim == 2)
        maps = Maps(kind_of_array(stack), stack.shape[1])
        _require_probabilities(stack)
        if self._maps not in (None, maps):
            raise MaskError(
                "probability maps differ from those counted before in number or type",
                (f"{_told(maps)}, before {_told(self._maps)}",),
                "Give every batch in one type, a plane a class",
            )
        reading = self._reading or self._read_as(maps, truth)
        found = [
            count_maps(true_image, list(planes), reading, key=name, digest="")
            for name, true_image, planes in zip(self._names(keys, len(truth)), truth, stack, strict=True)
        ]
        rows = [one.row for one in found]
        self._refuse_unknown(rows, maps, keyed=keys is not None)
        self._add(rows, [one.levels for one in found], keyed=keys is not None)
        self._maps, self._reading = maps, reading

    def compute(self) -> Report:
        """Return every score of what has been counted.

        Returns
        -------
        Report
            The numbers of `score` with `probs=True` on the same maps.

        Raises
        ------
        SegevalError
            As of `score`; `NothingToScoreError` where nothing has been counted.
        """
        run = self._run()
        if not (run.maps is None or run.maps.in_rows):
            raise_all(contradicted(run))
        return super().compute()

    def _about(self) -> str:
        return super()._about() + (f", {_told(self._maps)}" if self._maps else "")

    def _read_as(self, maps: Maps, truth: NDArray[Any]) -> MapReading:
        """Say how maps are read; only where no keyword says what 255 means do the first values decide."""
        protocol = self._request.protocol
        assert protocol.probabilities is not None
        open_values = maps.count == 1 and not protocol.binary and protocol.ignore is None
        values = set(np.unique(truth).tolist()) if open_values else set()
        resolution = resolve(protocol, gt_values=values, pred_values=(), map_count=maps.count)
        return map_reading(protocol, protocol.probabilities, maps, resolution)


def _planes(values: NDArray[Any], shape: tuple[int, ...], *, single: bool) -> NDArray[Any]:
    """Return probabilities as (N, K, H, W) beside ground truth of shape (N, H, W)."""
    stack = values[None] if single else values
    if stack.ndim == 3:
        stack = stack[:, None]
    if stack.ndim != 4 or (stack.shape[0], *stack.shape[2:]) != shape:
        raise MaskError(
            "probabilities do not fit the ground truth",
            (f"probabilities {values.shape}, ground truth {shape[1:] if single else shape}",),
            "Give (N, H, W) of P(class 1), or (N, K, H, W) with a plane a class, beside (N, H, W) of labels",
        )
    return stack


def _require_probabilities(stack: NDArray[Any]) -> None:
    if stack.dtype.kind == "f" and not (stack.min() >= 0 and stack.max() <= 1):  # NaN is its array's minimum
        raise MaskError(
            "a probability is NaN or outside [0, 1]",
            (f"{float(stack.min())} to {float(stack.max())}",),
            "Give probabilities, not logits: softmax over the classes, or the sigmoid of one plane",
        )


def _told(maps: Maps | None) -> str:
    return "" if maps is None else f"{maps.count} {maps.kind.words} map{'' if maps.count == 1 else 's'} an image"
