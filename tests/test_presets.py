"""Presets: every packaged one against the facts it was made from, and every way in which a user's own can be wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segeval import score, verify
from segeval.errors import UsageError
from segeval.protocol.conventions import conventions
from segeval.protocol.labeling import Color, Group, SegmentationClass
from segeval.protocol.presets import (
    Preset,
    PresetPairing,
    explain_colors,
    parse_preset,
    preset,
    preset_digest,
    preset_names,
    preset_palette,
)
from tests.support.commandline import run_segeval

FACTS = Path(__file__).resolve().parents[1].parent / "shared" / "presets.json"
VOID = 255
Array = NDArray[Any]


class Expected(NamedTuple):
    """What the data set's own tools say: spot checks of raw value -> class id, and raw values that are unknown."""

    classes: int
    convention: str
    gt: dict[int, int]
    pred: dict[int, int]
    unknown: tuple[int, ...] = ()
    digest: str = ""


# One row a preset. The digest pins the rest of what changes a number; it stands in no signature but a user's.
EXPECTED = {
    "ade20k": Expected(150, "ade20k", {0: VOID, 1: 0, 150: 149}, {0: VOID, 1: 0, 150: 149}, (151, 255), "b7adc976"),
    "bdd100k": Expected(19, "segeval", {0: 0, 18: 18, 255: VOID}, {18: 18, 255: VOID}, (19, 33), "fb40429e"),
    "binary": Expected(2, "segeval", {0: 0, 1: 1}, {0: 0, 1: 1}, (), "5acc44c4"),
    "camvid-11": Expected(11, "segnet", {0: 0, 10: 10, 11: VOID, 255: VOID}, {4: 4, 11: VOID}, (12,), "8e313f55"),
    "cityscapes": Expected(
        19, "cityscapes", {-1: VOID, 0: VOID, 7: 0, 18: VOID, 33: 18}, {7: 0, 29: VOID, 33: 18}, (34, 255), "dc31c60a"
    ),
    "cityscapes-trainids": Expected(19, "mmseg", {0: 0, 18: 18, 255: VOID}, {18: 18, 255: VOID}, (19, 33), "58c6b133"),
    "coco-stuff-171": Expected(
        171, "cocostuff", {0: 0, 12: 11, 181: 170, 255: VOID}, {181: 170}, (11, 25, 182), "82f0bab8"
    ),
    "deepglobe-land": Expected(6, "mmseg", {0: 0, 5: 5, 255: VOID}, {5: 5}, (6,), "440def98"),
    "davis2016": Expected(2, "segeval", {0: 0, 1: 1}, {0: 0, 1: 1}, (), "a449cd0c"),
    "diva-hisdb": Expected(4, "segeval", {0: 0, 3: 3}, {0: 0, 3: 3}, (), "c435b0d8"),
    "drive": Expected(2, "segeval", {0: 0, 1: 1}, {0: 0, 1: 1}, (), "5a399b94"),
    "isaid": Expected(16, "mmseg", {0: 0, 15: 15, 255: VOID}, {15: 15}, (16,), "06ee1580"),
    "isic2018": Expected(2, "isic2018", {0: 0, 1: 1}, {0: 0, 1: 1}, (), "74ff7b9f"),
    "kvasir": Expected(2, "segeval", {0: 0, 1: 1}, {0: 0, 1: 1}, (), "2dab8b15"),
    "loveda": Expected(7, "mmseg", {0: VOID, 1: 0, 7: 6}, {0: 0, 6: 6}, (8,), "29b8a805"),
    "mapillary-vistas": Expected(
        65, "mapillary", {0: 0, 64: 64, 65: VOID, 255: VOID}, {65: VOID}, (66, 124), "8306ece2"
    ),
    "nnunet": Expected(0, "nnunet", {}, {}, (), "ee18e871"),
    "pascal-context-59": Expected(59, "mmseg", {0: VOID, 1: 0, 59: 58}, {1: 0}, (60,), "4614fcaf"),
    "potsdam": Expected(6, "mmseg", {0: VOID, 1: 0, 6: 5}, {1: 0}, (7,), "a41b2b34"),
    "roboflow": Expected(0, "hf", {255: VOID}, {255: VOID}, (1,), "25ee2193"),
    "vaihingen": Expected(6, "mmseg", {0: VOID, 1: 0, 6: 5}, {1: 0}, (7,), "a41b2b34"),
    "voc2012": Expected(21, "voc", {0: 0, 20: 20, 255: VOID}, {0: 0, 255: VOID}, (21,), "75d2664b"),
}
# What a preset's map has beyond the facts' table: license plates, and 255 where the facts give it as an alias of void.
ADDED = {"cityscapes": {-1: VOID}, "mapillary-vistas": {255: VOID}, "deepglobe-land": {255: VOID}}


