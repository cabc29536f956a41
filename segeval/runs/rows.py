"""Rows, tables and protocols as JSON values, and back with every value checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import astuple, fields
from itertools import pairwise
from operator import lt
from typing import Any

import numpy as np

from segeval.errors import SegevalError
from segeval.protocol.classlists import checked_classes
from segeval.protocol.conventions import convention
from segeval.protocol.labeling import NO_PREDICTION
from segeval.protocol.mapkinds import EIGHT_BIT, MAP_KIND
from segeval.protocol.protocol import Protocol, protocol_from_dict
from segeval.protocol.settings import check_gamma, is_number
from segeval.runs.leveltables import histogram_from_json, histogram_to_json
from segeval.runs.run import Maps, Row, sort_key
from segeval.runs.values import (
    LARGEST,
    SMALLEST,
    Damage,
    dumps,
    integer,
    integers,
    is_value,
    listed,
    mapping,
    require,
)
from segeval.scores.calibration import ConfidenceBins
from segeval.scores.curves import ECE_BINS
from segeval.scores.lossums import FloatSums
from segeval.tables.counts import JointCounts, ascending

MOST_PIXELS = 1 << 40
"""Pixels of one image; with `MOST_ROWS` no total exceeds int64."""
MOST_MAPS = 1 << 16
OF_EVERY_ROW = frozenset({"key", "size", "gt", "counts"})
OF_SOME_ROWS = frozenset(
    {
        "levels",
        "sums",
        "unnormalised",
        "confidence",
        "roi",
        "outside",
        "shades",
        "contours",
        "distances",
        "lesions",
        "inexact",
    }
)
LONGEST_KEY = 1 << 16
_DIGEST = re.compile(r"blake2b:[0-9a-f]{32}")
_COUNTED = ("n_pos", "n_neg", "clamped_pos", "clamped_neg")
_NUMBERS = ("threshold", "gamma", "alpha", "pos_weight", "eps", "class_weights", "beta2")


def protocol_to_json(protocol: Protocol) -> dict[str, Any]:
    """Return the JSON of a protocol, the same for equal protocols: 2 and 2.0 are one number."""
    facts = protocol.to_dict()
    losses = facts["probabilities"]
    if losses is not None:
        for name in _NUMBERS:
            value = losses.get(name)
            if isinstance(value, int | float):
                losses[name] = float(value)
            elif isinstance(value, list):
                losses[name] = [float(weight) for weight in value]
    return facts


def protocol_from_json(facts: Any) -> Protocol:
    """Read a protocol; raises `Damage` for anything that no request could have asked for."""
    try:
        protocol = protocol_from_dict(mapping(facts, "the protocol"))
        _check_protocol(protocol)
        # What was written as another type than it is read as, or is unknown here, does not come back the same.
        if dumps(protocol_to_json(protocol)) != dumps(facts):
            raise Damage("the protocol has a field that is not as segeval writes it")
    except Damage:
        raise
    except SegevalError as error:
        raise Damage(f"the protocol is not possible: {error.what}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Damage(f"the protocol is not possible: {type(error).__name__} {error}"[:200]) from error
    return protocol


def _check_protocol(protocol: Protocol) -> None:
    for text in (protocol.preset, protocol.palette, protocol.keys):
        require(text is None or isinstance(text, str), "the protocol has a name that is no text")
    if protocol.classes is not None:
        checked_classes(protocol.classes, name="classes")
    for entry in protocol.classes or ():
        require(all(0 <= part <= 255 for part in entry.color or ()), "a colour is out of range")
    for value in protocol.ignore or ():
        require(isinstance(value, str) or is_value(value), "an ignored value is neither a value nor a name")
    for raw, value in (*protocol.mapping, *protocol.gt_map, *protocol.pred_map):
        require(is_value(raw) and is_value(value), "a map holds what is no value")
    for level in (protocol.gt_threshold, protocol.pred_threshold):
        require(level is None or is_value(level), "a threshold of masks is no value")
    for group in protocol.groups:
        require(all(map(is_value, group.ids)), "a group holds what is no class id")
    convention(protocol.convention.name)
    losses = protocol.probabilities
    if losses is not None:
        require(is_number(losses.threshold) and 0 <= losses.threshold <= 1, "the threshold is not in [0, 1]")


def maps_to_json(maps: Maps | None) -> dict[str, Any] | None:
    """Return the JSON of a run's kind of maps."""
    return None if maps is None else {"kind": maps.kind.name, "count": maps.count}


