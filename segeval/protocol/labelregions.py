"""Classes that are regions of several labels, and overlap, as nnU-Net's `dataset.json` has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from segeval.errors import UsageError
from segeval.records import dataclass

_REGION = re.compile(r"(?P<labels>[0-9]{1,9}(?:\+[0-9]{1,9})*)(?P<list>\+?)")


@dataclass(frozen=True, slots=True)
class LabelRegion:
    """Name the labels of one class; `is_list` tells a list, of one label too, from a label by itself."""

    labels: tuple[int, ...]
    is_list: bool

    @property
    def key(self) -> str:
        """Return what nnU-Net calls it in `summary.json`: the text of a Python number or tuple."""
        return str(self.labels) if self.is_list else str(self.labels[0])


def write_regions(regions: Iterable[LabelRegion]) -> str:
    """Write regions as a protocol and a signature have them: "1+2+3,2+3,3", and "3+" for a list of one."""
    texts = ("+".join(map(str, one.labels)) + "+" * (one.is_list and len(one.labels) == 1) for one in regions)
    return ",".join(texts)


def parse_regions(text: str) -> Sequence[LabelRegion]:
    """Read what `write_regions` wrote, a region a class; raises `UsageError`.

    >>> parse_regions("1+2,2")
    [LabelRegion(labels=(1, 2), is_list=True), LabelRegion(labels=(2,), is_list=False)]
    """
    found: list[LabelRegion] = []
    for part in text.split(","):
        entry = _REGION.fullmatch(part)
        if entry is None:
            raise UsageError("a region is no list of labels", (part or "empty",), "Write labels as in 1+2+3,2+3,3")
        labels = tuple(map(int, entry["labels"].split("+")))
        found.append(LabelRegion(labels, len(labels) > 1 or bool(entry["list"])))
    return found