def test_every_preset_has_a_row_here() -> None:
    assert preset_names() == tuple(sorted(EXPECTED))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_says_what_its_data_set_says(name: str) -> None:
    found, expected = preset(name), EXPECTED[name]
    assert (found.name, len(found.classes), found.convention) == (name, expected.classes, expected.convention)
    assert expected.gt.items() <= found.gt_map.items()
    assert expected.pred.items() <= found.pred_map.items()
    assert not {*found.gt_map, *found.pred_map} & set(expected.unknown)
    assert preset_digest(found) == expected.digest


@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_is_consistent(name: str) -> None:
    found = preset(name)
    ids = [entry.id for entry in found.classes]
    assert ids == list(range(len(ids)))
    assert bool(ids) != bool(found.classes_from)
    assert found.ignore == (() if found.binary or name == "nnunet" else (VOID,))
    for values in (found.gt_map, found.pred_map):
        assert set(ids) <= set(values.values()) <= {*ids, *found.ignore}
        assert list(values) == sorted(values)
    assert found.convention in conventions()
    assert found.sources
    assert found.encodings.keys() == {"gt", "pred"}
    assert not found.groups or sorted(member for group in found.groups for member in group.ids) == ids


@pytest.mark.skipif(not FACTS.exists(), reason="the table of facts is not here")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_agrees_with_the_table_of_facts(name: str) -> None:
    facts = next((entry for entry in _facts() if entry["name"] == name), None)
    if facts is None:
        pytest.skip("the table of facts is older than this preset")
    found = preset(name)
    assert [entry.name for entry in found.classes] == facts["classes"]
    assert [list(entry.color or ()) for entry in found.classes] == facts["palette"]
    assert [list(names) for names in found.palette_duplicates] == facts.get("palette_duplicates", [])
    assert found.has_palette == facts["palette_unique"]
    assert found.convention == facts["convention"]
    assert {group.name: list(group.ids) for group in found.groups} == facts.get("groups", {})
    assert found.images == facts.get("n_images", {})
    assert [(source.path, source.commit) for source in found.sources] == [
        (source["path"], source["commit"]) for source in facts["source_file"]
    ]
    stored = {int(raw): mapped for raw, mapped in facts["id_map"].items()}
    if found.binary:
        assert stored == {raw: int(raw != 0) for raw in (0, 1, 255)}
    else:
        assert found.gt_map == stored | ADDED.get(name, {})
    known = {Path(suffix).stem for suffix in facts["pairing"]["gt_suffixes"]}
    assert set(found.pairing.gt_suffixes) <= known


@pytest.mark.skipif(not FACTS.exists(), reason="the table of facts is not here")
def test_colours_beyond_the_palette_agree_with_the_table_of_facts() -> None:
    facts = {entry["name"]: entry for entry in _facts()}
    camvid = preset_palette(preset("camvid-11"), side="gt").colors
    for entry in facts["camvid-11"]["rgb32_map"]:
        assert camvid[tuple(entry["rgb"])] == (11 if entry["id"] == VOID else entry["id"])
    cityscapes = preset_palette(preset("cityscapes"), side="gt").colors
    for label in facts["cityscapes"]["raw_labels"]:
        if label["name"] not in {"polegroup", "license plate"}:  # these have the colours of pole and car
            value = 0 if label["ignoreInEval"] else label["id"]
            assert cityscapes[tuple(label["color"])] == value
    for name, entry in facts.items():
        if "void_color" in entry:
            assert preset(name).void_colors == (tuple(entry["void_color"]),)


