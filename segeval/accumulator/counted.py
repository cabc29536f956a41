"""Images counted so far: taken from arrays of any library, kept by key, united with what others have counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segeval.api.report import Report, public
from segeval.api.scoring import scored_run
from segeval.errors import LabelError, MaskError, NothingToScoreError, SegevalError, UsageError, raise_all
from segeval.findings.policy import Policy
from segeval.protocol.conventions import Convention, evaluator
from segeval.protocol.labeling import UNKNOWN, VOID, Labeling
from segeval.protocol.protocol import resolve
from segeval.records import dataclass
from segeval.request import Request
from segeval.runs.differences import protocol_differences
from segeval.runs.run import Maps, Row, Run, sort_key
from segeval.runs.unions import union
from segeval.tables.floatlevels import LevelCounts, add_levels

Entry = TypeVar("Entry")


class SupportsDLPack(Protocol):
    """Give an array's memory by DLPack, as the arrays of every library do."""

    def __dlpack__(self, *, stream: Any = None) -> Any: ...

    def __dlpack_device__(self) -> Any: ...


Array = ArrayLike | SupportsDLPack
Keys = str | int | Sequence[str | int] | ArrayLike


def as_array(values: Array, name: str) -> NDArray[Any]:
    """Return an array of any library as NumPy's, uncopied where that is possible; raises `MaskError`."""
    if isinstance(values, np.ndarray):
        return values
    given: Any = values
    try:
        if hasattr(given, "detach"):  # a tensor that has a gradient gives no array
            given = given.detach()
        if hasattr(given, "__dlpack__") and not hasattr(given, "__array__"):
            return np.from_dlpack(given)
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise MaskError(
            f"{name} cannot be read as a NumPy array",
            (f"{type(values).__name__}: {error}",),
            "Copy it to the host, in a type that NumPy has: tensor.cpu(), tensor.float(), array.get()",
        ) from error


def label_stack(values: NDArray[Any], name: str, fix: str) -> NDArray[Any]:
    """Return labels as (N, H, W); raises `MaskError` for other shapes, and with `fix` for types other than integers."""
    if values.dtype.kind not in "iub":
        raise MaskError(f"{name} is {values.dtype}, not integer labels", (f"shape {values.shape}",), fix)
    if values.ndim not in (2, 3) or not values.size:
        raise MaskError(f"{name} is no image and no batch of images", (f"shape {values.shape}",), SHAPES)
    return values if values.ndim == 3 else values[None]


SHAPES = "Give labels as (H, W) or (N, H, W), with at least one pixel"


