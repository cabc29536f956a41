"""What mask files say besides their values: kept once a side, through journals, run files and unions."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segeval.errors import RunFileError
from segeval.measuring.measure import measure
from segeval.request import build_request
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.journal import Journal
from segeval.runs.run import NO_TRAITS, SideTraits, Traits
from segeval.runs.sharding import Shard
from segeval.runs.unions import union
from tests.corpora.tiff_corpus import tiff

LABELS = np.array([[0, 1, 1], [2, 2, 0]], np.uint8)
GRAY = bytes(value for level in (0, 85, 170, 255) for value in (level, level, level))
COLORED = bytes((0, 0, 0, 128, 64, 128, 0, 0, 142, 9, 9, 9))


def folder(path: Path, palettes: Mapping[str, bytes | None]) -> Path:
    """Write one label PNG a name: gray, or with a palette."""
    path.mkdir()
    for name, palette in palettes.items():
        image = Image.fromarray(LABELS)
        if palette is not None:
            image.putpalette(palette)
        image.save(path / name)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    gt = folder(tmp_path / "gt", {"a.png": None, "b.png": None})
    (gt / "a.png").unlink()
    (gt / "a.tif").write_bytes(tiff(LABELS.astype(np.int16), tags={42113: tuple(b"-9999\0")}))
    return folder(tmp_path / "pred", {"a.png": GRAY, "b.png": GRAY}), gt


EXPECTED = SideTraits(Traits(nodata=(-9999,)), Traits(gray_entries=((1, 85), (2, 170))))


def test_nodata_tags_and_gray_palettes_are_kept_once_a_side(folders: tuple[Path, Path]) -> None:
    assert measure(*folders, build_request()).run.traits == EXPECTED


def test_only_entries_that_pixels_use_are_kept(folders: tuple[Path, Path]) -> None:
    """Index 3 is gray 255 in the palette, and no pixel has it."""
    found = measure(*folders, build_request()).run.traits
    assert (3, 255) not in found.pred.gray_entries


COLORS = ((0, 0, 0, 0), (1, 128, 64, 128), (2, 0, 0, 142))


def test_of_colored_palettes_the_entries_that_pixels_use_are_kept(tmp_path: Path) -> None:
    pred, gt = (folder(tmp_path / side, {"a.png": COLORED}) for side in ("pred", "gt"))
    run = measure(pred, gt, build_request()).run
    assert run.traits == SideTraits(Traits(color_entries=COLORS), Traits(color_entries=COLORS))
    assert run_from_bytes(run_to_bytes(run, packed=False), name="run") == run


def test_masks_without_palettes_have_nothing_to_keep(tmp_path: Path) -> None:
    pred, gt = (folder(tmp_path / side, {"a.png": None}) for side in ("pred", "gt"))
    run = measure(pred, gt, build_request()).run
    assert run.traits == NO_TRAITS
    assert b"traits" not in run_to_bytes(run, packed=False)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_many_colors_an_index_the_least_are_kept_whatever_the_order(order: tuple[int, ...]) -> None:
    files = [Traits(color_entries=((0, 0, 0, 0), (1, red, 0, 0))) for red in (7, 8, 9)]
    joined = reduce(operator.or_, [files[index] for index in order])
    assert joined.color_entries == ((0, 0, 0, 0), (1, 7, 0, 0), (1, 8, 0, 0))


def test_a_colored_palette_beside_gray_ones_is_told(tmp_path: Path) -> None:
    names = {"a.png": GRAY, "b.png": COLORED}
    pred, gt = (folder(tmp_path / side, names) for side in ("pred", "gt"))
    assert measure(pred, gt, build_request()).run.traits.gt == Traits((), ((1, 85), (2, 170)), COLORS)


def test_run_files_and_unions_of_shards_hold_them(folders: tuple[Path, Path]) -> None:
    whole = measure(*folders, build_request()).run
    assert run_from_bytes(run_to_bytes(whole, packed=False), name="run") == whole
    parts = [measure(*folders, build_request(), shard=Shard(index, 3)).run for index in (1, 2, 3)]
    assert union([(str(index), part) for index, part in enumerate(parts)]) == whole


def test_rows_of_an_interrupted_run_bring_theirs_back(folders: tuple[Path, Path], tmp_path: Path) -> None:
    request, path = build_request(), tmp_path / ".run.partial"
    first = Journal(path, request.protocol)
    whole = measure(*folders, request, journal=first).run
    first.close()
    second = Journal(path, request.protocol, resume=True)
    assert len(second) == 2
    assert measure(*folders, request, journal=second).run == whole
    second.close()


@pytest.mark.parametrize(
    "traits",
    [
        Traits(nodata=(3, 1)),
        Traits(gray_entries=((300, 1),)),
        Traits(gray_entries=((1, 2, 3),)),  # type: ignore[arg-type]  # what a forger writes
        Traits(color_entries=((1, 2, 3),)),  # type: ignore[arg-type]  # what a forger writes
        Traits(color_entries=((1, 2, 3, 256),)),
        Traits(color_entries=((1, 2, 3, 4), (1, 2, 3, 5), (1, 2, 3, 6))),
    ],
)
def test_forged_traits_are_refused(folders: tuple[Path, Path], traits: Traits) -> None:
    run = replace(measure(*folders, build_request()).run, traits=SideTraits(Traits(nodata=(1,)), traits))
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(run_to_bytes(run, packed=False), name="run")