def _facts() -> list[dict[str, Any]]:
    presets = json.loads(FACTS.read_text(encoding="utf-8"))["presets"]
    return list(presets.values()) if isinstance(presets, dict) else list(presets)


def test_the_official_cityscapes_names_have_a_key() -> None:
    pairing = preset("cityscapes").pairing
    assert pairing.gt_suffixes[0] == "_gtFine_labelIds"
    assert pairing.key_regex == "^(?P<key>[^_]+_[0-9]{6}_[0-9]{6})"


@pytest.mark.parametrize(
    ("name", "file_name", "key"),
    [
        ("cityscapes", "frankfurt_000000_000294_gtFine_labelIds.png", "frankfurt_000000_000294"),
        ("potsdam", "top_potsdam_2_10_label.tif", "2_10"),
        ("potsdam", "2_10_0_512_512_1024.png", "2_10_0_512_512_1024"),  # patches of one tile are images of their own
        ("vaihingen", "top_mosaic_09cm_area1.tif", "area1"),
        ("vaihingen", "area1_0_0_512_512.png", "area1_0_0_512_512"),
        ("isaid", "P0003_0_896_0_896_instance_color_RGB.png", "P0003_0_896_0_896"),
        ("deepglobe-land", "100694_mask.png", "100694"),
    ],
)
def test_a_key_is_found_in_the_data_sets_names(name: str, file_name: str, key: str) -> None:
    found = re.search(preset(name).pairing.key_regex or "$^", file_name)
    assert found is not None
    assert found["key"] == key


# Colours


@pytest.mark.parametrize(
    ("name", "color", "gt", "pred"),
    [
        ("cityscapes", (128, 64, 128), 7, 7),
        ("cityscapes", (0, 0, 0), 0, 0),
        ("cityscapes-trainids", (128, 64, 128), 0, 0),
        ("loveda", (255, 255, 255), 1, 0),
        ("loveda", (0, 0, 0), 0, None),  # predictions have no value for void
        ("voc2012", (224, 224, 192), 255, 255),
        ("potsdam", (255, 255, 255), 1, 1),
        ("deepglobe-land", (0, 0, 0), 255, 255),
        ("binary", (255, 255, 255), 1, 1),
    ],
)
def test_a_colour_becomes_the_smallest_raw_value_of_its_class(
    name: str, color: Color, gt: int, pred: int | None
) -> None:
    assert preset_palette(preset(name), side="gt").colors[color] == gt
    assert preset_palette(preset(name), side="pred").colors.get(color) == pred


@pytest.mark.parametrize("name", [name for name in EXPECTED if preset(name).has_palette])
def test_what_is_decoded_is_the_class_of_the_colour(name: str) -> None:
    found = preset(name)
    for side, values in (("gt", found.gt_map), ("pred", found.pred_map)):
        palette = preset_palette(found, side=side)
        for entry in found.classes:
            assert entry.color is not None
            assert values[palette.colors[entry.color]] == entry.id
            assert palette.names[entry.color] == entry.name
        assert all(
            values[palette.colors[color]] in found.ignore for color in found.void_colors if color in palette.colors
        )


@pytest.mark.parametrize(
    ("name", "shared"),
    [("ade20k", "road, skyscraper"), ("coco-stuff-171", "person, bicycle"), ("pascal-context-59", "bicycle, snow")],
)
def test_a_palette_that_repeats_a_colour_is_refused_by_name(name: str, shared: str) -> None:
    with pytest.raises(UsageError, match="cannot be decoded") as caught:
        preset_palette(preset(name), side="gt")
    assert any(place.endswith(f" is {shared}") for place in caught.value.where)
    assert "labels" in caught.value.fix


