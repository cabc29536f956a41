"""Metamorphic: each mistake of two-valued masks and of void is found in every pair alone, as the kind that it is."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import Finding
from segeval.findings.runs import run_findings
from segeval.report.rescoring import rescore
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.runs.run import NO_TRAITS, Row, Run, SideTraits, Traits
from segeval.tables.counts import joint_counts
from tests.support.soundpairs import FOLDERS, Mask, Pair, alone, pairs, values

Values = NDArray[np.int64]
DATA = list(FOLDERS)
CLASSES = {"sample_masks": (0, 5), "camvid": (3, 1)}
"""Of each data set two classes that every image has on both sides: the foreground, and another."""
SIDES = ("gt", "pred")


def foreground(data: str, level: int = 1, other: int = 0) -> Values:
    return values({CLASSES[data][0]: level, CLASSES[data][1]: other}, 0)


def run_of(rows: list[Row], options: dict[str, object], traits: SideTraits = NO_TRAITS) -> Run:
    protocol = build_request(**options).protocol  # type: ignore[arg-type]
    return Run(protocol, tuple(sorted(rows, key=lambda row: row.key.encode())), traits=traits)


def on(side: str, changed: Values, sound: Values) -> tuple[Values, Values]:
    """Return what the values of the ground truth and of the predictions become."""
    return (changed, sound) if side == "gt" else (sound, changed)


def told(found: tuple[Finding, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.kind, finding.where) for finding in found]


def test_every_image_has_what_the_mistakes_are_made_of() -> None:
    for data in DATA:
        assert pairs(data)
        for pair in pairs(data):
            for side in (pair.gt, pair.pred):
                assert np.isin(CLASSES[data], side).all(), pair.name


# 0 and 255 against 0 and 1


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", DATA)
def test_0_and_255_on_one_side_and_0_and_1_on_the_other(data: str, side: str) -> None:
    changes = on(side, foreground(data, 255), foreground(data))
    for pair in pairs(data):
        (found,) = run_findings(run_of([pair.row(*changes)], {}))
        assert (found.kind, found.where) == ("zero-255", (f"{side}/{pair.name}",))
        assert "--binary" in found.fix


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", DATA)
def test_0_and_255_in_one_file_and_0_and_1_in_another_of_the_same_folder(data: str, side: str) -> None:
    changed, sound = on(side, foreground(data, 255), foreground(data)), (foreground(data), foreground(data))
    for one, other in pairwise(pairs(data)):
        found = run_findings(run_of([one.row(*changed), other.row(*sound)], {}))
        assert told(found) == [("zero-255", (f"{side}/{one.name}",))]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("level", [(1, 255), (255, 1)])
def test_binary_reads_both_as_the_sound_masks_are_read(level: tuple[int, int], data: str) -> None:
    gt, pred = (foreground(data, one) for one in level)
    mixed = run_of([pair.row(gt, pred) for pair in pairs(data)], {"binary": True})
    sound = run_of([pair.row(foreground(data), foreground(data)) for pair in pairs(data)], {"classes": 2})
    assert run_findings(mixed) == run_findings(sound) == ()
    assert build_report(mixed).scores["miou"] == build_report(sound).scores["miou"]


# More than one value besides 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", DATA)
def test_0_1_and_255_under_binary(data: str, side: str) -> None:
    changes = on(side, foreground(data, 1, 255), foreground(data))
    for pair in alone(data):
        (found,) = run_findings(run_of([pair.row(*changes)], {"binary": True}))
        assert (found.kind, found.where) == ("one-255", (f"{side}/{pair.name}",))
        assert "--ignore 255" in found.fix
        assert f"--{side}-threshold 0" in found.fix
        mended = run_of([pair.row(*changes)], {"binary": True, "ignore": 255})
        assert run_findings(mended) == ()


def smoothed(pair: Pair, data: str, side: str) -> Mask:
    """Return the mask of 0 and 255 of one side as a JPEG file gives it back."""
    mask = foreground(data, 255)[getattr(pair, side)].astype(np.uint8)
    kept = io.BytesIO()
    Image.fromarray(mask).save(kept, "JPEG", quality=60)
    return np.asarray(Image.open(kept))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", DATA)
def test_gray_levels(data: str, side: str) -> None:
    for pair in alone(data):
        whole = [foreground(data, 255)[mask] for mask in (pair.gt, pair.pred)]
        gt, pred = (smoothed(pair, data, one) if one == side else whole[one == "pred"] for one in SIDES)
        height, width = gt.shape
        row = Row(pair.name, height, width, pair.name, joint_counts(gt=gt, pred=pred))
        (found,) = run_findings(run_of([row], {"binary": True}))
        assert (found.kind, found.where) == ("gray-levels", (f"{side}/{pair.name}",))
        assert f"--{side}-threshold 127" in found.fix
        assert run_findings(run_of([row], {"binary": True, f"{side}_threshold": 127})) == ()
        unsaid = {finding.kind for finding in run_findings(run_of([row], {}))}
        assert unsaid == {"gray-levels" if side == "gt" else "probability-maps"}


# Void that is no 255


@dataclass(frozen=True)
class Void:
    value: int
    nodata: tuple[int, ...] = ()

    def traits(self, side: str) -> SideTraits:
        return SideTraits(**{side: Traits(nodata=self.nodata)})


VOIDS = [Void(-1), Void(-9999), Void(65535), Void(2**31 - 1), Void(254, (254,)), Void(0x7F00, (0x7F00,))]


@pytest.mark.parametrize("void", VOIDS, ids=lambda void: f"{void.value}{' by a tag' * bool(void.nodata)}")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("data", DATA)
def test_void_that_would_be_a_class(data: str, side: str, void: Void) -> None:
    same, marked = values({}), values({CLASSES[data][1]: void.value})
    if side == "gt":  # the void of the masks themselves
        same, marked = values({}), values({255: void.value, CLASSES[data][1]: void.value})
    changes = on(side, marked, same)
    for pair in alone(data):
        found = run_findings(run_of([pair.row(*changes)], {}, void.traits(side)))
        assert told(found) == [("suspected-void", (f"{side}/{pair.name}",))]
        assert str(void.value) in found[0].what
        assert ("nodata" in found[0].what) == bool(void.nodata)


@pytest.mark.parametrize("void", VOIDS, ids=lambda void: f"{void.value}{' by a tag' * bool(void.nodata)}")
@pytest.mark.parametrize("data", DATA)
def test_the_fix_of_such_void_gives_the_score_of_the_sound_masks(data: str, void: Void) -> None:
    rows = [pair.row(values({255: void.value}), values({})) for pair in pairs(data)]
    run = run_of(rows, {}, void.traits("gt"))
    (found,) = run_findings(run)
    ignored = re.search(r"--ignore (\S+)", found.fix)
    assert ignored is not None
    mended = rescore(run, ignore=ignored[1])
    sound = run_of([pair.row(values({}), values({})) for pair in pairs(data)], {})
    assert run_findings(mended) == run_findings(sound) == ()
    assert build_report(mended).scores["miou"] == build_report(sound).scores["miou"]
