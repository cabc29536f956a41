"""Panoptic masks: ids as R + 256 G + 65536 B, and COCO's panoptic JSON, which says what category each id is."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import inspect, load_run, measure, rescore, save_run, score, verify
from segeval.errors import MaskError, SegevalError, UsageError
from segeval.protocol.segments import LARGEST_SEGMENTS, VOID_SEGMENT, parse_segments
from tests.support.commandline import run_segeval

CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1, "color": [220, 20, 60], "supercategory": "person"},
    {"id": 7, "name": "train", "isthing": 1, "color": [0, 80, 100]},
    {"id": 184, "name": "tree-merged", "isthing": 0, "color": [107, 142, 35]},
]
SIZE = (16, 20)
Ids = NDArray[np.int64]
Infos = list[dict[str, Any]]


def drawn(seed: int) -> tuple[Ids, Infos]:
    """Return the segment ids of an image, 0 among them, and what its annotation says of them."""
    noise = np.random.default_rng(seed)
    infos: Infos = [
        {"id": int(one), "category_id": int(noise.choice([1, 7, 184])), "iscrowd": int(noise.random() < 0.2), "area": 1}
        for one in noise.choice(2**24 - 1, 6, replace=False) + 1
    ]
    return noise.choice([0, *(info["id"] for info in infos)], SIZE), infos


def colours(ids: Ids) -> NDArray[np.uint8]:
    """Write ids as panopticapi's `id2rgb` does."""
    return np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)


def categories_of(ids: Ids, infos: Infos) -> NDArray[np.uint8]:
    """Paint segment by segment, as panopticapi's converters/panoptic2semantic_segmentation.py does; void is 255."""
    semantic = np.full(ids.shape, 255, np.uint8)
    for info in infos:
        semantic[ids == info["id"]] = info["category_id"]
    return semantic