def test_a_preset_without_colours_has_no_palette() -> None:
    plain = parse_preset(MINIMAL, name="mine.toml")
    assert not plain.has_palette
    with pytest.raises(UsageError, match="no colours"):
        preset_palette(plain, side="gt")


def test_unknown_colours_are_explained_by_bgr_order() -> None:
    palette = preset_palette(preset("cityscapes"), side="pred")
    swapped = {entry.color[::-1]: 10 for entry in preset("cityscapes").classes if entry.color}
    unknown = {color: pixels for color, pixels in swapped.items() if color not in palette.colors}
    told = explain_colors(unknown, palette=palette)
    assert told is not None
    assert "BGR" in told
    assert "preset cityscapes" in told


@pytest.mark.parametrize("name", EXPECTED)
def test_unknown_colours_are_explained_by_the_preset_that_has_them(name: str) -> None:
    counts = {entry.color: 1000 for entry in preset(name).classes if entry.color}
    told = explain_colors({**counts, (1, 2, 3): 5})
    if (
        preset(name).binary
        or not preset(name).classes
        or name in ("deepglobe-land", "diva-hisdb", "potsdam", "vaihingen")
    ):
        assert told is None  # black, white and pure colours are in many palettes
    else:
        assert told is not None
        assert name in told
        assert ("store the masks as labels" in told) == (not preset(name).has_palette)


def test_what_nothing_explains_is_not_explained() -> None:
    palette = preset_palette(preset("voc2012"), side="gt")
    for colors in ({}, {(1, 2, 3): 9}, {(0, 0, 0): 9, (255, 255, 255): 9}, {(128, 64, 128): 9}):
        assert explain_colors(colors, palette=palette) is None
    half = {(128, 64, 128): 50, (244, 35, 232): 40, (1, 2, 3): 10}
    assert explain_colors(half, palette=palette) is None


@pytest.mark.parametrize("name", ["loveda", "camvid-11"])
def test_a_preset_is_named_from_three_of_its_colours_on(name: str) -> None:
    impure = [entry.color for entry in preset(name).classes if entry.color and not set(entry.color) <= {0, 255}]
    pure = [entry.color for entry in preset(name).classes if entry.color and set(entry.color) <= {0, 255}]
    three = [*impure[:1], *(*pure, *impure[1:])[:2]]
    assert explain_colors(dict.fromkeys(three[:2], 100)) is None
    told = explain_colors(dict.fromkeys(three, 100))
    assert told is not None
    assert name in told


# A user's own preset

MINIMAL = 'name = "mine"\nclasses = [{ id = 0, name = "a" }, { id = 3, name = "b" }]\n'
FULL = r"""
name = "mine"
title = "My data"
convention = "mmseg"
ignore = [255, 9]
void_colors = [[0, 0, 0], "#010101"]
notes = '''
Two
lines.'''
unverified = ["images"]
classes = [
  { id = 0, name = "a", color = [9, 0, 0] },
  { id = 3, name = "b", color = "#000900", more_colors = [[0, 8, 0], [0, 7, 0]] },
]
[pairing]
gt_suffixes = ["_gt"]
pred_suffixes = ["_out"]
key_regex = '(?P<key>\d+)'
gt_glob = "labels/*.png"
[groups]
all = [0, 3]
[encodings]
gt = "gray"
[images]
val = 7
[gt_map]
-1 = 255
4 = 0
5 = 0
6 = 3
7 = 9
[map]
1 = 0
2 = 3
[[sources]]
repo = "me/mine"
path = "README.md"
"""


def test_the_least_preset_is_a_name_and_classes() -> None:
    found = parse_preset(MINIMAL, name="mine.toml")
    identity = {0: 0, 3: 3, 255: 255}
    assert found == Preset(
        name="mine",
        title="mine",
        classes=(SegmentationClass(0, "a"), SegmentationClass(3, "b")),
        ignore=(255,),
        gt_map=identity,
        pred_map=identity,
        convention="segeval",
    )


def test_255_is_no_void_by_default_where_it_is_a_class() -> None:
    text = 'name = "mine"\nclasses = [{ id = 255, name = "a" }]'
    assert parse_preset(text, name="mine.toml").ignore == ()


