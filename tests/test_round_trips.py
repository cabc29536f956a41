"""One set of label maps in every form that is read: the scores, the classes, the confusion, the keys and the counts are
those of plain PNG; of volumes, those of NIfTI.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import score

Array = NDArray[Any]
NOISE = np.random.default_rng(2026)
SIZE = (23, 31)
KEYS = ("a", "night/b", "night/c d")
CLASSES = ("road", "sky", "car", "tree")
COLORS = np.array([[128, 64, 128], [70, 130, 180], [0, 0, 142], [107, 142, 35]], np.int16)
TRUTH = {key: NOISE.integers(0, 4, SIZE).astype(np.uint8) for key in KEYS}
GUESS = {key: np.where(NOISE.random(SIZE) < 0.7, mask, NOISE.integers(0, 4, SIZE)) for key, mask in TRUTH.items()}


def array(path: Path, mask: Array) -> None:
    np.save(path.with_name(f"{path.name}.npy"), mask)


def image(path: Path, mask: Array, suffix: str = ".png", **options: Any) -> None:
    Image.fromarray(mask).save(path.with_name(f"{path.name}{suffix}"), **options)


def packed(path: Path, mask: Array) -> None:
    np.savez_compressed(path.with_name(f"{path.name}.npz"), mask)


def hot(mask: Array) -> Array:
    return np.eye(len(CLASSES), dtype=np.uint8)[mask]


def off(mask: Array) -> Array:
    found: Array = np.clip(COLORS[mask] + NOISE.integers(-4, 5, (*SIZE, 3)), 0, 255).astype(np.uint8)
    return found


def indexed(path: Path, mask: Array) -> None:
    drawn = Image.fromarray(mask)
    drawn.putpalette([int(level) for color in COLORS for level in color])
    drawn.save(path.with_name(f"{path.name}.png"))


def prefixed(path: Path, mask: Array) -> None:
    image(path.with_name(f"mask_{path.name}"), mask)


def panoptic(path: Path, mask: Array) -> None:
    """Write each class as a segment of its own, with an id that takes all three channels."""
    ids = 70_000 + 300 * mask.astype(np.int64)
    image(path, np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8))


def segments(path: Path) -> Path:
    """Write the panoptic JSON of `panoptic`."""
    infos = [{"id": 70_000 + 300 * one, "category_id": one, "iscrowd": 0} for one in range(len(CLASSES))]
    annotations = [{"file_name": f"{key}.png", "segments_info": infos} for key in KEYS]
    categories = [{"id": one, "name": name} for one, name in enumerate(CLASSES)]
    path.write_text(json.dumps({"annotations": annotations, "categories": categories}))
    return path


def nifti(path: Path, volume: Array) -> None:
    """Write a volume, (D, H, W), or a mask, (H, W), as NIfTI-1 without a library: columns first, nothing scaled."""
    header = np.zeros(352, np.uint8)
    header[:4] = np.frombuffer(np.int32(348).tobytes(), np.uint8)
    sizes = np.array([volume.ndim, *reversed(volume.shape), *[1] * (7 - volume.ndim)], np.int16)
    header[40:56] = sizes.view(np.uint8)
    header[70:74] = np.array([2, 8], np.int16).view(np.uint8)  # unsigned bytes
    header[76:108] = np.ones(8, np.float32).view(np.uint8)
    header[108:112] = np.array([352], np.float32).view(np.uint8)
    header[254:256] = np.array([1], np.int16).view(np.uint8)  # an affine, the unit matrix
    header[280:328] = np.eye(3, 4, dtype=np.float32).reshape(-1).view(np.uint8)
    header[344:348] = np.frombuffer(b"n+1\0", np.uint8)
    path.with_name(f"{path.name}.nii.gz").write_bytes(
        gzip.compress(header.tobytes() + volume.astype(np.uint8).tobytes())
    )


def in_a_channel(path: Path, mask: Array) -> None:
    others = NOISE.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    others[..., 1] = mask
    image(path, others)


Write = Callable[[Path, Array], None]
FORMS: Mapping[str, tuple[Write, dict[str, Any]]] = {
    "BMP": (lambda path, mask: image(path, mask, ".bmp"), {}),
    "GIF": (lambda path, mask: image(path, mask, ".gif"), {}),
    "TIFF": (lambda path, mask: image(path, mask, ".tif", compression="tiff_lzw"), {}),
    "16-bit PNG": (lambda path, mask: image(path, mask.astype(np.uint16)), {}),
    "palette PNG": (indexed, {}),
    "gray as RGB": (lambda path, mask: image(path, np.repeat(mask[..., None], 3, axis=2)), {}),
    "a channel": (in_a_channel, {"gt_channel": "G"}),
    "colours": (lambda path, mask: image(path, COLORS[mask].astype(np.uint8)), {"palette": "palette.txt"}),
    "colours nearly": (lambda path, mask: image(path, off(mask)), {"palette": "palette.txt", "palette_tolerance": 4}),
    ".npy of int64": (lambda path, mask: array(path, mask.astype(np.int64)), {}),
    ".npy with an axis of one": (lambda path, mask: array(path, mask[None]), {}),
    ".npy in Fortran's order": (lambda path, mask: array(path, np.asfortranarray(mask)), {}),
    ".npz": (packed, {}),
    "floats": (lambda path, mask: array(path, mask.astype(np.float32)), {"cast_labels": True}),
    "float TIFF": (lambda path, mask: image(path, mask.astype(np.float32), ".tif"), {"cast_labels": True}),
    "one-hot, classes last": (lambda path, mask: array(path, hot(mask)), {"class_axis": "last"}),
    "one-hot, classes first": (
        lambda path, mask: array(path, np.moveaxis(hot(mask), -1, 0).astype(bool)),
        {"class_axis": "first"},
    ),
    "panoptic": (panoptic, {"gt_segments": "segments.json"}),
    "one slice of NIfTI": (nifti, {}),
    "prefix": (prefixed, {"gt_prefix": "mask_"}),
    "suffix": (lambda path, mask: image(path.with_name(f"{path.name}_label"), mask), {"gt_suffix": "_label"}),
}
"""How the ground truth is written, and the options that read it."""


def written(folder: Path, masks: Mapping[str, Array], write: Write) -> Path:
    for key, mask in masks.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, mask)
    return folder


def told(pred: Path, gt: Path, **options: Any) -> dict[str, Any]:
    """Return what equal labels give equally; the digest is of the bytes of files, and so of their form."""
    report = score(pred, gt, per_image=True, **options)
    found = report.to_dict()
    found["data"].pop("gt_digest")
    keys = [one.key for one in report.details.images or ()]
    return {part: found[part] for part in ("scores", "classes", "confusion", "data")} | {"keys": keys}


def without_colors(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "classes": [{**entry, "color": None} for entry in found["classes"]]}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_labels_scores_alike(form: str, tmp_path: Path) -> None:
    write, options = FORMS[form]
    palette = tmp_path / "palette.txt"
    palette.write_text("".join(f"{r} {g} {b} {name}\n" for (r, g, b), name in zip(COLORS, CLASSES, strict=True)))
    files = {"palette": palette, "gt_segments": segments(tmp_path / "segments.json")}
    options = {name: files.get(name, value) for name, value in options.items()}
    pred = written(tmp_path / "pred", GUESS, lambda path, mask: image(path, mask.astype(np.uint8)))
    plain = written(tmp_path / "plain", TRUTH, image)
    gt = written(tmp_path / "gt", TRUTH, write)
    classes = list(CLASSES)
    expected, found = told(pred, plain, classes=classes), told(pred, gt, classes=classes, **options)
    assert found["keys"] == list(KEYS)
    assert without_colors(found) == without_colors(expected)


def test_an_archive_scores_as_its_folder(tmp_path: Path) -> None:
    guess = {key: mask.astype(np.uint8) for key, mask in GUESS.items()}
    folders = written(tmp_path / "pred", guess, image), written(tmp_path / "gt", TRUTH, image)
    zipped = [Path(shutil.make_archive(f"{folder}", "zip", folder)) for folder in folders]
    assert told(zipped[0], zipped[1], classes=list(CLASSES)) == told(*folders, classes=list(CLASSES))


VOLUMES = {key: NOISE.integers(0, 4, (5, *SIZE)).astype(np.uint8) for key in KEYS}
GUESSED = {key: np.where(NOISE.random(one.shape) < 0.7, one, 3).astype(np.uint8) for key, one in VOLUMES.items()}


def stack(path: Path, volume: Array, palette: Array | None = None) -> None:
    first, *others = (Image.fromarray(one if palette is None else palette[one].astype(np.uint8)) for one in volume)
    first.save(path.with_name(f"{path.name}.tif"), save_all=True, append_images=others, compression="tiff_lzw")


@pytest.mark.parametrize("colours", [False, True])
def test_slices_of_a_tiff_file_score_as_the_volume(colours: bool, tmp_path: Path) -> None:
    pytest.importorskip("nibabel", reason="comes with the extra medical")
    pred = written(tmp_path / "pred", GUESSED, nifti)
    volumes = written(tmp_path / "volumes", VOLUMES, nifti)
    stacks = written(tmp_path / "stacks", VOLUMES, lambda path, one: stack(path, one, COLORS if colours else None))
    palette = tmp_path / "palette.txt"
    palette.write_text("".join(f"{r} {g} {b} {name}\n" for (r, g, b), name in zip(COLORS, CLASSES, strict=True)))
    more = {"palette": palette} if colours else {}
    expected = told(pred, volumes, classes=list(CLASSES))
    found = told(pred, stacks, classes=list(CLASSES), stack=True, **more)
    assert expected["data"]["pixels"] == 5 * SIZE[0] * SIZE[1] * len(KEYS)
    assert without_colors(found) == without_colors(expected)


def test_one_mask_a_class_and_bits_give_the_classes_of_the_labels(tmp_path: Path) -> None:
    """Means are over other pixels there: a pixel counts once for each class that either side has."""
    pred = written(tmp_path / "pred", GUESS, lambda path, mask: image(path, mask.astype(np.uint8)))
    plain = written(tmp_path / "plain", TRUTH, image)
    for index, name in enumerate(CLASSES):
        planes = {key: (mask == index).astype(np.uint8) * 255 for key, mask in TRUTH.items()}
        written(tmp_path / "folders" / name, planes, image)
    coded = written(tmp_path / "bits", TRUTH, lambda path, mask: image(path, (1 << mask).astype(np.uint8)))
    guessed = written(tmp_path / "guessed", GUESS, lambda path, mask: image(path, (1 << mask).astype(np.uint8)))
    classes = list(CLASSES)
    expected = told(pred, plain, classes=classes)
    bits = ",".join(f"{name}={index}" for index, name in enumerate(CLASSES))
    for found in (
        told(pred, tmp_path / "folders", classes=classes, multilabel=True),
        told(guessed, coded, multilabel=True, bits=bits),
    ):
        for name in ("iou", "dice", "precision", "recall", "tp", "fp", "fn", "gt_share"):
            assert [entry[name] for entry in found["classes"]] == [entry[name] for entry in expected["classes"]]
        assert (found["data"], found["keys"]) == (expected["data"], expected["keys"])
        assert found["scores"]["miou"] == expected["scores"]["miou"]