def maps_from_json(facts: Any) -> Maps | None:
    """Read a run's kind of maps; raises `Damage`."""
    if facts is None:
        return None
    require(set(mapping(facts, "maps")) == {"kind", "count"}, "maps have other fields")
    require(isinstance(facts["kind"], str) and facts["kind"] in MAP_KIND, "no such kind of maps")
    return Maps(MAP_KIND[facts["kind"]], integer(facts["count"], 1, MOST_MAPS, "the number of maps"))


def row_to_json(row: Row) -> dict[str, Any]:
    """Return the JSON of a row: tables are lists of [gt, [pred, ...], [pixels, ...]], a missing prediction is null."""
    facts: dict[str, Any] = {
        "key": row.key,
        "size": [row.height, row.width] if row.depth == 1 else [row.depth, row.height, row.width],
        "gt": row.digest,
        "counts": counts_to_json(row.counts),
    }
    if row.levels:
        facts["levels"] = [counts_to_json(counts) for counts in row.levels]
    if row.sums:
        facts["sums"] = [_sums_to_json(sums) for sums in row.sums]
    if row.unnormalised:
        facts["unnormalised"] = row.unnormalised
    facts |= {"inexact": list(row.inexact)} if any(row.inexact) else {}
    facts |= {"roi": row.roi, "outside": row.outside} if row.roi else {}
    if row.confidence is not None:
        facts["confidence"] = [list(column) for column in astuple(row.confidence)]
    if row.shades is not None:
        facts["shades"] = histogram_to_json(row.shades)
    if any(part is not None for part in (row.contours, row.distances, row.lesions)):
        from segeval.runs.contourrows import surroundings_to_json  # few runs look at contours

        facts |= surroundings_to_json(row)
    return facts


def row_from_json(facts: Any, maps: Maps | None) -> Row:
    """Read a row of a run with `maps`; raises `Damage` where a value is not possible or contradicts another."""
    if not OF_EVERY_ROW | OF_SOME_ROWS >= set(mapping(facts, "a row")) >= OF_EVERY_ROW:
        raise Damage("a row has other fields")
    size = listed(facts["size"], "the size")
    if len(size) not in (2, 3):
        raise Damage("the size is no height and width")
    depth = integer(size[0], 2, MOST_PIXELS, "the size") if len(size) == 3 else 1
    height = integer(size[-2], 1, MOST_PIXELS, "the size")
    width = integer(size[-1], 1, MOST_PIXELS, "the size")
    if depth * height * width > MOST_PIXELS:
        raise Damage("the size is no height and width of an image")
    pixels = depth * height * width - integer(facts.get("outside", 0), 0, depth * height * width - 1, "outside")
    digest = facts["gt"]
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise Damage("the digest is none")
    key, counts = _key(facts["key"]), counts_from_json(facts["counts"], pixels)
    if maps is None and len(facts) == len(OF_EVERY_ROW):  # most rows, and nothing in them to hold against maps
        return Row(key, height, width, digest, counts, depth=depth)
    require(("roi" in facts) == ("outside" in facts), "the row has a region without its size")
    roi = facts.get("roi", "")
    require(
        "roi" not in facts or (isinstance(roi, str) and _DIGEST.fullmatch(roi) is not None), "the region is no digest"
    )
    inexact = integers(facts.get("inexact", [0, 0]), 0, pixels, "inexact")
    require(len(inexact) == 2 and (any(inexact) or "inexact" not in facts), "inexact is not as segeval writes it")
    row = Row(
        key=key,
        height=height,
        width=width,
        digest=digest,
        counts=counts,
        levels=tuple(counts_from_json(part, pixels) for part in listed(facts.get("levels", []), "levels")),
        sums=tuple(_sums_from_json(part, pixels) for part in listed(facts.get("sums", []), "sums")),
        unnormalised=integer(facts.get("unnormalised", 0), 0, pixels, "unnormalised"),
        confidence=_confidence(facts["confidence"], pixels, maps) if "confidence" in facts else None,
        shades=histogram_from_json(facts["shades"], EIGHT_BIT.counted_levels) if "shades" in facts else None,
        inexact=(inexact[0], inexact[1]),
        depth=depth,
        roi=roi,
        outside=facts.get("outside", 0),
        **_surroundings(facts, pixels),
    )
    _check_maps_of(row, maps)
    return row