def test_everything_that_a_preset_can_say_is_read() -> None:
    found = parse_preset(FULL, name="mine.toml")
    assert (found.title, found.convention, found.ignore) == ("My data", "mmseg", (255, 9))
    assert found.gt_map == {-1: 255, 4: 0, 5: 0, 6: 3, 7: 9}
    assert found.pred_map == {1: 0, 2: 3}
    assert found.more_colors == {(0, 8, 0): 3, (0, 7, 0): 3}
    assert found.void_colors == ((0, 0, 0), (1, 1, 1))
    assert found.pairing == PresetPairing(("_gt",), ("_out",), r"(?P<key>\d+)", "labels/*.png")
    assert found.groups == (Group("all", (0, 3)),)
    assert (found.encodings, found.images) == ({"gt": "gray"}, {"val": 7})
    assert (found.sources[0].repo, found.sources[0].commit) == ("me/mine", None)
    assert (found.notes, found.unverified) == ("Two\nlines.", ("images",))
    gt = {(9, 0, 0): 4, (0, 9, 0): 6, (0, 8, 0): 6, (0, 7, 0): 6, (0, 0, 0): 7, (1, 1, 1): 7}
    assert preset_palette(found, side="gt").colors == gt
    assert preset_palette(found, side="pred").colors == {(9, 0, 0): 1, (0, 9, 0): 2, (0, 8, 0): 2, (0, 7, 0): 2}


@pytest.mark.parametrize(
    ("old", "new", "what", "place", "fix"),
    [
        ('name = "mine"\n', "", "lacks a key", "mine.toml: name", "at least a name and classes"),
        ('name = "mine"', 'name = "a b"', "not one word", "name: 'a b'", "letters"),
        ('name = "mine"', "name = 3", "another type", "name: 3", "Give a text"),
        ('name = "mine"', 'name = "mine', "not valid TOML", "mine.toml: ", "Fix"),
        ('title = "My data"', 'titel = "My data"', "unknown key", "'titel'", "Did you mean 'title'?"),
        ('title = "My data"', r'title = "\u001b[2J"', "control characters", "title: ", "printable"),
        ('"mmseg"', '"mmsge"', "convention that does not exist", "convention: 'mmsge'", "Did you mean 'mmseg'?"),
        ("[255, 9]", "[255, 9, 3]", "ignored value of a preset is a class", "ignore: 3", "Leave it out"),
        ("[255, 9]", "255", "another type", "ignore: 255", "Give a list"),
        ("[255, 9]", "[true]", "another type", "ignore, entry 1: True", "Give a whole number"),
        ("[255, 9]", "[9]", "leads to no class", "gt_map: -1 = 255", "class id"),
        ("[[0, 0, 0], ", "[[0, 0], ", "three whole numbers", "void_colors, entry 1: [0, 0]", "#804080"),
        ("[[0, 0, 0], ", "[[1, 1, 1], ", "two meanings", "entry 2 and void_colors, entry 1: 1,1,1", "once"),
        ("[[0, 0, 0], ", "[[9, 0, 0], ", "two meanings", "void_colors: 9,0,0", "one class"),
        ("[[0, 8, 0], ", "[[9, 0, 0], ", "two meanings", "9,0,0: a", "one class"),
        ("[[0, 8, 0], ", "[[0, 7, 0], ", "two meanings", "more_colors: 0,7,0", "once"),
        ("id = 3", "id = 0", "a class id occurs twice", "id 0 is 'a' and 'b'", "its own id"),
        ('name = "b"', 'name = "a"', "a class name occurs twice", "'a' is class 0 and class 3", "its own name"),
        ("id = 3", "id = -3", "out of range", "'b' has id -3", "start at 0"),
        ('id = 3, name = "b"', 'id = 3, nmae = "b"', "unknown key", "classes, entry 2: 'nmae'", "'name'?"),
        ('id = 3, name = "b"', 'name = "b"', "no class", "classes, entry 2: ", "id"),
        ("[9, 0, 0]", "[9, 0, 256]", "three whole numbers", "classes, entry 1: [9, 0, 256]", "#804080"),
        ("gt_suffixes", "gt_sufixes", "unknown key", "pairing: 'gt_sufixes'", "Did you mean 'gt_suffixes'?"),
        (r"'(?P<key>\d+)'", r"'(?P<key>\d+'", "finds no key", "pairing.key_regex: ", "group called key"),
        (r"'(?P<key>\d+)'", r"'(\d+)'", "finds no key", "pairing.key_regex: ", "group called key"),
        ("all = [0, 3]", "all = [0, 4]", "group names a class", "groups.all: 4", "by id"),
        ("all = [0, 3]", "all = [0]\nsome = [0]", "in two groups", "class 0 in all and some", "one"),
        ("all = [0, 3]", "all = []", "a group is empty", "groups.all", "by id"),
        ("val = 7", "val = 7.5", "another type", "images.val: 7.5", "Give a whole number"),
        ("6 = 3", "6 = 8", "leads to no class", "gt_map: 6 = 8", "class id"),
        ("6 = 3", "06 = 3", "no value", "gt_map: '06'", "RAW = CLASS"),
        ("6 = 3", "road = 3", "no value", "gt_map: 'road'", "RAW = CLASS"),
        ("[map]", "[pred_map]\n1 = 0\n[map]", "nothing uses", "map", "Leave out"),
        ("6 = 3\n7 = 9\n[map]\n1 = 0\n2 = 3", "[map]\n1 = 0", "no raw value", "class 3, b", "map"),
        ('path = "README.md"', "", "another type", "sources, entry 1, path: None", "Give a text"),
        ('path = "README.md"', 'path = "R"\nurl = "x"', "unknown key", "sources, entry 1: 'url'", "repo"),
        ('title = "My data"', "binary = true", "binary preset", "binary", "neither maps"),
        ('title = "My data"', "binary = 1", "another type", "binary: 1", "true or false"),
    ],
)
def test_a_preset_that_is_wrong_is_refused_with_place_and_remedy(
    old: str, new: str, what: str, place: str, fix: str
) -> None:
    assert old in FULL
    with pytest.raises(UsageError) as caught:
        parse_preset(FULL.replace(old, new, 1), name="mine.toml")
    assert what in caught.value.what
    assert place in caught.value.where[0]
    assert caught.value.where[0].startswith("mine.toml")
    assert fix in caught.value.fix