class Counted:
    """Keep a row for each image counted; what a `ConfusionMatrix` and a `ProbabilityMeter` have in common."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.reset()

    def reset(self) -> None:
        """Forget what has been counted, as at the start of an epoch."""
        self._rows: dict[str, Row] = {}
        self._keyed = False
        self._maps: Maps | None = None
        self._levels: tuple[LevelCounts, ...] = ()

    def compute(self) -> Report:
        """Return every score of what has been counted.

        Returns
        -------
        Report
            The numbers of `score` on the same masks.

        Raises
        ------
        SegevalError
            As of `score`; `NothingToScoreError` where nothing has been counted.
        """
        return public(scored_run(self._run()), Policy(self._request.allow))

    def merge(self, *others: Self) -> None:
        """Add the images that others have counted, as on other processes of a distributed run.

        Parameters
        ----------
        others
            Made with the same keywords. Images with keys are united by them: one that several have counted, such as
            those by which a sampler pads its last batch, counts once.

        Raises
        ------
        SegevalError
            Where keywords differ, where an image has two results, or where only one side has keys; nothing is added
            then.
        """
        united = copy(self)
        for other in others:
            united._unite(other)
        vars(self).update(vars(united))

    def __add__(self, other: Self) -> Self:
        """Return the images of both; errors as in `merge`."""
        if not isinstance(other, type(self)):
            return NotImplemented  # so that Python asks the other side, and then raises a TypeError that names both
        both = copy(self)
        both._unite(other)
        return both

    def __len__(self) -> int:
        """Return the number of images counted."""
        return len(self._rows)

    def __bool__(self) -> bool:
        """Tell that this is something, counted or not."""
        return True

    def __repr__(self) -> str:
        images = f"{len(self):,} image{'' if len(self) == 1 else 's'}"
        return f"<segeval.{type(self).__name__}: {images}, {self._about()}>"

    def _about(self) -> str:
        classes = self._request.protocol.classes
        if classes is None:
            return "2 classes" if self._request.protocol.binary else "classes by their values"
        return f"{len(classes):,} class{'' if len(classes) == 1 else 'es'}"

    def _run(self) -> Run:
        if not self._rows:
            raise NothingToScoreError("no image has been counted", (), "Call update(pred, gt) first")
        return Run(self._request.protocol, _in_order(self._rows.values()), self._maps, self._levels)

    def _names(self, keys: Keys | None, count: int) -> list[str]:
        """Return the keys of the next images: those given, or their places in the order of counting."""
        if keys is None:
            return [f"{len(self._rows) + index:012d}" for index in range(count)]
        given: Any = keys.tolist() if hasattr(keys, "tolist") else keys
        names = [given] if isinstance(given, str | int) else list(given)
        if len(names) != count or not all(isinstance(name, str | int) and name != "" for name in names):
            raise UsageError(
                "keys are not a text or number for each image",
                (f"{len(names)} for {count} images",),
                "Give the names of the batch's images",
            )
        return list(map(str, names))

    def _add(self, rows: Sequence[Row], levels: Sequence[tuple[LevelCounts, ...]], *, keyed: bool) -> None:
        """Keep the rows of a batch, and what the whole run keeps of each; one that is known already counts once."""
        self._require_alike(keyed)
        known = dict(self._rows)  # a copy shares rows with what it was made from
        total = self._levels
        for row, of_image in zip(rows, levels, strict=True):
            if row.key in known:
                _require_equal(row, known[row.key], "Call reset() before each epoch, and give each image its own key")
                continue
            known[row.key] = row
            total = tuple(map(add_levels, zip(total, of_image, strict=True))) if total else of_image
        self._rows, self._levels, self._keyed = known, total, keyed

    def _require_alike(self, keyed: bool) -> None:
        if self._rows and self._keyed != keyed:
            raise UsageError(
                "some images have keys and some have none", (), "Give keys=... in every update, or in none"
            )

    def _refuse_unknown(self, rows: Sequence[Row], maps: Maps | None = None, *, keyed: bool) -> None:
        """Raise `LabelError` for values of a batch that the convention makes an error, where classes are given."""
        protocol = self._request.protocol
        if protocol.classes is None:
            return
        try:
            resolution = resolve(protocol, gt_values=(), pred_values=(), map_count=maps.count if maps else None)
        except SegevalError:  # only the values of all images can tell what they mean
            return
        names = [row.key if keyed else f"image {index} of the batch" for index, row in enumerate(rows)]
        raise_all(_refusals(rows, names, resolution.labeling, protocol.convention))

    def _unite(self, other: Self) -> None:
        if differences := protocol_differences(self._request.protocol, other._request.protocol):
            raise UsageError("only what was made with the same keywords can be merged", differences, SAME_KEYWORDS)
        if not other._rows:
            return
        self._require_alike(other._keyed)
        rows = list(other._rows.values())
        if other._keyed:
            for row in rows:
                if row.key in self._rows:
                    _require_equal(row, self._rows[row.key], "Give each image its own key")
        else:
            rows = [replace(row, key=name) for row, name in zip(rows, self._names(None, len(rows)), strict=True)]
        theirs = Run(other._request.protocol, _in_order(rows), other._maps, other._levels)
        united = union([("this one", self._run()), ("the other", theirs)]) if self._rows else theirs
        self._rows = {row.key: row for row in united.rows}
        self._maps, self._levels, self._keyed = united.maps, united.levels, other._keyed


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Say which values a convention may refuse, where a rule of it says "error", and what to do then."""

    rule: str
    side: str
    meaning: int
    what: str
    fix: str


REFUSALS = (
    _Refusal(
        "gt_unknown",
        "gt",
        UNKNOWN,
        "ground truth holds values that are neither a class nor ignored",
        'Name them with classes, ignore or gt_map, or leave their pixels out with gt_unknown="drop"',
    ),
    _Refusal(
        "unknown",
        "pred",
        UNKNOWN,
        "predictions hold values that are neither a class nor ignored",
        'Name them with classes, ignore or pred_map, or count them as wrong with unknown="miss"',
    ),
    _Refusal(
        "pred_void",
        "pred",
        VOID,
        "predictions hold an ignored value, which this convention does not allow",
        'Count it as wrong with pred_void="miss", or leave its pixels out with pred_void="drop"',
    ),
)


def _refusals(
    rows: Sequence[Row], names: Sequence[str], labeling: Labeling, convention: Convention
) -> Iterator[LabelError]:
    """Tell image, value and pixels of what a convention refuses, in words for Python."""
    everywhere = evaluator(convention).looks_at_void
    for refusal in REFUSALS:
        if getattr(convention, refusal.rule) != "error":
            continue
        places = []
        for row, name in zip(rows, names, strict=True):
            counts = row.counts
            values = getattr(counts, refusal.side)
            chosen = getattr(labeling, refusal.side)(values) == refusal.meaning
            if refusal.side == "pred" and not everywhere:
                chosen &= labeling.gt(counts.gt) >= 0
            for value in sorted(set(values[chosen].tolist())):
                pixels = int(counts.pixels[chosen & (values == value)].sum())
                places.append(f"{name}: value {value} ({pixels:,} px)")
        if places:
            yield LabelError(refusal.what, places, refusal.fix)


SAME_KEYWORDS = "Make all of them with the same keywords"


def _in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows in the order of a run, each key once."""
    by_key = {row.key: row for row in rows}
    return tuple(by_key[key] for key in sorted(by_key, key=sort_key))


def _require_equal(row: Row, known: Row, fix: str) -> None:
    if row != known:
        raise UsageError("an image has been counted before with another result", (row.key,), fix)
