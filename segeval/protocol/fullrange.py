"""Masks of 0 and 255 only: whether 255 is foreground or void, told from the files of both sides, or a doubt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from segeval.protocol.protocol import Protocol

DEFAULT_VOID = 255
FULL = frozenset({0, DEFAULT_VOID})
WHAT = "files hold only 0 and 255, and nothing tells whether 255 is foreground or void"


@dataclass(frozen=True, slots=True)
class SideFiles:
    """Tell what the files of one side hold.

    `values` are those of all files, `full_range` the keys of those that hold 255 and besides at most 0, and
    `marks_void` tells whether another one holds 255 beside a value other than 0.
    """

    values: frozenset[int] = frozenset()
    full_range: tuple[str, ...] = ()
    marks_void: bool = False


def side_files(values: Collection[int], files: Callable[[], Iterable[tuple[str, set[int]]]] | None = None) -> SideFiles:
    """Return what the files of a side hold, from all `values` and, where 255 is among them, each file's own.

    `files` gives (key, values) of each; without it the side is one file.
    """
    met = frozenset(values)
    if DEFAULT_VOID not in met:
        return SideFiles(met)
    full_range: list[str] = []
    for key, held in files() if files is not None else [("", set(met))]:
        if DEFAULT_VOID not in held:
            continue
        if not held <= FULL:
            return SideFiles(met, marks_void=True)
        full_range.append(key)
    return SideFiles(met, tuple(full_range))


@dataclass(frozen=True, slots=True)
class Doubt:
    """Name the images, by key, whose ground truth and whose predictions leave open what 255 is; `fix` settles it."""

    gt: tuple[str, ...]
    pred: tuple[str, ...]
    fix: str


def is_binary(protocol: Protocol, gt: SideFiles, pred: SideFiles, map_count: int | None) -> bool:
    """Tell whether masks of which nothing was said are binary: no file of either side holds but 0 and 255.

    One probability map an image is binary, several are not. Ground truth of 255 alone is void.
    """
    told = protocol.classes is not None or protocol.mapping or protocol.gt_map or protocol.pred_map
    void_only = gt.values == {DEFAULT_VOID}  # which as foreground would be all there is
    if told or void_only or _is_settled(protocol) or not (gt.full_range or pred.full_range):
        return False
    return gt.values <= FULL and (pred.values <= FULL if map_count is None else map_count == 1)


def doubt_of(protocol: Protocol, gt: SideFiles, pred: SideFiles, map_count: int | None) -> Doubt | None:
    """Return the images in which 255 may be foreground or void, `None` where that is settled."""
    if _is_settled(protocol) or is_binary(protocol, gt, pred, map_count):
        return None
    of_gt = gt.full_range if gt.values != {DEFAULT_VOID} and _is_open(protocol, gt, dict(protocol.gt_map)) else ()
    of_pred = pred.full_range if map_count is None and _is_open(protocol, pred, dict(protocol.pred_map)) else ()
    return Doubt(of_gt, of_pred, _fix(gt, pred, of_pred)) if of_gt or of_pred else None


def _is_settled(protocol: Protocol) -> bool:
    return protocol.binary or protocol.ignore is not None or protocol.preset is not None or protocol.closed


def _is_open(protocol: Protocol, side: SideFiles, own: dict[int, int]) -> bool:
    if side.marks_void or DEFAULT_VOID in {**dict(protocol.mapping), **own}:
        return False
    if protocol.classes is not None:
        return side.values <= FULL and len(protocol.classes) <= DEFAULT_VOID
    return True


def _fix(gt: SideFiles, pred: SideFiles, of_pred: tuple[str, ...]) -> str:
    void = "--ignore 255 (255 is void)"
    if gt.marks_void or pred.marks_void:  # --binary would count that void as foreground
        option, where = ("--pred-map", "ground truth") if of_pred else ("--gt-map", "predictions")
        return f"Use {option} 255=1 (255 is foreground here and void in the {where}) or {void}"
    return f"Use --binary (0 is background, 255 foreground) or {void}"