def test_an_unknown_preset_names_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match="no preset 'cityscape'") as caught:
        preset("cityscape")
    assert caught.value.fix.startswith("Did you mean 'cityscapes'? Choose one of ade20k, ")
    for hostile in ("conventions", "../labeling", "", "\x00"):
        with pytest.raises(UsageError, match="there is no preset"):
            preset(hostile)


@st.composite
def presets(draw: st.DrawFn) -> Preset:
    """Draw a preset with maps, colours and groups."""
    ids = draw(st.lists(st.integers(0, 200), min_size=1, max_size=5, unique=True))
    ignore = tuple(draw(st.lists(st.integers(-3, -1) | st.integers(201, 300), max_size=2, unique=True)))
    colors = draw(
        st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=len(ids) + 2, max_size=len(ids) + 2, unique=True)
    )
    raws = draw(st.lists(st.integers(-5, 70_000), min_size=len(ids), max_size=12, unique=True))
    rest = draw(
        st.lists(st.sampled_from([*ids, *ignore]), min_size=len(raws) - len(ids), max_size=len(raws) - len(ids))
    )
    values = dict(sorted(zip(raws, [*ids, *rest], strict=True)))
    return Preset(
        name="mine",
        title=draw(st.sampled_from(["Mine", 'Quotes " and \\', "Straße"])),
        classes=tuple(SegmentationClass(number, f"class {number}", colors.pop()) for number in ids),
        ignore=ignore,
        gt_map=values,
        pred_map={number: number for number in sorted(ids)} if draw(st.booleans()) else values,
        convention=draw(st.sampled_from(sorted(conventions()))),
        void_colors=(colors.pop(),),
        more_colors={colors.pop(): ids[0]},
        groups=(Group("first", (ids[0],)),),
    )


