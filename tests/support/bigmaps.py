"""Whole run files as those of `bigruns`, of probability maps, contours, distances, lesions and regions of interest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from segeval.protocol.distances import Distances
from segeval.protocol.lesions import Lesions
from segeval.protocol.mapkinds import EIGHT_BIT, FLOAT, SIXTEEN_BIT
from segeval.protocol.protocol import Protocol
from segeval.protocol.settings import Probabilities
from segeval.protocol.storage import Storage
from segeval.runs.header import header
from segeval.runs.run import Maps, Run
from segeval.runs.values import dumps
from tests.support.bigruns import DIGEST, group, named, of_size, row_of, sealed

ONE = "[[0,[0],[1]]]"
"""The table of one pixel."""


def _head(protocol: Protocol, maps: Maps | None, classes: int) -> str:
    return named(classes, dumps(header(Run(protocol, (), maps))).decode())


def _of_maps(kind: Any, count: int, reduction: str | None = None) -> str:
    protocol = Protocol(probabilities=replace(Probabilities(), loss_reduction=reduction))
    return _head(protocol, Maps(kind, count), max(2, count))


def _bins(pixels: int, confidence: str = "0") -> str:
    empty = ",0" * 14
    of_sums = f"{confidence}{',0.0' * 14 if '.' in confidence else empty}"
    return f',"confidence":[[{pixels}{empty}],[{pixels}{empty}],[{of_sums}]]'


def _levels(tables: list[str]) -> str:
    return f',"levels":[{",".join(tables)}]'


def _eight_bit(count: int, reduction: str | None = None) -> Callable[[int], bytes]:
    more = _levels([ONE] * count) + (_bins(1) if count > 1 else "")
    return lambda size: of_size(size, lambda index: row_of(index, 1, ONE, more), _of_maps(EIGHT_BIT, count, reduction))


def _two_classes(index: int) -> str:
    levels = f"[[0,[{index % 100}],[1]],[1,[{index % 120}],[1]]]"
    return row_of(index, 2, "[[0,[0],[1]],[1,[0],[1]]]", _levels([levels]))


def _every_level(index: int) -> str:
    every = list(range(256))
    return row_of(index, 512, "[[0,[0],[256]],[1,[1],[256]]]", _levels([f"[{group(0, every)},{group(1, every)}]"]))


def _summed(count: int, shaded: bool, kind: Any = SIXTEEN_BIT) -> Callable[[int], bytes]:
    """Return what makes runs of maps of which one pixel an image is summed: a positive of the first of several."""
    eps = repr(1 / 131070) if kind is SIXTEEN_BIT else '"torch"'

    def sums(positive: int) -> str:
        return f"[2.0,{eps},{positive},{1 - positive},0,0{',0.0' * 8}]"

    parts = [sums(int(place == 0 and count > 1)) for place in range(count)]
    more = f',"sums":[{",".join(parts)}]'
    if count > 1:
        more += _bins(1, "0" if kind is SIXTEEN_BIT else "0.0")
    if shaded:
        more += ',"shades":{"positives":[[],[]],"negatives":[[0],[1]]}'
    head = _of_maps(kind, count)

    def behind(rows: int) -> list[str]:
        """Return the lines of levels, all of p = 0."""
        counts = [(rows if place == 0 and count > 1 else 0) for place in range(count)]
        if kind is SIXTEEN_BIT:
            sides = [
                (f"[[0],[{positives}]]", "[[],[]]") if positives else ("[[],[]]", f"[[0],[{rows}]]")
                for positives in counts
            ]
            return [
                f'{{"map":{place},"positives":{one},"negatives":{other}}}' for place, (one, other) in enumerate(sides)
            ]
        lines = []
        empty = ",0" * 14
        for place, positives in enumerate(counts):
            bins = f"[[{rows}{empty}],[{positives}{empty}],[0{empty}]]"
            lines.append(f'{{"map":{place},"pieces":1,"bins":{bins}}}')
            sides_of = f'"positives":[{positives}],"negatives":[{rows - positives}]'
            lines.append(f'{{"map":{place},"shift":52,"steps":[0],"spans":[0],{sides_of}}}')
        return lines

    def whole(size: int) -> bytes:
        lines, length = [head], len(head) + 70 + sum(len(line) + 10 for line in behind(10**6))
        while length < size or len(lines) == 1:
            lines.append(row_of(len(lines), 1, ONE, more))
            length += len(lines[-1]) + 1
        lines = lines if length <= size or len(lines) == 2 else lines[:-1]
        rows = len(lines) - 1
        return sealed([*lines, *behind(rows)], rows)

    return whole


def _around(protocol: Protocol, more: str, pixels: int = 1) -> Callable[[int], bytes]:
    head = _head(protocol, None, 2)
    return lambda size: of_size(size, lambda index: row_of(index, pixels, ONE, more), head)


_MEASURES = len(Distances("monai").scores)
_DISTANCES = f"[[0],[0],[[{','.join(['1.5'] * _MEASURES)}]],{_MEASURES}]"
_CONTOURS = "[[0],[[[0,0,0]]],[[[0,0,0]]],[[0,0,0]],[[[0,0]]],[[0,0]],[[[0,0]]]]"
_DETECTION, _BRATS = Lesions("detection"), Lesions("brats2023-gli")

MAP_FORMS: dict[str, Callable[[int], bytes]] = {
    "8-bit map": _eight_bit(1),
    "8-bit map, by image": _eight_bit(1, "images"),
    "8-bit map of two classes": lambda size: of_size(size, _two_classes, _of_maps(EIGHT_BIT, 1)),
    "8-bit map of every level": lambda size: of_size(size, _every_level, _of_maps(EIGHT_BIT, 1)),
    "2 8-bit maps": _eight_bit(2),
    "30 8-bit maps": _eight_bit(30),
    "30 8-bit maps, by image": _eight_bit(30, "images"),
    "1,000 8-bit maps": _eight_bit(1000),
    "16-bit map": _summed(1, shaded=False),
    "16-bit map with shades": _summed(1, shaded=True),
    "30 16-bit maps": _summed(30, shaded=False),
    "float map": _summed(1, shaded=True, kind=FLOAT),
    "3 float maps": _summed(3, shaded=False, kind=FLOAT),
    "contours": _around(Protocol(boundary=("authors",)), f',"contours":{_CONTOURS}'),
    "contours of no class": _around(Protocol(boundary=("authors",)), ',"contours":[[],[],[],[],[],[],[]]'),
    "distances": _around(Protocol(distances=Distances("monai")), f',"distances":{_DISTANCES}'),
    "distances of no class": _around(Protocol(distances=Distances("monai")), f',"distances":[[],[],[],{_MEASURES}]'),
    "lesions": _around(Protocol(lesions=_DETECTION), ',"lesions":[[0],[[1,0,0]],[[]],[0],0]'),
    "lesions of brats": _around(Protocol(lesions=_BRATS), ',"lesions":[[0],[[1,0,0]],[[0.5,1.0]],[0],2]'),
    "regions": _around(Protocol(storage=Storage(roi=True)), f',"roi":"{DIGEST}","outside":1', 2),
}
