"""NIfTI volumes: voxels as nibabel has them, places compared, and headers that cannot be refused unread."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import segeval
from segeval.errors import MaskError, SegevalError
from segeval.images.nifti import parse_nifti
from segeval.images.readers import decode_mask, decode_probability, read_mask
from segeval.runs.file import run_from_bytes, run_to_bytes
from tests.originals import GOLDEN
from tests.originals.shapes import shapes, spots
from tests.support.commandline import run_segeval

nibabel = pytest.importorskip("nibabel", reason="comes with the extra medical")

SHAPE = (7, 6, 5)
"""Columns, rows, slices, as nibabel counts them."""
AFFINE = np.diag([0.7, 0.8, 3.0, 1.0])


def saved(path: Path, array: NDArray[Any], affine: NDArray[np.float64] = AFFINE, kind: Any = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = (kind or nibabel.Nifti1Image)(array, affine)
    nibabel.save(image, path)
    return path


def labels(seed: int, top: int = 3, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, top, SHAPE).astype(dtype)


def pair(tmp_path: Path, gt: NDArray[Any], pred: NDArray[Any], **more: Any) -> tuple[Path, Path]:
    saved(tmp_path / "gt" / "case_1.nii.gz", gt)
    saved(tmp_path / "pred" / "case_1.nii.gz", pred, **more)
    return tmp_path / "pred", tmp_path / "gt"


# What is read


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image], ids=["1", "2"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">i2", ">i4"])
def test_voxels_are_those_of_nibabel_with_slices_first(tmp_path: Path, name: str, kind: Any, dtype: str) -> None:
    array = labels(1, 100, np.dtype(dtype))
    image = kind(array, AFFINE, dtype=array.dtype)
    nibabel.save(image, tmp_path / name)
    found = decode_mask((tmp_path / name).read_bytes(), name=name)
    theirs = np.asanyarray(nibabel.load(tmp_path / name).dataobj)
    assert np.array_equal(found, theirs.transpose(2, 1, 0))
    assert found.dtype == np.dtype(dtype).newbyteorder("=")


def test_one_slice_is_an_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", labels(1)[:, :, :1])
    assert decode_mask(path.read_bytes(), name="a").shape == (6, 7)


def test_axes_of_one_element_at_the_end_count_for_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", labels(1)[..., None, None])
    assert decode_mask(path.read_bytes(), name="a").shape == (5, 6, 7)


def test_a_volume_counts_as_its_voxels_do(tmp_path: Path) -> None:
    gt, pred = labels(1), labels(2)
    run = segeval.measure(*pair(tmp_path, gt, pred))
    (row,) = run.rows
    met = {(g, p): int(((gt == g) & (pred == p)).sum()) for g in range(3) for p in range(3)}
    cells = zip(row.counts.gt.tolist(), row.counts.pred.tolist(), row.counts.pixels.tolist(), strict=True)
    assert {(g, p): pixels for g, p, pixels in cells} == met
    assert (row.key, row.depth, row.height, row.width) == ("case_1", 5, 6, 7)
    assert run_from_bytes(run_to_bytes(run, packed=False), name="run") == run
    assert json.loads(run_to_bytes(run, packed=False).splitlines()[1])["size"] == [5, 6, 7]


def test_a_set_of_volumes_scores_as_its_slices_stacked_in_one_image(tmp_path: Path) -> None:
    gt, pred = labels(1), labels(2)
    ours = segeval.score(*pair(tmp_path, gt, pred)).to_dict()
    for side, array in (("gt", gt), ("pred", pred)):
        (tmp_path / "flat" / side).mkdir(parents=True)
        flat = array.transpose(2, 1, 0).reshape(-1, SHAPE[0])
        Image.fromarray(flat).save(tmp_path / "flat" / side / "case_1.png")
    theirs = segeval.score(tmp_path / "flat" / "pred", tmp_path / "flat" / "gt").to_dict()
    for part in ("scores", "classes", "confusion"):
        assert ours[part] == theirs[part]
    assert ours["data"]["pixels"] == theirs["data"]["pixels"] == int(np.prod(SHAPE))


def test_whole_floats_are_labels_where_that_is_asked_for(tmp_path: Path) -> None:
    folders = pair(tmp_path, labels(1), labels(2).astype(np.float32))
    with pytest.raises(MaskError, match="volume of floats") as raised:
        segeval.score(*folders)
    assert "--cast-labels" in raised.value.fix
    whole = pair(tmp_path / "whole", labels(1), labels(2))
    assert segeval.score(*folders, cast_labels=True).scores == segeval.score(*whole).scores


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.uint16])
def test_probabilities_of_one_class_and_of_several(tmp_path: Path, dtype: Any) -> None:
    generator = np.random.default_rng(4)
    shares = generator.dirichlet((1.0, 1.0, 1.0), SHAPE)
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    several = (shares * top).astype(dtype)
    folders = pair(tmp_path, labels(1), several)
    ours = segeval.score(*folders, probs=True).to_dict()
    (tmp_path / "npy").mkdir()
    (tmp_path / "flat").mkdir()
    np.save(tmp_path / "npy" / "case_1.npy", several.transpose(3, 2, 1, 0).reshape(3, -1, SHAPE[0]))
    np.save(tmp_path / "flat" / "case_1.npy", labels(1).transpose(2, 1, 0).reshape(-1, SHAPE[0]))
    assert ours["scores"] == segeval.score(tmp_path / "npy", tmp_path / "flat", probs=True).to_dict()["scores"]
    single = pair(tmp_path / "single", labels(1, 2), several[..., 1])
    (tmp_path / "one").mkdir()
    np.save(tmp_path / "one" / "case_1.npy", several[..., 1].transpose(2, 1, 0).reshape(-1, SHAPE[0]))
    np.save(tmp_path / "flat" / "case_1.npy", labels(1, 2).transpose(2, 1, 0).reshape(-1, SHAPE[0]))
    ours = segeval.score(*single, probs=True, binary=True).to_dict()
    assert (
        ours["scores"]
        == segeval.score(tmp_path / "one", tmp_path / "flat", probs=True, binary=True).to_dict()["scores"]
    )


# Places


def moved(affine: NDArray[np.float64], millimetres: float) -> NDArray[np.float64]:
    other = affine.copy()
    other[0, 3] += millimetres
    return other


@pytest.mark.parametrize(("voxels", "agrees"), [(0.0, True), (0.0009, True), (0.0011, False), (1.0, False)])
def test_volumes_agree_within_a_thousandth_of_a_voxel(tmp_path: Path, voxels: float, agrees: bool) -> None:
    folders = pair(tmp_path, labels(1), labels(2), affine=moved(AFFINE, 0.7 * voxels))
    if agrees:
        segeval.score(*folders)
        return
    with pytest.raises(MaskError, match="lie differently in space"):
        segeval.score(*folders)


@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (np.diag([-0.7, 0.8, 3.0, 1.0]), "orientation LAS"),
        (np.diag([0.7, 0.8, 2.5, 1.0]), "spacing 0.7x0.8x2.5"),
        (moved(AFFINE, 9.0), "origin (9, 0, 0)"),
    ],
)
def test_another_place_is_told_of_both_sides(tmp_path: Path, affine: NDArray[np.float64], words: str) -> None:
    folders = pair(tmp_path, labels(1), labels(2), affine=affine)
    cases: tuple[dict[str, Any], ...] = ({}, {"probs": True, "binary": True})
    for options in cases:
        with pytest.raises(MaskError, match="lie differently") as raised:
            segeval.score(*folders, **options)
        (where,) = raised.value.where
        assert words in where
        assert "gt/case_1.nii.gz: orientation RAS, spacing 0.7x0.8x3, origin (0, 0, 0)" in where


def test_what_says_nothing_of_its_place_lies_anywhere(tmp_path: Path) -> None:
    _, gt = pair(tmp_path, labels(1)[:, :, :1], labels(2)[:, :, :1])
    (tmp_path / "png").mkdir()
    Image.fromarray(labels(2)[:, :, 0].T).save(tmp_path / "png" / "case_1.png")
    assert segeval.score(tmp_path / "png", gt).scores == segeval.score(tmp_path / "pred", gt).scores


def test_another_shape_is_told_with_all_its_axes(tmp_path: Path) -> None:
    folders = pair(tmp_path, labels(1), labels(2)[:, :, :4])
    with pytest.raises(MaskError, match="differ in size") as raised:
        segeval.score(*folders)
    assert "7x6x4, ground truth 7x6x5" in raised.value.where[0]


def test_bands_are_of_images_and_distances_of_volumes_too(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="this is a volume") as raised:
        segeval.score(*pair(tmp_path, labels(1), labels(2)), boundary=2)
    assert "--distances" in raised.value.fix


def drawn(tmp_path: Path, seeds: Iterable[int]) -> tuple[list[dict[str, Any]], tuple[Path, Path]]:
    """Save volumes of the golden files with their spacing in the header; return what the program says of each."""
    entries = json.loads((GOLDEN / "contours" / "medpy.json").read_text(encoding="utf-8"))["sets"]
    says = {entry["seed"]: entry["scores"] for entry in entries if entry["inputs"] == "3 axes"}
    for seed in seeds:
        entry = shapes(seed, 3)
        affine = np.diag([*entry.spacing[::-1], 1.0])
        for side, array in (("gt", entry.gt), ("pred", entry.pred)):
            saved(tmp_path / side / f"{seed}.nii.gz", array.T, affine)
    return [says[seed] for seed in seeds], (tmp_path / "pred", tmp_path / "gt")


def test_distances_of_volumes_are_in_the_spacing_of_their_files(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    says, folders = drawn(tmp_path, (1, 11, 21))
    report = segeval.score(*folders, classes=4, distances="medpy", per_image=True)
    assert "distances:medpy,1,file," in report.signature.short()
    assert report.details.images is not None
    for told, image in zip(says, report.details.images, strict=True):
        for class_id in range(4):
            for name in ("hd", "hd95", "assd"):
                assert image.losses[name][class_id] == pytest.approx(told[str(class_id)][name], rel=1e-9)
    # One number is of every axis; a spacing of three axes stands in place of the files'.
    scaled = {name: segeval.score(*folders, classes=4, distances="medpy", spacing=name) for name in ("2", "2,2,2")}
    assert len({one.scores["hd95"] for one in scaled.values()}) == 1
    plain = segeval.score(*folders, classes=4, distances="medpy", spacing=1)
    assert scaled["2"].scores["hd"] == pytest.approx(2 * (plain.scores["hd"] or 0), rel=1e-12)


def test_a_spacing_of_two_axes_is_not_that_of_a_volume(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    with pytest.raises(MaskError, match="another number of axes") as raised:
        segeval.score(*pair(tmp_path, labels(1), labels(2)), distances="monai", spacing="1,2")
    assert raised.value.where == ("gt/case_1.nii.gz: 3 axes, --spacing 1,2",)


def test_a_saved_run_of_volumes_keeps_their_distances(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    _, folders = drawn(tmp_path, (2, 12))
    run = segeval.measure(*folders, distances="deepmind")
    read = run_from_bytes(run_to_bytes(run, packed=False), name="run")
    assert segeval.rescore(read).scores == segeval.score(*folders, distances="deepmind").scores


def test_a_region_of_interest_is_a_volume_too(tmp_path: Path) -> None:
    gt, pred, inside = labels(1), labels(2), labels(3, 2)
    folders = pair(tmp_path, gt, pred)
    saved(tmp_path / "roi" / "case_1.nii.gz", inside)
    ours = segeval.score(*folders, roi=tmp_path / "roi").to_dict()
    theirs = segeval.score(*pair(tmp_path / "void", np.where(inside, gt, np.uint8(255)), pred)).to_dict()
    assert ours["scores"] == theirs["scores"]


def test_the_command_line_reads_volumes_and_inspect_says_what_they_are(tmp_path: Path) -> None:
    pair(tmp_path, labels(1), labels(2))
    done = run_segeval("score", "pred", "gt", "--only", "miou", "-q", cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert "NIfTI uint8 7x6x5" in run_segeval("inspect", "pred", "gt", cwd=tmp_path).stdout


# Hostile headers


def header(tmp_path: Path, **fields: Any) -> bytes:
    data = bytearray(saved(tmp_path / "a.nii", labels(1)).read_bytes())
    places = {"dim": (40, "<8h"), "datatype": (70, "<h"), "vox_offset": (108, "<f"), "slope": (112, "<ff"),
              "affine": (280, "<12f")}  # fmt: skip
    for name, value in fields.items():
        at, form = places[name]
        struct.pack_into(form, data, at, *value)
    return bytes(data)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no axes": ({"dim": (0,) * 8}, "shape"),
    "eight axes": ({"dim": (8, *(1,) * 7)}, "shape"),
    "a negative axis": ({"dim": (3, 7, -6, 5, 1, 1, 1, 1)}, "shape"),
    "an axis of nothing": ({"dim": (3, 7, 0, 5, 1, 1, 1, 1)}, "shape"),
    "a huge shape": ({"dim": (3, 32767, 32767, 32767, 1, 1, 1, 1)}, "pixels"),
    "huge maps": ({"dim": (4, 7, 6, 5, 32767, 1, 1, 1), "datatype": (64,)}, "bytes of voxels"),
    "two further axes": ({"dim": (5, 7, 6, 5, 2, 2, 1, 1)}, "axes"),
    "more voxels than there are": ({"dim": (3, 7, 6, 6, 1, 1, 1, 1)}, "bytes of voxels"),
    "no such type": ({"datatype": (999,)}, "data type"),
    "colours": ({"datatype": (128,)}, "NIfTI"),
    "complex numbers": ({"datatype": (32,)}, "NIfTI"),
    "voxels in the header": ({"vox_offset": (10.0,)}, "voxels at"),
    "voxels nowhere": ({"vox_offset": (float("nan"),)}, "voxels at"),
    "voxels far away": ({"vox_offset": (1e12,)}, "voxels at"),
    "scaled values": ({"slope": (2.0, 0.0)}, "multiplied by 2"),
    "shifted values": ({"slope": (1.0, -1024.0)}, "shifted by -1024"),
    "an affine that is none": ({"affine": (0.0,) * 12}, "affine"),
    "an infinite affine": ({"affine": (float("inf"),) * 12}, "affine"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, name: str, packed: bool) -> None:
    fields, words = WRONG[name]
    data = header(tmp_path, **fields)
    if packed:
        data = gzip.compress(data)
    for read in (decode_mask, decode_probability):
        with pytest.raises(MaskError) as raised:
            read(data, name="a.nii")
        told = str(raised.value)
        assert words in told or "type that probability maps" in told or "several maps" in told
        assert "a.nii" in raised.value.where[0]


def test_a_stored_slope_of_0_means_that_nothing_is_scaled(tmp_path: Path) -> None:
    for slope in (0.0, 1.0, float("nan")):
        assert np.array_equal(decode_mask(header(tmp_path, slope=(slope, 0.0)), name="a"), labels(1).transpose(2, 1, 0))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, share: float) -> None:
    for name in ("a.nii", "a.nii.gz"):
        data = saved(tmp_path / name, labels(1)).read_bytes()
        with pytest.raises(MaskError):
            decode_mask(data[: int(share * len(data))], name=name)


def test_a_checksum_that_is_another_is_damage(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(header(tmp_path)))
    data[-6] ^= 1
    with pytest.raises(MaskError, match="damaged"):
        decode_mask(bytes(data), name="a.nii.gz")


def test_a_bomb_of_gzip_is_unpacked_as_far_as_its_header_says(tmp_path: Path) -> None:
    data = header(tmp_path)
    bomb = gzip.compress(data) + gzip.compress(bytes(1 << 24)) * 40
    assert np.array_equal(decode_mask(bomb, name="a"), labels(1).transpose(2, 1, 0))


def test_gzip_of_something_else_stays_refused() -> None:
    with pytest.raises(MaskError, match="compressed with gzip"):
        decode_mask(gzip.compress(b"P5 1 1 255 x" * 100), name="a.pgm.gz")


def test_without_nibabel_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    data = header(tmp_path)
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(MaskError, match="need nibabel") as raised:
        decode_mask(data, name="a.nii")
    assert "segeval-masks[medical]" in raised.value.fix


def test_spoiled_volumes_are_refused_or_read_and_never_anything_else(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    whole = [
        header(tmp_path),
        gzip.compress(header(tmp_path)),
        saved(tmp_path / "b.nii", labels(1), kind=nibabel.Nifti2Image).read_bytes(),
    ]
    outcomes = {"read": 0, "refused": 0}
    for number in range(600):
        data = bytearray(whole[number % 3])
        for at in generator.integers(0, min(len(data), 600), 4).tolist():
            data[at] = int(generator.integers(256))
        for read in (read_mask, decode_probability):
            try:
                read(bytes(data), name="a.nii", max_pixels=1 << 20)
                outcomes["read"] += 1
            except SegevalError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 100


def test_geometry_is_that_of_nibabel(tmp_path: Path) -> None:
    affine = nibabel.affines.from_matvec(
        nibabel.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([1.0, 2.0, 3.0]), [4, 5, 6]
    )
    path = saved(tmp_path / "a.nii.gz", labels(1), affine)
    geometry = parse_nifti(path.read_bytes(), 1 << 20).facts.geometry
    assert geometry is not None
    assert np.allclose(np.array(geometry.affine), nibabel.load(path).affine, atol=1e-6)
    assert geometry.spacing == pytest.approx(nibabel.affines.voxel_sizes(nibabel.load(path).affine))


def test_a_picture_shows_the_slice_with_most_errors(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    gt = labels(5)
    pred = gt.copy()
    pred[:, :, 3] = (gt[:, :, 3] + 1) % 3
    pred[0, 0, 1] = (gt[0, 0, 1] + 1) % 3
    folders = pair(tmp_path, gt, pred)
    done = run_segeval("score", *folders, "-q", "-o", tmp_path / "page.html", "--overlays", tmp_path / "out")
    assert done.code == 0, done.stderr
    assert "slice 4 of 5" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (file,) = (tmp_path / "out").iterdir()
    wrong = np.array(Image.open(file).convert("RGB"))[:, -SHAPE[0] :]
    assert (wrong == np.array([213, 94, 0])).all()


def test_lesions_of_volumes_are_in_the_spacing_of_their_files(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    entries = json.loads((GOLDEN / "lesions" / "brats2023.json").read_text(encoding="utf-8"))["sets"]
    seeds = (1, 7, 9)
    of_volumes = {entry["seed"]: entry["scores"] for entry in entries if entry["inputs"] == "3 axes"}
    says = [of_volumes[seed] for seed in seeds]
    for seed in seeds:
        entry = spots(seed, 3)
        # Labels as those of BraTS 2023: 1 and 3 are the core, 3 alone is the tissue that the program was asked for.
        for side, array in (("gt", entry.gt), ("pred", entry.pred)):
            labels = np.where(array == 1, np.uint8(3), np.indices(array.shape)[0].astype(np.uint8) % 3)
            saved(tmp_path / side / f"{seed}.nii.gz", labels.T, np.diag([*entry.spacing[::-1], 1.0]))
    asked = ("--binary", "--map", "1=0,2=0", "--mean-over", "foreground", "--lesions", "brats2023-men", "--per-image")
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", *asked, tmp_path / "images.jsonl", "-f", "json")
    assert done.code == 0, done.stderr
    lines = map(json.loads, (tmp_path / "images.jsonl").read_text(encoding="utf-8").splitlines())
    told = [(line["lesion_dice"], line["lesion_hd95"]) for line in lines if line["class"] == "foreground"]
    wanted = [(one["BraTS-MEN"]["dice"], one["BraTS-MEN"]["hd95"]) for one in says]
    assert told == [pytest.approx(one, rel=1e-9) for one in wanted]
    assert json.loads(done.stdout)["scores"]["lesion_dice"] == pytest.approx(np.mean([dice for dice, _ in wanted]))
