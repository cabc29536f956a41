"""Masks behind URLs: how large a file may be, and which files are fetched before they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from segeval.folders.pairing import Pair
from segeval.folders.roots import bounded
from segeval.folders.walking import gt_name, pred_name, roi_name
from segeval.images.headers import MAP_BYTES
from segeval.measuring.reading import KnownFiles, Reading
from segeval.request import Request
from segeval.stores.archives import Archive
from segeval.stores.files import READERS, read_ahead
from segeval.stores.urls import Root, StoreUrl, is_far

BESIDE_PIXELS = 1 << 24
"""Bytes of a label mask that are no pixels: its header, colour profiles, thumbnails."""
Item = tuple[Pair, KnownFiles | None]


def bounded_sides(pred: Root, gt: Root, request: Request) -> tuple[Root, Root]:
    """Return both roots such that no file is fetched that the largest image could not need."""
    labels = 8 * request.max_pixels + BESIDE_PIXELS
    several = request.protocol.storage.class_axis is not None
    maps = max(8 * request.max_pixels, MAP_BYTES)
    has_maps = several or request.protocol.probabilities is not None
    return bounded(pred, maps if has_maps else labels), bounded(gt, maps if several else labels)


def fetch_ahead(items: Sequence[Item], *, reading: Reading) -> None:
    """Begin to read the files of a chunk that lie in stores; runs on a worker."""
    read_ahead(_far_files(items, reading), most=max(8 * reading.max_pixels, MAP_BYTES))


def while_fetching(root: Root, files: Iterable[str], name: Callable[[str], str], *, max_pixels: int) -> Iterator[str]:
    """Yield files of a root in their order, those that come next being fetched meanwhile where it is a store."""
    if not isinstance(root, StoreUrl | Archive) or not is_far(root):
        yield from files
        return
    begun: deque[str] = deque()
    for file in files:
        read_ahead([(root, file, name(file))], most=max(8 * max_pixels, MAP_BYTES))
        begun.append(file)
        if len(begun) > 2 * READERS:
            yield begun.popleft()
    yield from begun


def _far_files(items: Sequence[Item], reading: Reading) -> Iterator[tuple[StoreUrl | Archive, str, str]]:
    for pair, _ in items:
        if pair.plane is not None and pair.plane[0]:
            continue  # the first slice of a volume brings it for all
        regions = (pair.roi,) if reading.roi is not None else ()
        sides = (
            (reading.gt, pair.gt_files, gt_name),
            (reading.pred, pair.pred, pred_name),
            (reading.roi, regions, roi_name),
        )
        for root, files, name in sides:
            if isinstance(root, StoreUrl | Archive) and is_far(root):
                yield from ((root, file, name(file)) for file in files)
