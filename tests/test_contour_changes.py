"""What moving, cropping and renaming a picture must change in counts along contours, and what not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segeval
from segeval.contours.counts import ContourCounts
from tests.support.properties import examples
from tests.test_boundaries import VOID, blobs, counted, folders, small_masks

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


@settings(max_examples=examples())
@given(small_masks(), st.permutations([0, 1, 2, 7]), st.integers(1, 4))
def test_classes_permuted_permute_their_counts(pair: Any, order: list[int], width: int) -> None:
    gt, pred = pair
    names = np.arange(256, dtype=np.uint8)
    names[[0, 1, 2, 7]] = order
    before, after = counted(gt, pred, width, "authors"), counted(names[gt], names[pred], width, "authors")
    at = [after.ids.tolist().index(int(names[one])) for one in before.ids.tolist()]
    assert len(at) == len(after.ids)
    for name in NAMES:
        assert np.array_equal(getattr(before, name), getattr(after, name)[at]), name


@settings(max_examples=examples(40))
@given(small_masks(), small_masks(), st.integers(0, 3), st.integers(0, 70))
def test_pictures_far_apart_count_what_each_does(first: Any, second: Any, down: int, right: int) -> None:
    # Each is a crop of the whole, farther from the other than twice the width: words of 64 pixels are crossed anywhere.
    far, (width, room) = 7, (3, 90)
    whole = np.full((2, 40, 2 * room + 20), 1, np.uint8)
    parts = []
    for place, (gt, pred) in enumerate((first, second)):
        part = np.full((2, 40, room), 1, np.uint8)
        top, left = far + down, far + (right if place else 0)
        # Void and strays would stand beside the field that joins the pictures.
        part[0, top : top + gt.shape[0], left : left + gt.shape[1]] = np.where(gt == VOID, 0, gt)
        part[1, top : top + pred.shape[0], left : left + pred.shape[1]] = np.where(pred == VOID, 0, pred)
        whole[:, :, place * (room + 20) : place * (room + 20) + room] = part
        parts.append(counted(*part, width))
    found = counted(*whole, width)
    for one in (0, 2, 7):
        for name in NAMES:
            shares = [getattr(part, name)[part.ids.tolist().index(one)] for part in parts if one in part.ids.tolist()]
            if one in found.ids.tolist():
                assert np.array_equal(getattr(found, name)[found.ids.tolist().index(one)], sum(shares)), (one, name)


def test_classes_permuted_permute_their_distances(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    order = np.array([2, 3, 0, 1])
    given_pairs = [blobs(seed, void=False) for seed in range(2)]
    moved = [(order[gt], order[pred]) for gt, pred in given_pairs]
    options: Any = {"distances": "deepmind", "spacing": "2,0.7"}
    before = segeval.score(*folders(tmp_path / "a", *given_pairs), **options)
    after = segeval.score(*folders(tmp_path / "b", *moved), **options)
    for index, at in enumerate(order.tolist()):
        assert before.classes[index].contours == after.classes[at].contours
    assert None not in before.classes[0].contours.values()
