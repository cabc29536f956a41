"""Folders that hold something else than masks: the error says what it is, and what makes masks of it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.commandline import Completed, run_segeval

MASK = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(MASK).save(path)
    return path


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def score(root: Path, *options: str) -> Completed:
    return run_segeval("score", root / "pred", root / "gt", *options)


def fix(done: Completed) -> str:
    """Return the fixes of a refusal that left stdout empty."""
    assert (done.code, done.stdout) == (2, "")
    return "\n".join(line for line in done.stderr.splitlines() if line.startswith("fix: "))


@pytest.mark.parametrize("side", ["pred", "gt"])
@pytest.mark.parametrize("verb", ["score", "inspect"])
def test_a_git_lfs_pointer_is_told_with_the_command_that_fetches_the_file(tmp_path: Path, side: str, verb: str) -> None:
    for folder in ("pred", "gt"):
        save(tmp_path / folder / "a.png")
        save(tmp_path / folder / "b.png")
    put(tmp_path / side / "b.png", POINTER)
    done = run_segeval(verb, tmp_path / "pred", tmp_path / "gt")
    assert done.code == 2
    told = done.stdout + done.stderr
    assert "Git LFS pointer" in told
    assert "git lfs pull" in told
    assert "b.png" in told
    assert "a.png" not in told


def test_a_folder_that_holds_one_zip_is_told(tmp_path: Path) -> None:
    mask = save(tmp_path / "gt" / "a.png")
    (tmp_path / "pred").mkdir()
    with zipfile.ZipFile(tmp_path / "pred" / "masks.zip", "w") as archive:
        archive.write(mask, "a.png")
    done = score(tmp_path)
    assert "unzip" in fix(done)
    assert "holds a zip archive" in done.stderr


@pytest.mark.parametrize("side", ["pred", "gt"])
@pytest.mark.parametrize("ending", [".mha", ".pgm", ".pt", ".mat"])
def test_a_folder_without_masks_is_told_with_what_it_holds_and_what_is_read(
    tmp_path: Path, side: str, ending: str
) -> None:
    other = {"pred": "gt", "gt": "pred"}[side]
    for name in ("a", "b"):
        save(tmp_path / other / f"{name}.png")
        put(tmp_path / side / "deep" / f"{name}{ending}", b"x")
    done = score(tmp_path)
    assert f"{side.upper()} {tmp_path / side}: it holds {ending} (2 files)" in done.stderr
    assert "PNG" in fix(done)


@pytest.mark.parametrize("photo", ["jpg", "jpeg", "webp"])
def test_photos_beside_masks_are_told_with_the_suffix_that_selects_the_masks(tmp_path: Path, photo: str) -> None:
    for name in ("a1", "b2", "c3"):
        save(tmp_path / "gt" / f"{name}.png")
        save(tmp_path / "pred" / f"{name}_mask.png")
        put(tmp_path / "pred" / f"{name}.{photo}", b"a photo")
    assert "--pred-suffix _mask" in fix(score(tmp_path))
    assert score(tmp_path, "--pred-suffix", "_mask", "--only", "mIoU").stdout.split()[-1] == "1.0"


def test_one_name_in_two_formats_is_told_as_such_with_the_suffix_that_chooses(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / "gt" / f"{name}.png")
        save(tmp_path / "pred" / f"{name}.png")
        save(tmp_path / "pred" / f"{name}.bmp")
    done = score(tmp_path)
    assert "--pred-suffix .png" in fix(done)
    assert "case" not in done.stderr
    assert "pred/a.bmp" in done.stderr
    assert "pred/a.png" in done.stderr
    assert score(tmp_path, "--pred-suffix", ".png").code == 0


def test_both_files_of_a_pair_are_told_together(tmp_path: Path) -> None:
    for folder in ("pred", "gt"):
        save(tmp_path / folder / "sound.png")
    put(tmp_path / "gt" / "pair.png", POINTER)
    put(tmp_path / "pred" / "pair.png", b"\x1f\x8b packed")
    done = score(tmp_path)
    assert "git lfs pull" in fix(done)
    assert "gunzip" in fix(done)


@pytest.mark.parametrize("side", ["pred", "gt"])
def test_under_probs_every_broken_file_is_told(tmp_path: Path, side: str) -> None:
    names = [f"{letter}.npy" for letter in "vwxyz"]
    for name in names:
        save(tmp_path / "gt" / name.replace("npy", "png"))
        (tmp_path / "pred").mkdir(exist_ok=True)
        np.save(tmp_path / "pred" / name, np.full((2, *MASK.shape), 0.5, np.float32))
    broken = [tmp_path / side / (name if side == "pred" else name.replace("npy", "png")) for name in names[:3]]
    for path in broken:
        put(path, POINTER)
    done = score(tmp_path, "--probs", "--classes", "2")
    assert "git lfs pull" in fix(done)
    for path in broken:
        assert path.name in done.stderr


def _unreadable(folder: Path) -> None:
    put(folder / "a.png", b"\x89PNG\r\n\x1a\n cut off")


def _colored(folder: Path) -> None:
    Image.fromarray(np.dstack([MASK * 100, MASK, MASK])).save(folder / "a.png")


def _unknown(folder: Path) -> None:
    Image.fromarray(MASK * 9).save(folder / "a.png")


def _large(folder: Path) -> None:
    Image.fromarray(np.tile(MASK, (2, 3))).save(folder / "a.png")


def _photographic(folder: Path) -> None:
    np.save(folder / "a.npy", np.arange(5000, dtype=np.uint16).reshape(50, 100))


@pytest.mark.parametrize("side", ["pred", "gt"])
@pytest.mark.parametrize(
    ("spoil", "options"),
    [
        (_unreadable, ()),
        (_unreadable, ("--probs", "--binary")),
        (_colored, ()),
        (_unknown, ("--classes", "2")),
        (_large, ()),
        (_large, ("--probs", "--binary")),
        (_photographic, ()),
    ],
)
@pytest.mark.parametrize("verb", ["score", "inspect"])
def test_an_error_names_the_side_of_each_file_once(
    tmp_path: Path, verb: str, spoil: Callable[[Path], None], options: tuple[str, ...], side: str
) -> None:
    for folder in ("pred", "gt"):
        save(tmp_path / folder / "a.png")
        if spoil is _photographic:
            (tmp_path / folder / "a.png").unlink()
            np.save(tmp_path / folder / "a.npy", np.ones((50, 100), np.uint8))
    spoil(tmp_path / side)
    done = run_segeval(verb, tmp_path / "pred", tmp_path / "gt", *options)
    assert done.code == 2
    told = f"{done.stdout}{done.stderr}"
    named = "pred" if spoil is _large else side
    places = re.findall(r"\S*\ba\.(?:png|npy)\b", told)
    assert places == [f"{named}/a.{'npy' if spoil is _photographic else 'png'}"], told