def written(found: Preset) -> str:
    """Write a preset as its TOML."""
    classes = [
        f'  {{ id = {entry.id}, name = "{entry.name}", color = {list(entry.color or ())}, '
        f"more_colors = {[list(color) for color, number in found.more_colors.items() if number == entry.id]} }},"
        for entry in found.classes
    ]
    return "\n".join(
        [
            f'name = "{found.name}"',
            f"title = {json.dumps(found.title, ensure_ascii=False)}",
            f'convention = "{found.convention}"',
            f"ignore = {list(found.ignore)}",
            f"void_colors = {[list(color) for color in found.void_colors]}",
            "classes = [",
            *classes,
            "]",
            "[groups]",
            *[f"{group.name} = {list(group.ids)}" for group in found.groups],
            "[gt_map]",
            *[f"{raw} = {mapped}" for raw, mapped in found.gt_map.items()],
            "[pred_map]",
            *[f"{raw} = {mapped}" for raw, mapped in found.pred_map.items()],
        ]
    )


@given(presets())
def test_a_preset_written_is_the_preset_read(found: Preset) -> None:
    again = parse_preset(written(found), name="mine.toml")
    assert again == found
    assert preset_digest(again) == preset_digest(found)


def test_the_digest_follows_what_changes_a_number_and_nothing_else() -> None:
    found = parse_preset(FULL, name="mine.toml")
    same = [
        replace(found, title="x", notes="", sources=(), convention="hf", pairing=PresetPairing(), images={}),
        replace(found, classes=found.classes[::-1], ignore=found.ignore[::-1]),
    ]
    assert {preset_digest(other) for other in same} == {preset_digest(found)}
    others = [
        replace(found, classes=found.classes[:1]),
        replace(found, ignore=(255,)),
        replace(found, gt_map={**found.gt_map, 8: 0}),
        replace(found, pred_map={**found.pred_map, 8: 0}),
        replace(found, binary=True),
        replace(found, more_colors={}),
        replace(found, void_colors=()),
        replace(found, groups=()),
    ]
    assert len({preset_digest(other) for other in (found, *others)}) == len(others) + 1


