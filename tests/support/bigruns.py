"""Whole run files of any size, as segeval writes them: what a stranger can send that is valid, and large to report.

`python -m tests.support.bigruns FORM BYTES FILE` writes one.
"""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segeval.runs.header import header
from segeval.runs.run import Run
from segeval.runs.values import dumps
from tests.support.runs import protocol_of

DIGEST = f"blake2b:{'0' * 32}"
HEAD = dumps(header(Run(protocol_of(None), ()))).decode()


def sealed(lines: list[str], rows: int | None = None) -> bytes:
    """Finish a run file: its last line counts the rows, all lines but the first if not told, and seals all lines."""
    body = "".join(f"{line}\n" for line in lines).encode()
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return body + f'{{"rows":{len(lines) - 1 if rows is None else rows},"digest":"blake2b:{digest}"}}\n'.encode()


def of_size(size: int, row: Callable[[int], str], head: str = HEAD) -> bytes:
    """Return a run file of at most `size` bytes, of rows that `row` makes of their number; of one row at least."""
    lines, length = [head], len(head) + 70
    while length < size or len(lines) == 1:
        lines.append(row(len(lines)))
        length += len(lines[-1]) + 1
    return sealed(lines if length <= size or len(lines) == 2 else lines[:-1])


def row_of(index: int, pixels: int, counts: str, more: str = "") -> str:
    """Return one row whose table, as text, has so many pixels."""
    return f'{{"key":"{index:07}","size":[1,{pixels}],"gt":"{DIGEST}","counts":{counts}{more}}}'


def named(count: int, head: str = HEAD) -> str:
    """Return a head with a class list."""
    classes = ",".join(f'{{"id":{index},"name":"n{index}","color":null}}' for index in range(count))
    return head.replace('"classes":null', f'"classes":[{classes}]')


def group(gt: int, pred: list[int]) -> str:
    """Return a part of a table, each prediction of one pixel."""
    return f"[{gt},[{','.join(map(str, pred))}],[{','.join('1' * len(pred))}]]"


def dense(count: int) -> str:
    """Return a table in which every value of either side meets every one of the other."""
    return f"[{','.join(group(gt, list(range(count))) for gt in range(count))}]"


def _dense_rows(count: int, head: str = HEAD) -> Callable[[int], bytes]:
    return lambda size: of_size(size, lambda index: row_of(index, count * count, dense(count)), head)


def _one_dense(size: int) -> bytes:
    """Return one image of as many classes as there is room for."""
    count = max(1, bisect(range(1, 1281), size - 100_001, key=lambda count: len(dense(count))))
    return sealed([named(1280), row_of(0, count * count, dense(count))])


def _values(index: int) -> list[int]:
    return list(range(1000 * index, 1000 * index + 1000))


def _sparse(index: int) -> str:
    return f"[{','.join(group(gt, [(gt * 7 + index) % 1280]) for gt in range(1280))}]"


def _five(index: int) -> str:
    gt, pred = index * 7 % 1276, index * 11 % 1276
    return f"[{group(gt, [pred, pred + 1])},{group(gt + 1, [pred, pred + 1, pred + 3])}]"


_DROPPED = (
    named(2).replace('"unknown":"error"', '"unknown":"drop"').replace('"gt_unknown":"error"', '"gt_unknown":"drop"')
)
_ABOVE_0 = HEAD.replace('"binary":false', '"binary":true,"gt_threshold":0,"pred_threshold":0')
_SETS = named(30).replace('"keys":null', '"keys":null,"multilabel":true')
_MANY = f"[{group(0, list(range(100)))}]"

FORMS: dict[str, Callable[[int], bytes]] = {
    "smallest": lambda size: of_size(size, lambda index: row_of(index, 1, "[[0,[0],[1]]]")),
    "blanks in some lines": lambda size: of_size(
        size, lambda index: row_of(index, 1, "[[0,[0],[1]]]", "" if index % 1000 else " ")
    ),
    "tiny": lambda size: of_size(size, lambda index: row_of(index, 2, "[[0,[0],[1]],[1,[1],[1]]]")),
    "inexact": lambda size: of_size(size, lambda index: row_of(index, 1, "[[0,[0],[1]]]", ',"inexact":[1,0]')),
    "few inexact": lambda size: of_size(
        size, lambda index: row_of(index, 1, "[[0,[0],[1]]]", "" if index % 50 else ',"inexact":[1,0]')
    ),
    "volumes": lambda size: of_size(size, lambda index: row_of(index, 2, "[[0,[0],[4]]]").replace("[1,2]", "[2,1,2]")),
    "without predictions": lambda size: of_size(
        size, lambda index: row_of(index, 1, f"[[{index % 2},[{'null' if index % 10 else 1}],[1]]]")
    ),
    "dense 10x10": _dense_rows(10),
    "dense 32x32": _dense_rows(32),
    "dense 100x100": _dense_rows(100),
    "one dense image": _one_dense,
    "one class of 1,280": lambda size: of_size(size, lambda index: row_of(index, 1, "[[0,[0],[1]]]"), named(1280)),
    "few classes of 1,280": lambda size: of_size(size, lambda index: row_of(index, 5, _five(index)), named(1280)),
    "1,280 classes": lambda size: of_size(size, lambda index: row_of(index, 1280, _sparse(index)), named(1280)),
    "100 predictions, 30 classes": lambda size: of_size(
        size, lambda index: row_of(index, 100, _MANY), named(30).replace('"unknown":"error"', '"unknown":"miss"')
    ),
    "many values above a threshold": lambda size: of_size(
        size, lambda index: row_of(index, 1000, f"[{group(1, _values(index))}]"), _ABOVE_0
    ),
    "sets of classes": lambda size: of_size(
        size, lambda index: row_of(index, 1, f"[[{index % 1000},[{index * 7 % 1000}],[1]]]"), _SETS
    ),
}
REFUSED: dict[str, Callable[[int], bytes]] = {
    "many values that are dropped": lambda size: of_size(
        size, lambda index: row_of(index, 1001, f"[{group(0, [0])},{group(1, _values(index))}]"), _DROPPED
    ),
    "100 predictions, one truth": lambda size: of_size(size, lambda index: row_of(index, 100, _MANY)),
    "many values": lambda size: of_size(
        size, lambda index: row_of(index, 1000, f"[{','.join(group(value, [value]) for value in _values(index))}]")
    ),
    "many predicted values": lambda size: of_size(
        size, lambda index: row_of(index, 1000, f"[{group(0, _values(index))}]")
    ),
    "many values of binary masks": lambda size: of_size(
        size,
        lambda index: row_of(index, 1000, f"[{group(0, _values(index))}]"),
        HEAD.replace('"binary":false', '"binary":true'),
    ),
}


def main(arguments: list[str]) -> Any:
    """Write one form."""
    form, size, path = arguments
    Path(path).write_bytes((FORMS | REFUSED)[form](int(size)))


if __name__ == "__main__":
    main(sys.argv[1:])
