"""Every file that is refused, as a user meets it: what, where, how to mend it, exit code 2, nothing on stdout."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.corpora.png_corpus import chunk, corrupt, encode, header, png
from tests.support.commandline import run_segeval

MASK = np.arange(48).reshape(6, 8) % 3


def pillow(name: str, image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=name, **options)
    return buffer.getvalue()


def array(*arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    if len(arrays) > 1:
        np.savez(buffer, *arrays)
    else:
        np.save(buffer, arrays[0])
    return buffer.getvalue()


RGB = np.stack([MASK * 80, MASK * 10, MASK * 5], axis=-1).astype(np.uint8)
GRAY = Image.fromarray(MASK.astype(np.uint8))
WHOLE = encode(MASK[..., None])
WRONG_CRC = bytearray(WHOLE)
WRONG_CRC[-20] ^= 0xFF
TRANSPARENT = np.dstack([RGB, np.full(MASK.shape, 100, np.uint8)])

REFUSED: dict[str, tuple[str, bytes, str, str]] = {
    # case: (file, content, part of what, part of the fix)
    "RGB without palette": ("a.png", pillow("PNG", Image.fromarray(RGB)), "RGB", "--palette"),
    "alpha that matters": ("a.png", pillow("PNG", Image.fromarray(TRANSPARENT)), "alpha", "without alpha"),
    "JPEG": ("a.jpg", pillow("JPEG", GRAY), "JPEG", "PNG"),
    "JPEG under the name of a PNG": ("a.png", pillow("JPEG", GRAY), "lossy", "PNG"),
    "truncated": ("a.png", WHOLE[: len(WHOLE) // 2], "truncated", "again"),
    "empty": ("a.png", b"", "empty", "again"),
    "not an image": ("a.png", b"Dear diary, today", "not an image", "PNG"),
    "wrong CRC": ("a.png", bytes(WRONG_CRC), "damaged", "again"),
    "animated PNG": (
        "a.png",
        png(header(8, 6, 8, 0), chunk(b"acTL", b"\0\0\0\2\0\0\0\0"), chunk(b"IDAT", zlib.compress(b"\0" * 54))),
        "several images",
        "file of its own",
    ),
    "animated GIF": (
        "a.gif",
        pillow("GIF", GRAY, save_all=True, append_images=[Image.fromarray((2 - MASK).astype(np.uint8))]),
        "several images",
        "file of its own",
    ),
    "another size": ("a.png", encode(MASK[:3, :, None]), "differ in size", "size of the ground truth"),
    "absurd dimensions": (
        "a.png",
        png(header(2**31 - 1, 2**31 - 1, 8, 0), chunk(b"IDAT", b"")),
        "more pixels than the limit",
        "--max-pixels",
    ),
    "floats": ("a.npy", array(MASK / 3), "floats", "--probs"),
    "pickled objects": ("a.npy", array(np.array([[{}]], dtype=object)), "array", "integer array"),
    "several arrays": ("a.npz", array(MASK, MASK), "exactly one array", "one array a file"),
    "three dimensions": ("a.npy", array(np.stack([MASK] * 3)), "shape", "(height, width)"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("side", ["pred", "gt"])
def test_refused_with_reason_place_and_remedy(case: str, side: str, tmp_path: Path) -> None:
    name, content, what, fix = REFUSED[case]
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "good.png").write_bytes(encode(MASK[..., None]))
        (tmp_path / folder / "a.png").write_bytes(encode(MASK[..., None]))
    (tmp_path / side / "a.png").unlink()
    (tmp_path / side / name).write_bytes(content)
    for form in ("table", "json"):
        done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", form)
        assert (done.code, done.stdout) == (2, "")
        error, *places, remedy = done.stderr.strip().splitlines()
        assert error.startswith("error: ")
        assert what in error
        assert any("a." in place for place in places)
        assert remedy.startswith("fix: ")
        assert fix in remedy
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", corrupt())
def test_no_corrupt_png_is_scored(case: str, tmp_path: Path) -> None:
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(corrupt()[case])
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert (done.code, done.stdout) == (2, "")
    assert "a.png" in done.stderr


def test_a_run_with_several_bad_files_names_them_all(tmp_path: Path) -> None:
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
    for index, (name, content, _, _) in enumerate(REFUSED.values()):
        suffix = Path(name).suffix
        (tmp_path / f"pred/{index:02d}{suffix}").write_bytes(content)
        (tmp_path / f"gt/{index:02d}.png").write_bytes(encode(MASK[..., None]))
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert (done.code, done.stdout) == (2, "")
    for index, (name, _, _, _) in enumerate(REFUSED.values()):
        assert f"{index:02d}{Path(name).suffix}" in done.stderr
