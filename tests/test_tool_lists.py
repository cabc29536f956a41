"""Class lists and palettes as labelling tools write them.

The files follow the tools' source: supervisely `annotation/obj_class.py` (`ObjClass.to_json`) and export-as-masks
`src/main.py`; label-studio-converter `converter.py` (`_get_labels`, `notes.json`); COCO's panoptic categories.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval import score
from segeval.errors import UsageError
from segeval.protocol.classlists import parse_classes
from segeval.protocol.palettes import parse_palette


def titled(title: str, color: str, number: int) -> dict[str, Any]:
    return {
        "title": title,
        "shape": "bitmap",
        "color": color,
        "geometry_config": {},
        "id": number,
        "hotkey": "",
    }


META = {
    "classes": [titled("lemon", "#51C6AA", 1693352), titled("kiwi", "#FF0000", 1693351)],
    "tags": [{"name": "origin", "value_type": "any_string", "color": "#ED68A1", "id": 1, "hotkey": ""}],
    "projectType": "images",
}
NOTES = {
    "categories": [{"id": 0, "name": "car"}, {"id": 1, "name": "road"}],
    "info": {"year": 2024, "version": "1.0", "contributor": "Label Studio"},
}
COCO = {
    "images": [],
    "annotations": [],
    "categories": [
        {"supercategory": "person", "isthing": 1, "id": 1, "name": "person", "color": [220, 20, 60]},
        {"supercategory": "ground", "isthing": 0, "id": 149, "name": "road", "color": [84, 86, 22]},
    ],
}


def named(data: object) -> list[tuple[int, str]]:
    return [(entry.id, entry.name) for entry in parse_classes(json.dumps(data), name="list.json")]


@pytest.mark.parametrize(
    "data",
    [
        {"categories": [{"id": 1}]},
        {"categories": [{"id": "1", "name": "a"}]},
        {"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]},
        {"classes": [{"title": 4}]},
        {"classes": [{"title": "a"}, {"name": "b"}]},
        {"classes": [{"title": "a", "color": "#12345"}]},
        {"a": [1, 1, 2]},
        {"a": [True, True, True]},
        {"a": [-1, -1, -1]},
        {"a": [2, 2, 2], "b": [2, 2, 2]},
        {"categories": []},
    ],
)
def test_what_is_nearly_a_tools_list_is_refused(data: object) -> None:
    with pytest.raises(UsageError):
        named(data)


@pytest.mark.parametrize(
    ("data", "classes"),
    [
        (META, [(1, "lemon"), (2, "kiwi")]),
        ({"lemon": [1, 1, 1], "kiwi": [2, 2, 2]}, [(1, "lemon"), (2, "kiwi")]),
        (NOTES, [(0, "car"), (1, "road")]),
        (COCO, [(1, "person"), (149, "road")]),
    ],
)
def test_the_classes_of_a_tool(data: object, classes: list[tuple[int, str]]) -> None:
    assert named(data) == classes


def test_the_colours_of_a_tool() -> None:
    assert parse_palette(json.dumps(META), name="meta.json").colors == {(81, 198, 170): 1, (255, 0, 0): 2}
    assert parse_palette(json.dumps(COCO), name="panoptic.json").colors == {(220, 20, 60): 1, (84, 86, 22): 149}
    assert [entry.color for entry in parse_classes(json.dumps(META), name="meta.json")] == [(81, 198, 170), (255, 0, 0)]
    with pytest.raises(UsageError):
        parse_palette(json.dumps(NOTES), name="notes.json")


def test_masks_that_supervisely_exports_are_scored_by_its_own_list(tmp_path: Path) -> None:
    """Machine masks hold the place of a class from 1, human masks its colour."""
    labels = np.random.default_rng(3).integers(1, 3, (9, 11)).astype(np.uint8)
    colors = np.array([[0, 0, 0], [81, 198, 170], [255, 0, 0]], np.uint8)[labels]
    for name, mask in (("machine", labels), ("human", colors)):
        (tmp_path / name).mkdir()
        Image.fromarray(mask).save(tmp_path / name / "a.png")
    (tmp_path / "meta.json").write_text(json.dumps(META))
    found = score(tmp_path / "human", tmp_path / "machine", classes=tmp_path / "meta.json")
    assert found.scores["miou"] == 1
    assert [entry.name for entry in found.classes] == ["lemon", "kiwi"]
