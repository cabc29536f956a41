"""In what runs differ: their protocols, and the ground truth of their images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from segeval.errors import SegevalError
from segeval.protocol.protocol import Protocol, resolve
from segeval.protocol.signature import signature
from segeval.runs.run import Row


def protocol_differences(first: Protocol, second: Protocol) -> tuple[str, ...]:
    """Tell every field in which two protocols differ, as "ignore: 255 vs 0"; empty where they are equal."""
    if first == second:
        return ()
    try:
        mine, theirs = (signature(resolve(one, gt_values=(), pred_values=()), one) for one in (first, second))
        told = mine.differences(theirs)
    except SegevalError:  # a protocol that no values can make definite
        told = ()
    fields = first.to_dict(), second.to_dict()
    return told or tuple(f"{name} differ" for name in fields[0] if fields[0][name] != fields[1][name])


def digests(rows: Iterable[Row]) -> Mapping[str, str]:
    """Return the ground-truth digest of each key."""
    return {row.key: row.digest for row in rows}