def check_contours(row: Row, protocol: Protocol) -> None:
    """Raise `Damage` where a row does not keep exactly the contours, distances and region that its run asks for."""
    require(bool(row.roi) == protocol.storage.roi, "the row has a region of interest, or lacks one, unlike the run")
    kept = (row.contours is None, row.distances is None, row.lesions is None)
    asked = (protocol.boundary is None, protocol.distances is None, protocol.lesions is None)
    require(kept == asked, "the row has other contours, distances or lesions than the run")
    if not all(kept):
        from segeval.runs.contourrows import check_surroundings  # few runs look at contours

        check_surroundings(row, protocol)


def _surroundings(facts: dict[str, Any], pixels: int) -> dict[str, Any]:
    if facts.keys().isdisjoint(("contours", "distances", "lesions")):
        return {}
    from segeval.runs.contourrows import surroundings_from_json  # few runs look at contours

    return surroundings_from_json(facts, pixels)


def _check_maps_of(row: Row, maps: Maps | None) -> None:
    described = maps is not None and not row.missing
    tables = maps.count if maps is not None and described and maps.in_rows else 0
    sums = maps.count if maps is not None and described and not maps.in_rows else 0
    require(len(row.levels) == tables and len(row.sums) == sums, "the row has other maps than the run")
    require(described or not row.unnormalised, "a row without maps has probabilities")
    several = maps is not None and maps.count > 1
    require(row.confidence is None or (described and several), "a row without several maps has their confidence")
    if row.shades is not None:
        require(sums == 1, "a row has shades without one map of more than 8 bits")
        sides = row.shades.n_pos, row.shades.n_neg
        require(sides == (row.sums[0].n_pos, row.sums[0].n_neg), "the shades are of other pixels than the sums")
    marginal = _marginal(row.counts) if row.levels else []
    for levels in row.levels:
        require(int(levels.pred.min()) >= 0 and int(levels.pred.max()) <= EIGHT_BIT.top, "a level is not in 0..255")
        require(_marginal(levels) == marginal, "the levels have another ground truth than the labels")


def _confidence(columns: Any, pixels: int, maps: Maps | None) -> ConfidenceBins:
    """Read the confidence bins of an image; its sums are levels where p is one."""
    require(maps is not None and len(listed(columns, "confidence")) == 3, "confidence has other columns")
    assert maps is not None
    counts, correct = (integers(column, 0, pixels, "a number of pixels") for column in columns[:2])
    if maps.kind.levels is not None:
        sums: list[float] = list(integers(columns[2], 0, pixels * maps.kind.top, "a sum of levels"))
    else:
        sums = listed(columns[2], "confidence")
        require(all(type(value) is float and 0 <= value <= pixels for value in sums), "confidence is no sum")
    require(len(counts) == len(correct) == len(sums) == ECE_BINS, "confidence has another number of bins")
    holds = all(right <= count for right, count in zip(correct, counts, strict=True)) and sum(counts) <= pixels
    require(holds, "confidence is of more pixels than there are")
    return ConfidenceBins(tuple(counts), tuple(correct), tuple(sums))


