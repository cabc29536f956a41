"""Palettes: every form that is read, what is refused, and what explains a colour that is unknown."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UsageError
from segeval.protocol.labeling import Color, SegmentationClass
from segeval.protocol.palettes import Palette, class_palette, nearest, parse_palette, share_explained, swapped

CLASSES = (
    SegmentationClass(0, "road", (128, 64, 128)),
    SegmentationClass(7, "traffic light", (250, 170, 30)),
    SegmentationClass(8, "sky"),
)
EXPECTED = {(128, 64, 128): 0, (250, 170, 30): 7}


@pytest.mark.parametrize(
    ("name", "text", "what", "place", "fix"),
    [
        ("p.txt", "", "the palette is empty", "p.txt", "128 64 128 road"),
        ("p.txt", "# nothing\n\n", "the palette is empty", "p.txt", "128 64 128 road"),
        ("p.json", "[]", "the palette is empty", "p.json", "128 64 128 road"),
        ("p.txt", "0 0 0 0\n0 0 256 1\n", "three whole numbers", "p.txt, line 2: '0 0 256'", "128 64 128 road"),
        ("p.txt", "0 0 -1 road\n", "three whole numbers", "p.txt, line 1: '0 0 -1'", "128 64 128 road"),
        ("p.txt", "0 0 0 sky\n\n0 0 1\n", "not a colour with its class", "p.txt, line 3: '0 0 1'", "128 64 128 road"),
        ("p.txt", "#80408 road\n", "not a colour with its class", "p.txt, line 1: '#80408 road'", "# followed by"),
        ("p.txt", "#a comment\n", "not a colour with its class", "p.txt, line 1: '#a comment'", "# followed by"),
        ("p.txt", "road\n", "not a colour with its class", "p.txt, line 1: 'road'", "128 64 128 road"),
        ("p.txt", "0 0 0 raod\n", "does not exist", "p.txt, line 1: raod", "Did you mean 'road'?"),
        ("p.txt", "0 0 0 viod\n", "does not exist", "p.txt, line 1: viod", "Did you mean 'void'?"),
        ("p.txt", "0 0 0 xyz\n", "does not exist", "p.txt, line 1: xyz", "Name the classes with --classes"),
        ("p.txt", "0 0 0 a\x1b[2Jb\n", "control characters", r"p.txt, line 1: 'a\x1b[2Jb'", "printable"),
        ("p.txt", f"0 0 0 {2**31}\n", "out of range", f"p.txt, line 1: 0,0,0 is {2**31}", "at most"),
        ("p.txt", "0 10 20 30\n1 10 21 30\n", "values first", "p.txt, line 1: 0 10 20 30", "id,r,g,b"),
        ("p.json", '{"0,0,0": [0, 0]}', "not a colour with its class", "key '0,0,0': [0, 0]", "128 64 128 road"),
        ("p.json", '{"0,0,0": true}', "not a colour with its class", "p.json, key '0,0,0': True", "128 64 128 road"),
        ("p.json", '{"road": [0, 0, 256]}', "three whole numbers", "key 'road': [0, 0, 256]", "128 64 128 road"),
        ("p.json", '{"road": 7}', "three whole numbers", "p.json, key 'road': 'road'", "128 64 128 road"),
        ("p.json", '{"0,0,0": 0, "0,0,0": 1}', "not valid JSON", "the key '0,0,0' occurs twice", "Fix"),
        ("p.json", '[[0, 0, 0], [0, 0]]', "three whole numbers", "p.json, entry 2: [0, 0]", "128 64 128 road"),
        ("p.json", '[{"id": 0, "name": "road"}]', "not a colour with its class", "p.json, entry 1", "128 64 128 road"),
        ("p.json", '[{"color": [0, 0, 0], "name": 1}]', "not a colour", "p.json, entry 1", "128 64 128 road"),
        ("p.json", "7", "not a colour with its class", "p.json: 7", "128 64 128 road"),
        ("p.toml", "x = ", "not valid TOML", "p.toml: ", "Fix"),
    ],
)  # fmt: skip
def test_a_doubtful_palette_is_refused_with_place_and_remedy(
    name: str, text: str, what: str, place: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_palette(text, name=name, classes=CLASSES)
    assert what in caught.value.what
    assert place in caught.value.where[0]
    assert fix in caught.value.fix


def test_a_colour_has_one_meaning() -> None:
    with pytest.raises(UsageError, match="two meanings") as caught:
        parse_palette("0 0 0 sky\n1 1 1 road\n#000000 road\n", name="p.txt", classes=CLASSES)
    assert caught.value.where == ("p.txt, line 1: 0,0,0 is sky", "p.txt, line 3: 0,0,0 is road")
    assert parse_palette("0 0 0 sky\n#000000 8\n", name="p.txt", classes=CLASSES).colors == {(0, 0, 0): 8}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.txt", "128 64 128 road\n250 170 30 traffic light\n"),
        ("p.txt", "\ufeff128,64,128: road\r\n250,170,30: 7\r\n"),
        ("p.txt", "# colours\n#804080 0  # the road\n#FAAA1E traffic light\n"),
        ("p.txt", "(128, 64, 128) = road\n[250 170 30]7\n"),
        ("p.csv", "r,g,b,name\n128,64,128,road\n250,170,30,traffic light\n"),
        ("p.csv", "name,r,g,b\nroad,128,64,128\ntraffic light,250,170,30\n"),
        ("p.csv", "id,red,green,blue\n0,128,64,128\n7,250,170,30\n"),
        ("p.txt", "road 128 64 128\ntraffic light\t250 170 30\n"),
        ("p.txt", "road #804080\ntraffic light: #faaa1e\n"),
        ("p.txt", "128 64 128 0\n250 170 30 7\n"),
        ("p.json", '{"128,64,128": 0, "250, 170, 30": 7}'),
        ("p.json", '{"128 64 128": "road", "#faaa1e": "traffic light"}'),
        ("p.json", '{"(128, 64, 128)": "0", "(250, 170, 30)": "7"}'),
        ("p.json", '{"road": [128, 64, 128], "traffic light": "#faaa1e"}'),
        ("p.json", '{"0": [128, 64, 128], "7": "250,170,30"}'),
        ("p.json", '{"palette": {"road": [128, 64, 128], "7": [250, 170, 30]}}'),
        ("p.json", '[{"id": 0, "name": "road", "color": [128, 64, 128]}, {"id": 7, "color": "#faaa1e"}]'),
        ("p.json", '[{"name": "road", "color": [128, 64, 128]}, {"name": "traffic light", "color": [250, 170, 30]}]'),
        ("p.toml", '"128,64,128" = "road"\n"#faaa1e" = 7\n'),
        ("p.toml", 'road = [128, 64, 128]\n"traffic light" = [250, 170, 30]\n'),
        ("p.toml", '[colors]\nroad = [128, 64, 128]\n7 = "#faaa1e"\n'),
        ("palette", "[[classes]]\nid = 0\ncolor = [128, 64, 128]\n[[classes]]\nid = 7\ncolor = [250, 170, 30]\n"),
        ("palette", '{"128,64,128": 0, "250,170,30": 7}'),
        ("palette", "128 64 128 road\n250 170 30 traffic light\n"),
    ],
)
def test_every_form_says_the_same(name: str, text: str) -> None:
    palette = parse_palette(text, name=name, classes=CLASSES)
    assert palette.colors == EXPECTED
    assert palette.names == {(128, 64, 128): "road", (250, 170, 30): "traffic light"}
    assert palette.name == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", "[[9, 0, 0], [0, 9, 0]]"),
        ("p.txt", "9 0 0\n0 9 0\n"),
        ("p.json", '{"palette": [[9, 0, 0], "#000900"]}'),
    ],
)
def test_colours_alone_are_numbered_by_position(name: str, text: str) -> None:
    assert parse_palette(text, name=name).colors == {(9, 0, 0): 0, (0, 9, 0): 1}


def test_objects_without_id_and_without_known_classes_are_numbered_by_position() -> None:
    palette = parse_palette('[{"name": "a", "color": [0, 0, 0]}, {"name": "b", "color": [1, 1, 1]}]', name="p.json")
    assert (palette.colors, palette.names) == ({(0, 0, 0): 0, (1, 1, 1): 1}, {(0, 0, 0): "a", (1, 1, 1): "b"})


def test_values_may_be_negative() -> None:
    assert parse_palette("0,0,0: -1\n9,9,9: 0\n", name="p.txt").colors == {(0, 0, 0): -1, (9, 9, 9): 0}


def test_void_is_a_target_unless_a_class_has_the_name() -> None:
    assert parse_palette("0 0 0 void\n1 1 1 Ignore\n", name="p.txt").colors == {(0, 0, 0): 255, (1, 1, 1): 255}
    assert parse_palette("0 0 0 void\n", name="p.txt", void=11).colors == {(0, 0, 0): 11}
    void = (SegmentationClass(3, "void"),)
    assert parse_palette("0 0 0 void\n", name="p.txt", classes=void).colors == {(0, 0, 0): 3}


def test_names_become_the_smallest_raw_value_that_is_mapped_to_them() -> None:
    mapping = {4: 255, 5: 255, 9: 0, 6: 0, 1: 7}
    text = "0 0 0 void\n1 1 1 road\n2 2 2 traffic light\n3 3 3 sky\n4 4 4 9\n"
    palette = parse_palette(text, name="p.txt", classes=CLASSES, mapping=mapping)
    # No raw value is mapped to the sky, so its own stands for it; a number is a raw value already.
    assert palette.colors == {(0, 0, 0): 4, (1, 1, 1): 6, (2, 2, 2): 1, (3, 3, 3): 8, (4, 4, 4): 9}
    assert palette.names[4, 4, 4] == "road"
    assert class_palette(CLASSES, name="c", mapping=mapping).colors == {(128, 64, 128): 6, (250, 170, 30): 1}


def test_classes_with_a_colour_are_a_palette() -> None:
    assert class_palette(CLASSES, name="c.json").colors == EXPECTED


def test_classes_that_share_a_colour_are_all_told() -> None:
    grey = (9, 9, 9)
    twins = [SegmentationClass(index, name, grey) for index, name in enumerate(("ice", "fog", "mist"))]
    with pytest.raises(UsageError, match="cannot be decoded") as caught:
        class_palette([*twins, *CLASSES[1:]], name="c.json")
    assert caught.value.where == ("c.json: 9,9,9 is ice, fog, mist",)
    assert "--palette" in caught.value.fix


colors = st.tuples(*[st.integers(0, 255)] * 3)
palettes = st.dictionaries(colors, st.integers(-5, 300), min_size=1, max_size=12).map(Palette)


@given(palettes)
def test_a_palette_written_is_the_palette_read(palette: Palette) -> None:
    as_text = "# r g b value\n" + "".join(f"{r} {g} {b}: {value}\n" for (r, g, b), value in palette.colors.items())
    as_json = json.dumps({",".join(map(str, color)): value for color, value in palette.colors.items()})
    as_toml = "".join(f'"#{r:02x}{g:02X}{b:02x}" = {value}\n' for (r, g, b), value in palette.colors.items())
    assert tomllib.loads(as_toml)
    for name, text in (("p.txt", as_text), ("p.json", as_json), ("p.toml", as_toml), ("p", as_text), ("p", as_toml)):
        assert parse_palette(text, name=name).colors == palette.colors


@given(colors, palettes)
def test_the_nearest_colour_is_that_of_a_search(color: Color, palette: Palette) -> None:
    listed = sorted(palette.colors)
    distances = np.linalg.norm(np.array(listed) - np.array(color), axis=1)
    found = listed[int(distances.argmin())]
    assert nearest(color, palette) == (found, palette.colors[found])


@given(palettes)
def test_swapping_twice_changes_nothing(palette: Palette) -> None:
    assert swapped(swapped(palette)).colors == palette.colors
    assert all(swapped(palette).colors[b, g, r] == value for (r, g, b), value in palette.colors.items())


def test_the_share_explained_is_of_pixels() -> None:
    palette = Palette({(1, 2, 3): 0})
    assert share_explained({(1, 2, 3): 3, (3, 2, 1): 1}, palette) == 0.75
    assert share_explained({}, palette) == 0.0


LABEL_MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:48,112,32:head,tail:\ndog:176,112,32::\n"


def test_cvats_label_map_numbers_its_colors_by_position() -> None:
    found = parse_palette(LABEL_MAP, name="labelmap.txt")
    assert found.colors == {(0, 0, 0): 0, (48, 112, 32): 1, (176, 112, 32): 2}
    assert found.names[(48, 112, 32)] == "cat"


def test_cvats_label_map_names_classes_that_are_given() -> None:
    classes = [SegmentationClass(0, "background"), SegmentationClass(5, "dog"), SegmentationClass(3, "cat")]
    found = parse_palette(LABEL_MAP, name="labelmap.txt", classes=classes)
    assert found.colors == {(0, 0, 0): 0, (48, 112, 32): 3, (176, 112, 32): 5}