def test_only_the_preset_that_is_asked_for_is_read() -> None:
    code = (
        "import tomllib\n"
        "from segeval.protocol.conventions import conventions\n"
        "from segeval.protocol.presets import preset, preset_names\n"
        "conventions()\n"
        "read, loads = [], tomllib.loads\n"
        "tomllib.loads = lambda text: read.append(text) or loads(text)\n"
        "preset_names()\n"
        "assert read == []\n"
        "preset('voc2012'), preset('voc2012')\n"
        "assert len(read) == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# What data sets store in another way


def saved(folder: Path, name: str, mask: Array, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    Image.fromarray(mask).save(folder / name, **options)
    return folder


def test_kvasir_reads_its_jpeg_masks(tmp_path: Path) -> None:
    truth = np.zeros((32, 40), np.uint8)
    truth[8:24, 10:30] = 255
    gt = saved(tmp_path / "masks", "a.jpg", np.repeat(truth[..., None], 3, axis=2), quality=80)
    pred = saved(tmp_path / "pred", "a.png", truth)
    levels = np.asarray(Image.open(gt / "a.jpg").convert("L"))
    assert len(np.unique(levels)) > 2
    found = score(pred, gt, preset="kvasir")
    above, guess = levels > 127, truth > 0
    assert found.classes[1].iou == (above & guess).sum() / (above | guess).sum()
    assert score(pred, gt, preset="kvasir", gt_threshold=250).classes[1].tp <= found.classes[1].tp
    assert verify(str(found.signature), f"iou.polyp={found.classes[1].iou!r}", pred, gt).holds(strict=True)


def diva_counts(truth: Array, guess: Array, marked: Array, classes: int) -> list[tuple[int, int, int]]:
    """Count hits, false alarms and misses pixel by pixel, as the competition's `evaluateImages` goes through a page."""
    counts = [[0, 0, 0] for _ in range(classes)]
    for gt, pred, boundary in zip(truth.flat, guess.flat, marked.flat, strict=True):
        true, predicted = ([bool(side >> one & 1) for one in range(classes)] for side in (int(gt), int(pred)))
        if boundary:
            true[0] = True
            if any(one and other for one, other in zip(true, predicted, strict=True)):
                predicted = [one or other for one, other in zip(true, predicted, strict=True)]
        for place, (one, other) in enumerate(zip(true, predicted, strict=True)):
            counts[place][0] += one and other
            counts[place][1] += other and not one
            counts[place][2] += one and not other
    return [(tp, fp, fn) for tp, fp, fn in counts]


def test_diva_hisdb_scores_as_the_competitions_evaluator_counts(tmp_path: Path) -> None:
    noise = np.random.default_rng(7)
    sides = {side: noise.integers(1, 16, (20, 24)).astype(np.uint8) for side in ("gt", "pred")}
    marked = noise.random((20, 24)) < 0.4
    for side, blue in sides.items():
        image = np.zeros((20, 24, 3), np.uint8)
        image[..., 2] = blue
        image[..., 0] = 128 * (marked if side == "gt" else ~marked)  # what a prediction marks says nothing
        saved(tmp_path / side, "page.png", image)
    found = score(tmp_path / "pred", tmp_path / "gt", preset="diva-hisdb")
    counted = [(entry.tp, entry.fp, entry.fn) for entry in found.classes]
    assert counted == diva_counts(sides["gt"], sides["pred"], marked, 4)
    assert counted != diva_counts(sides["gt"], sides["pred"], np.zeros_like(marked), 4)
    for entry in found.classes:
        assert entry.iou == entry.tp / (entry.tp + entry.fp + entry.fn)
    folders = [str(tmp_path / side) for side in ("pred", "gt")]
    line = str(found.signature)
    assert "|multilabel:yes|bits:background=0,comment=1,decoration=2,main text=3|forgiving:R=7|" in line
    assert verify(line, f"miou={found.scores['miou']!r}", tmp_path / "pred", tmp_path / "gt").holds(strict=True)
    done = run_segeval("score", *folders, "--preset", "diva-hisdb", "--overlays", str(tmp_path / "o"), "--only", "miou")
    assert done.code == 0, done.stderr  # pictures are of what was counted
    with pytest.raises(UsageError, match="forgiven in masks"):
        score(tmp_path / "pred", tmp_path / "gt", preset="diva-hisdb", probs=True)


def test_isic_pairs_by_the_number_of_the_image(tmp_path: Path) -> None:
    lesion = np.zeros((10, 10), np.uint8)
    lesion[2:7] = 255
    half = lesion.copy()
    half[4:7] = 0
    gt = saved(tmp_path / "gt", "ISIC_0000001_segmentation.png", lesion)
    saved(gt, "ISIC_0000002_segmentation.png", lesion)
    pred = saved(tmp_path / "pred", "ISIC_0000001_segmentation_prediction.png", lesion)
    saved(pred, "ISIC_0000002.png", half)
    found = score(pred, gt, preset="isic2018")
    assert found.scores["threshold_jaccard"] == 0.5
    assert found.scores["miou"] == pytest.approx((1 + 0.4) / 2)


@pytest.mark.parametrize(
    "more",
    [
        'gt_threshold = "127"\nbinary = true',
        "gt_threshold = 127",
        '[storage]\ngt_chanel = "B"',
        '[storage]\ngt_channel = "X"',
        "[storage]\nmultilabel = 1",
        '[storage]\npalette_tolerance = "3"',
    ],
)
def test_a_preset_that_stores_labels_in_no_way_that_there_is(more: str) -> None:
    classes = "classes = [{ id = 0, name = 'a' }, { id = 1, name = 'b' }]"
    with pytest.raises(UsageError):
        parse_preset(f"name = 'mine'\n{classes}\n{more}\n", name="mine.toml")