def _marginal(counts: JointCounts) -> list[tuple[int, int]]:
    values, starts = np.unique(counts.gt, return_index=True)
    return list(zip(values.tolist(), np.add.reduceat(counts.pixels, starts).tolist(), strict=True))


def counts_to_json(counts: JointCounts) -> list[Any]:
    """Return the JSON of a table."""
    starts = [0, *(np.flatnonzero(np.diff(counts.gt.astype(np.int64, copy=False))) + 1).tolist(), len(counts)]
    gt, pred, pixels = counts.gt.tolist(), counts.pred.tolist(), counts.pixels.tolist()
    if pred and pred[0] == NO_PREDICTION:
        pred = [None] * len(pred)
    return [[gt[start], pred[start:stop], pixels[start:stop]] for start, stop in pairwise(starts) if start < stop]


def counts_from_json(groups: Any, total: int) -> JointCounts:
    """Read a table of `total` pixels; raises `Damage`."""
    distinct: list[int] = []
    gts: list[int] = []
    preds: list[Any] = []
    counts: list[int] = []
    for group in listed(groups, "a table"):
        if type(group) is not list or len(group) != 3:
            raise Damage("a table has other columns")
        gt, pred, pixels = group
        if type(pred) is not list or type(pixels) is not list or not 0 < len(pred) == len(pixels):
            raise Damage("a table has columns of different lengths")
        distinct.append(gt)
        gts += [gt] * len(pred)
        preds += pred
        counts += pixels
    if None in preds:
        require(
            set(map(type, preds)) == {type(None)} and len(preds) == len(distinct), "a prediction is missing in part"
        )
        preds = [NO_PREDICTION] * len(preds)
    else:
        integers(preds, SMALLEST, LARGEST, "a predicted value")
    integers(distinct, SMALLEST, LARGEST, "a ground-truth value")
    integers(counts, 1, total, "a number of pixels")
    if sum(counts) != total:
        raise Damage("the counts do not add up to the size")
    if len(distinct) > 1 and not all(map(lt, distinct, distinct[1:])):
        raise Damage("ground-truth values do not ascend")
    for _, pred, _ in groups:
        if len(pred) > 1 and not all(map(lt, pred, pred[1:])):
            raise Damage("predicted values do not ascend")
    return ascending(gts, preds, counts)


def _sums_to_json(sums: FloatSums) -> list[Any]:
    """Return the fields of `FloatSums` in their order."""
    return [float(value) if field.type != "int" and value != "torch" else value for field, value in _columns(sums)]


def _columns(sums: FloatSums) -> Iterable[tuple[Any, Any]]:
    return zip(fields(FloatSums), astuple(sums), strict=True)


def _sums_from_json(values: Any, pixels: int) -> FloatSums:
    require(len(listed(values, "sums")) == len(fields(FloatSums)), "sums have another number of columns")
    read: dict[str, Any] = {}
    for field, value in zip(fields(FloatSums), values, strict=True):
        if field.name in _COUNTED:
            read[field.name] = integer(value, 0, pixels, field.name)
        else:
            is_eps = field.name == "eps" and value == "torch"
            require(is_eps or (type(value) is float and 0 <= value < math.inf), f"{field.name} is no sum")
            read[field.name] = value
    sums = FloatSums(**read)
    check_gamma(sums.gamma)
    require(sums.eps == "torch" or 0 < sums.eps < 0.5, "eps is none")
    require(sums.n_pos + sums.n_neg <= pixels, "sums are of more pixels than there are")
    require(sums.clamped_pos <= sums.n_pos and sums.clamped_neg <= sums.n_neg, "more pixels are clamped than summed")
    return sums


def _key(key: Any) -> str:
    require(isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and "\0" not in key, "a key is none")
    try:
        sort_key(key)
    except UnicodeEncodeError as error:
        raise Damage("a key is no name of a file") from error
    return str(key)
