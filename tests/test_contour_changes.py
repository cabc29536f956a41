"""What moving, cropping and renaming a picture must change in counts along contours, and what not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from segeval.contours.counts import ContourCounts
from tests.test_boundaries import VOID, blobs, counted

NAMES = ("bands", "trimaps", "borders", "matched", "corners", "corners_matched")
WIDTHS = (1, 3, 6)
FAR = 14
"""More than twice the widest: so far from the edge, no band of a region meets that of the edge."""


def framed(array: Any, above: int, left: int) -> Any:
    """Put a picture into a wide field of class 0."""
    return np.pad(array, ((FAR + above, 3 * FAR - above), (FAR + left, 3 * FAR - left)))


def of_classes(found: ContourCounts, *ids: int) -> dict[str, Any]:
    at = [found.ids.tolist().index(one) for one in ids]
    return {name: getattr(found, name)[at].tolist() for name in NAMES}


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_moved_within_its_frame_counts_the_same(seed: int) -> None:
    gt, pred = blobs(seed)
    before = counted(framed(gt, 0, 0), framed(pred, 0, 0), *WIDTHS)
    for above, left in ((1, 0), (5, 7), (2 * FAR, 2 * FAR)):
        assert counted(framed(gt, above, left), framed(pred, above, left), *WIDTHS) == before


@pytest.mark.parametrize("seed", range(4))
def test_cropping_away_what_is_far_from_every_other_class_changes_class_0_alone(seed: int) -> None:
    gt, pred = blobs(seed)
    wide = counted(framed(gt, 4, 4), framed(pred, 4, 4), *WIDTHS)
    crop = (slice(4, -4), slice(4, -4))
    narrow = counted(framed(gt, 4, 4)[crop], framed(pred, 4, 4)[crop], *WIDTHS)
    assert of_classes(wide, 1, 2, 3) == of_classes(narrow, 1, 2, 3)
    # What is near is in no more trimaps for it: class 0 has those of its own contours, and none of the frame's.
    assert of_classes(wide, 0)["trimaps"] == of_classes(narrow, 0)["trimaps"]


def test_sides_exchanged_exchange_their_counts() -> None:
    gt, pred = blobs(7, void=False)
    before, after = counted(gt, pred, *WIDTHS), counted(pred, gt, *WIDTHS)
    assert np.array_equal(before.bands[..., [1, 0, 2]], after.bands)
    assert np.array_equal(before.matched[..., ::-1], after.matched)
    assert np.array_equal(before.corners_matched[..., ::-1], after.corners_matched)


def test_a_wider_band_holds_a_narrower_one() -> None:
    found = counted(*blobs(5), *range(1, 13))
    for name in ("bands", "trimaps", "matched", "corners_matched"):
        assert (np.diff(getattr(found, name), axis=1) >= 0).all()
    # At last each band is its whole class.
    gt, pred = blobs(5)
    valid = gt != VOID
    whole = [[int((side[valid] == one).sum()) for side in (gt, pred)] for one in found.ids.tolist()]
    assert counted(gt, pred, 60).bands[:, 0, :2].tolist() == whole