def written(folder: Path, images: Mapping[str, tuple[Ids, Infos]], **changes: Any) -> Path:
    """Write masks into `folder` and their JSON beside it; return the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, (ids, _) in images.items():
        Image.fromarray(colours(ids)).save(folder / f"{key}.png")
    annotations = [
        {"image_id": place, "file_name": f"{key}.png", "segments_info": infos}
        for place, (key, (_, infos)) in enumerate(images.items())
    ]
    path = folder.with_suffix(".json")
    path.write_text(json.dumps({"annotations": annotations, "categories": CATEGORIES, **changes}))
    return path


def both(tmp_path: Path, count: int = 3) -> tuple[dict[str, tuple[Ids, Infos]], dict[str, tuple[Ids, Infos]]]:
    return (
        {f"{place:012}": drawn(place) for place in range(count)},
        {f"{place:012}": drawn(place + 50) for place in range(count)},
    )


def plain(folder: Path, images: Mapping[str, tuple[Ids, Infos]]) -> Path:
    folder.mkdir()
    for key, (ids, infos) in images.items():
        Image.fromarray(categories_of(ids, infos)).save(folder / f"{key}.png")
    return folder


# What is read


def test_segments_score_as_the_masks_that_panopticapi_makes_of_them(tmp_path: Path) -> None:
    gt, pred = both(tmp_path)
    gt_json, pred_json = written(tmp_path / "gt", gt), written(tmp_path / "pred", pred)
    found = score(tmp_path / "pred", tmp_path / "gt", gt_segments=gt_json, pred_segments=pred_json)
    names = tmp_path / "categories.json"
    names.write_text(json.dumps({"categories": CATEGORIES}))
    masks = plain(tmp_path / "pred_masks", pred), plain(tmp_path / "gt_masks", gt)
    expected = score(*masks, classes=names)
    assert found.scores == expected.scores
    assert found.classes == expected.classes
    assert (found.data.pixels, found.data.void_pixels) == (expected.data.pixels, expected.data.void_pixels)
    assert found.confusion.counts.tolist() == expected.confusion.counts.tolist()
    mixed = score(tmp_path / "pred", masks[1], pred_segments=pred_json)  # one side, 255 is void on the other
    assert mixed.scores == expected.scores
    other = score(masks[0], tmp_path / "gt", gt_segments=gt_json)
    assert other.scores == expected.scores


def test_ids_alone_are_labels(tmp_path: Path) -> None:
    ids = np.array([[0, 1, 256, 65536], [65793, 16777215, 1, 0]])
    for side in ("gt", "pred"):
        written(tmp_path / side, {"a": (ids, [])})
    report = score(tmp_path / "pred", tmp_path / "gt", gt_channel="rgb-id", pred_channel="rgb-id", ignore="none")
    assert [entry.id for entry in report.classes] == sorted(set(ids.reshape(-1).tolist()))


def test_opaque_alpha_says_nothing_and_clear_alpha_is_refused(tmp_path: Path) -> None:
    gt, _ = both(tmp_path, 1)
    path = written(tmp_path / "gt", gt)
    (tmp_path / "pred").mkdir()
    for alpha in (255, 128):
        Image.open(next((tmp_path / "gt").iterdir())).convert("RGBA").save(tmp_path / "pred" / f"{0:012}.png")
        image = Image.open(tmp_path / "pred" / f"{0:012}.png")
        image.putalpha(alpha)
        image.save(tmp_path / "pred" / f"{0:012}.png")
        if alpha == 255:
            assert score(tmp_path / "pred", tmp_path / "gt", gt_segments=path, pred_segments=path).scores["miou"] == 1
        else:
            with pytest.raises(MaskError, match="alpha channel"):
                score(tmp_path / "pred", tmp_path / "gt", gt_segments=path, pred_segments=path)


def test_masks_in_folders_are_found_by_their_path_or_their_name(tmp_path: Path) -> None:
    gt, _ = both(tmp_path, 2)
    path = written(tmp_path / "flat", gt)
    (tmp_path / "gt" / "city").mkdir(parents=True)
    for file in (tmp_path / "flat").iterdir():
        file.rename(tmp_path / "gt" / "city" / file.name)
    found = score(tmp_path / "gt", tmp_path / "gt", gt_segments=path, pred_segments=path)
    assert found.scores["miou"] == 1
    # Two folders with files of one name: the JSON has to say which.
    data = json.loads(path.read_text())
    data["annotations"] = [
        {**entry, "file_name": f"{folder}/{entry['file_name']}"} for entry in data["annotations"] for folder in "ab"
    ]
    path.write_text(json.dumps(data))
    with pytest.raises(MaskError, match="no annotation"):
        score(tmp_path / "gt", tmp_path / "gt", gt_segments=path, pred_segments=path)


def test_a_saved_run_keeps_categories_and_a_number_can_be_verified(tmp_path: Path) -> None:
    gt, pred = both(tmp_path)
    options: dict[str, Any] = {
        "gt_segments": written(tmp_path / "gt", gt),
        "pred_segments": written(tmp_path / "pred", pred),
    }
    folders = tmp_path / "pred", tmp_path / "gt"
    report = score(*folders, **options)
    save_run(measure(*folders, **options), tmp_path / "run.jsonl")
    assert rescore(load_run(tmp_path / "run.jsonl")).scores == report.scores
    signature, claim = str(report.signature), f"miou={report.scores['miou']!r}"
    assert "gt-channel:rgb-id" in signature
    assert verify(signature, claim, *folders, **options).holds(strict=True)
    with pytest.raises(UsageError, match="digest"):
        verify(signature, claim, *folders)
    with pytest.raises(UsageError, match="not that of the signature"):
        verify(signature, claim, *folders, gt_segments=options["pred_segments"], pred_segments=options["pred_segments"])


def test_the_command_line_reads_them_and_so_does_inspect(tmp_path: Path) -> None:
    gt, pred = both(tmp_path)
    paths = written(tmp_path / "gt", gt), written(tmp_path / "pred", pred)
    line = [
        str(tmp_path / "pred"),
        str(tmp_path / "gt"),
        "--gt-segments",
        str(paths[0]),
        "--pred-segments",
        str(paths[1]),
    ]
    done = run_segeval("score", *line, "-f", "json")
    assert done.code == 0, done.stderr
    found = json.loads(done.stdout)
    assert [entry["name"] for entry in found["classes"]] == ["person", "train", "tree-merged"]
    assert {found["protocol"][name] for name in ("gt_channel", "pred_channel")} == {"rgb-id"}
    assert inspect(tmp_path / "pred", tmp_path / "gt", gt_segments=paths[0], pred_segments=paths[1]).ready


def test_segments_travel_to_other_processes(tmp_path: Path) -> None:
    gt, _ = both(tmp_path)
    found = parse_segments(written(tmp_path / "gt", gt).read_text(), name="gt.json")
    again = pickle.loads(pickle.dumps(found))
    assert again.of_files == found.of_files
    assert again.digest == found.digest


def test_the_digest_is_of_what_changes_a_number(tmp_path: Path) -> None:
    gt, _ = both(tmp_path)
    path = written(tmp_path / "gt", gt)
    data = json.loads(path.read_text())
    digest = parse_segments(path.read_text(), name="").digest
    data["annotations"].reverse()
    data["info"] = {"year": 2017}
    for entry in data["annotations"]:
        entry["segments_info"].reverse()
    assert parse_segments(json.dumps(data), name="").digest == digest
    data["annotations"][0]["segments_info"][0]["category_id"] = 7
    data["annotations"][0]["segments_info"][1]["category_id"] = 1
    assert parse_segments(json.dumps(data), name="").digest != digest


# What is refused


def test_a_segment_that_is_not_listed_is_told(tmp_path: Path) -> None:
    (ids, infos) = drawn(1)
    path = written(tmp_path / "gt", {"a": (ids, infos[1:])})
    with pytest.raises(MaskError, match="does not list") as raised:
        score(tmp_path / "gt", tmp_path / "gt", gt_segments=path, pred_segments=path)
    assert str(infos[0]["id"]) in raised.value.where[0]


def test_id_0_is_a_segment_where_it_is_listed(tmp_path: Path) -> None:
    ids = np.array([[0, 0, 5]])
    found = parse_segments(
        json.dumps({"annotations": [{"file_name": "a.png", "segments_info": [{"id": 0, "category_id": 4}]}]}), name=""
    )
    with pytest.raises(MaskError):
        found.categories(ids, "a.png", name="a")
    assert found.categories(ids[:, :2], "a.png", name="a").tolist() == [[4, 4]]
    none = parse_segments('{"annotations": [{"file_name": "a.png", "segments_info": []}]}', name="")
    assert none.categories(ids[:, :2], "a.png", name="a").tolist() == [[VOID_SEGMENT] * 2]


def test_masks_without_colours_are_told(tmp_path: Path) -> None:
    gt, _ = both(tmp_path, 1)
    path = written(tmp_path / "gt", gt)
    masks = plain(tmp_path / "masks", gt)
    with pytest.raises(MaskError, match="no colours that are ids"):
        score(masks, tmp_path / "gt", gt_segments=path, pred_segments=path)


def entry(**changes: Any) -> dict[str, Any]:
    return {"annotations": [{"file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1}], **changes}]}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ([], "there are no annotations"),
        ({}, "there are no annotations"),
        ({"annotations": {}}, "there are no annotations"),
        ({"annotations": [1]}, "there is no file_name"),
        ({"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 1}]}, "there is no file_name"),
        (entry(file_name=3), "there is no file_name"),
        (entry(segments_info=None), "there is no segments_info"),
        (entry(segments_info=[None]), "has no id"),
        (entry(segments_info=[{"id": -1, "category_id": 1}]), "has no id"),
        (entry(segments_info=[{"id": True, "category_id": 1}]), "has no id"),
        (entry(segments_info=[{"id": 1.0, "category_id": 1}]), "has no id"),
        (entry(segments_info=[{"id": 1}]), "no category_id"),
        (entry(segments_info=[{"id": 1, "category_id": -1}]), "no category_id"),
        (entry(segments_info=[{"id": 1, "category_id": 2**31}]), "no category_id"),
        (entry(segments_info=[{"id": 1, "category_id": 1}] * 2), "listed twice"),
        ({"annotations": entry()["annotations"] * 2}, "two annotations"),
        ({**entry(), "categories": [{"id": 2, "name": "b"}]}, "none of categories"),
        ({**entry(), "categories": {"id": 2}}, "categories are not a list"),
        ({**entry(), "categories": []}, "categories are not a list"),
        ({**entry(), "categories": [{"id": 1, "name": "a"}] * 2}, "occurs twice"),
    ],
)
def test_a_json_of_another_form_is_refused(data: Any, what: str) -> None:
    with pytest.raises(SegevalError) as raised:
        parse_segments(json.dumps(data), name="a.json")
    assert what in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "{", "null", '{"annotations": [], "annotations": []}', "[" * 50, "\0", '{"a": 1e999}']
)
def test_a_text_that_is_no_such_json_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_segments(text, name="a.json")


@pytest.mark.parametrize(
    "text", ["[]," * (1 << 20), "[" * (1 << 20), '{"a":' * (1 << 20), '"' * (1 << 20), "1" * 5000], ids=len
)
def test_what_would_take_much_memory_is_counted_before_it_is_parsed(text: str) -> None:
    with pytest.raises(UsageError):
        parse_segments(f'{{"annotations": [{text}]}}', name="a.json")


def test_a_json_of_100_mb_is_not_read_whole(tmp_path: Path) -> None:
    gt, _ = both(tmp_path, 1)
    path = written(tmp_path / "gt", gt)
    with path.open("r+b") as file:
        file.truncate(100_000_000)  # sparse
    with pytest.raises(UsageError, match="too large") as raised:
        score(tmp_path / "gt", tmp_path / "gt", gt_segments=path)
    assert f"{LARGEST_SEGMENTS:,}" in raised.value.where[0]


def test_options_that_read_other_masks_are_refused(tmp_path: Path) -> None:
    gt, _ = both(tmp_path, 1)
    path = written(tmp_path / "gt", gt)
    folders = tmp_path / "gt", tmp_path / "gt"
    cases: Sequence[tuple[dict[str, Any], str]] = [
        ({"multilabel": True}, "one category a pixel"),
        ({"probs": True}, "no segments"),
    ]
    for options, what in cases:
        with pytest.raises(UsageError, match=what):
            score(*folders, gt_segments=path, pred_segments=path, **options)
    other = written(tmp_path / "other", gt, categories=[{"id": one, "name": f"c{one}"} for one in (1, 7, 184)])
    with pytest.raises(UsageError, match="other categories"):
        score(*folders, gt_segments=path, pred_segments=other)
    data = json.loads(path.read_text())
    del data["categories"]
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="names its categories"):
        score(*folders, gt_segments=path)
    assert score(*folders, gt_segments=path, pred_segments=path, classes=200).scores["miou"] == 1
