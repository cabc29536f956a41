"""Masks that are stored in another way than plainly: gray as RGB, one channel of several."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import load_run, measure, save_run, score, verify
from segeval.errors import MaskError, Problems, SegevalError, UsageError
from segeval.images.readers import read_mask
from segeval.protocol.protocol import Protocol, protocol_from_dict, resolve
from segeval.protocol.signature import Signature, signature
from segeval.protocol.storage import SideStorage, Storage
from tests.support.commandline import run_segeval

Array = NDArray[Any]
NOISE = np.random.default_rng(21)
GT, PRED = ([NOISE.integers(0, 4, (12, 17)).astype(np.uint8) for _ in range(3)] for _ in range(2))
for _truth, _guess in zip(GT, PRED, strict=True):
    _guess[:8] = _truth[:8]


def write_images(folder: Path, masks: list[Array], suffix: str = ".png") -> Path:
    folder.mkdir()
    for index, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f"{index}{suffix}")
    return folder


def plain(tmp_path: Path) -> dict[str, float | None]:
    pred, gt = write_images(tmp_path / "plain-pred", PRED), write_images(tmp_path / "plain-gt", GT)
    return dict(score(pred, gt).scores)


def said(call: Callable[[], object]) -> list[SegevalError]:
    with pytest.raises(SegevalError) as raised:
        call()
    return list(raised.value.problems) if isinstance(raised.value, Problems) else [raised.value]


def grays(mask: Array, channels: int = 3) -> Array:
    stacked = np.repeat(mask[..., None], channels, axis=2)
    if channels == 4:
        stacked[..., 3] = 255
    return stacked


# Gray stored as RGB


def test_one_coloured_pixel_of_one_file_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    colored = [grays(mask) for mask in GT]
    colored[1][3, 4] = (1, 2, 3)
    pred, gt = write_images(tmp_path / "pred", PRED), write_images(tmp_path / "gt", colored)
    (problem,) = said(lambda: score(pred, gt))
    assert problem.kind == "rgb"
    assert problem.where == ("gt/1.png: PNG RGB 8 bit",)


def test_a_transparent_pixel_is_still_refused(tmp_path: Path) -> None:
    clear = [grays(mask, 4) for mask in GT]
    clear[2][0, 0, 3] = 254
    pred, gt = write_images(tmp_path / "pred", PRED), write_images(tmp_path / "gt", clear)
    (problem,) = said(lambda: score(pred, gt))
    assert "alpha" in problem.what


def test_a_palette_keeps_its_say_over_gray_colours(tmp_path: Path) -> None:
    pred, gt = (write_images(tmp_path / name, [grays(mask) for mask in GT]) for name in ("pred", "gt"))
    (tmp_path / "palette.txt").write_text("255,0,0 1\n0,0,255 2\n")
    (problem,) = said(lambda: score(pred, gt, palette=tmp_path / "palette.txt"))
    assert problem.kind == "unknown-colors"


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_gray_as_rgb_scores_as_the_gray_masks_do_and_is_noted(channels: int, suffix: str, tmp_path: Path) -> None:
    if (channels, suffix) == (4, ".bmp"):
        pytest.skip("Pillow writes no BMP with alpha that others read")
    gt = write_images(tmp_path / "gt", [grays(mask, channels) for mask in GT], suffix)
    pred = write_images(tmp_path / "pred", PRED)
    report = score(pred, gt)
    assert report.scores == plain(tmp_path)
    told = [(note.what, note.option) for note in report.notes]
    assert told[1:] == [("three equal channels of gt are read as gray", "--gt-channel R")]
    assert score(pred, gt, gt_channel="R").scores == report.scores
    assert len(score(pred, gt, gt_channel="R").notes) == 1


def test_the_note_survives_a_saved_run_and_a_journal(tmp_path: Path) -> None:
    gt = write_images(tmp_path / "gt", [grays(mask) for mask in GT])
    pred = write_images(tmp_path / "pred", PRED)
    save_run(measure(pred, gt), tmp_path / "run.jsonl")
    assert load_run(tmp_path / "run.jsonl").traits.gt.gray_as_rgb
    done = run_segeval("score", pred, gt, "--save", tmp_path / "other.jsonl", "--resume")
    assert "three equal channels of gt" in done.stderr
    assert "three equal channels of gt" in run_segeval("report", tmp_path / "other.jsonl").stderr


# One channel of several


@pytest.mark.parametrize(
    ("channel", "kind", "has"),
    [("A", "RGB", "R, G, B"), ("3", "RGB", "R, G, B"), ("G", "L", "R"), ("2", "LA", "R, A"), ("0", "P", "none")],
)
def test_a_channel_that_a_file_has_not_is_refused(channel: str, kind: str, has: str) -> None:
    target = io.BytesIO()
    Image.fromarray(GT[0]).convert(kind).save(target, "PNG")
    with pytest.raises(MaskError, match=f"has no channel {channel}") as raised:
        read_mask(target.getvalue(), name="a.png", storage=SideStorage(channel))
    assert has in raised.value.where[0]
    assert raised.value.fix


def test_a_channel_of_an_array_is_refused() -> None:
    target = io.BytesIO()
    np.save(target, GT[0])
    with pytest.raises(MaskError, match="has no channel R"):
        read_mask(target.getvalue(), name="a.npy", storage=SideStorage("R"))


@pytest.mark.parametrize("channel", ["r", "X", "-1", "", "RG", "1.0", "999"])
def test_what_names_no_channel_is_refused(channel: str) -> None:
    with pytest.raises(UsageError, match="--pred-channel names no channel"):
        Storage(pred_channel=channel)


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "LA"])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_every_channel_is_what_pillow_gives(kind: str, form: str) -> None:
    image = Image.fromarray(NOISE.integers(0, 256, (9, 7, len(kind))).astype(np.uint8), kind)
    target = io.BytesIO()
    image.save(target, form)
    for place, (name, band) in enumerate(zip(kind.replace("L", "R"), image.split(), strict=True)):
        for channel in (name, str(place)):
            found, _ = read_mask(target.getvalue(), name="a", storage=SideStorage(channel))
            assert np.array_equal(found, np.asarray(band))


def test_class_in_red_and_instance_in_alpha_as_bdd100k_stores_them(tmp_path: Path) -> None:
    panoptic = [np.stack([mask, mask * 7, mask * 0 + 9, mask * 60], axis=2) for mask in GT]
    gt, pred = write_images(tmp_path / "gt", panoptic), write_images(tmp_path / "pred", PRED)
    report = score(pred, gt, gt_channel="R")
    assert report.scores == plain(tmp_path)
    line = str(report.signature)
    assert "|gt-channel:R|" in line
    assert verify(line, f"miou={report.scores['miou']!r}", pred, gt).holds(strict=True)
    other = line.replace("gt-channel:R", "gt-channel:G")
    assert not verify(other, f"miou={report.scores['miou']!r}", pred, gt).holds()


def test_channels_stand_in_signature_and_run_and_nothing_does_by_default() -> None:
    protocol = Protocol(storage=Storage(gt_channel="R", pred_channel="3"))
    line = str(signature(resolve(protocol, gt_values=(0, 1), pred_values=(0, 1)), protocol))
    assert "|gt-channel:R|pred-channel:3|" in line
    assert Signature.parse(line).protocol() == protocol
    assert protocol_from_dict(protocol.to_dict()) == protocol
    assert not {"gt_channel", "pred_channel"} & set(Protocol().to_dict())
