"""Class lists: what is read, what is refused, and that the digest tells lists apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UsageError
from segeval.protocol.classlists import class_digest, numbered_classes, parse_classes, parse_color
from segeval.protocol.labeling import SegmentationClass

CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val" / "classes.txt"
ROAD_AND_TREE = (SegmentationClass(0, "road", (128, 64, 128)), SegmentationClass(7, "tree", (0, 128, 0)))
ROAD = '{"id": 0, "name": "road", "color": [128, 64, 128]}'
TREE = '{"id": 7, "name": "tree", "color": "#008000"}'
TABLES = """
[[classes]]
id = 0
name = "road"
color = [128, 64, 128]
[[classes]]
id = 7
name = "tree"
color = "0,128,0"
"""
PLAIN = (SegmentationClass(0, "road"), SegmentationClass(7, "tree"))


@pytest.mark.parametrize(
    ("name", "text", "what", "place", "fix"),
    [
        ("c.txt", "", "the class list is empty", "c.txt", "one class name a line"),
        ("c.txt", " \n\n", "the class list is empty", "c.txt", "one class name a line"),
        ("c.json", "[]", "the class list is empty", "c.json", "one class name a line"),
        ("c.txt", "road\n\ntree\n", "blank line", "c.txt, line 2", "Remove the line"),
        ("c.txt", "# my classes\nroad\n", "is a comment", "c.txt, line 1", "Remove the line"),
        ("c.txt", "road\ncar\n# more\ntree\n", "is a comment", "c.txt, line 3", "Remove the line"),
        ("c.csv", "id,name\n0,road\ncar\n", "not fit its heading", "c.csv, line 3: 'car', below 'id,name'", "heading"),
        ("c.csv", "name,r,g,b\nroad,0,0,256\n", "not three whole numbers", "c.csv, line 2", "0 to 255"),
        ("c.txt", "0 a\n1 b\n2 c\n3 d\ne\n", "another form", "c.txt, line 5: 'e'", "as line 1 is written"),
        ("c.txt", "e\n0 a\n1 b\n2 c\n3 d\n", "another form", "c.txt, line 1: 'e'", "as line 2 is written"),
        ("c.txt", "a,0,0,0\nb,1,1,1\nc,2,2,2\nd\ne,4,4,4\n", "another form", "c.txt, line 4: 'd'", "as line 1"),
        ("c.yaml", "names:\n  0: road\n  road work\n", "not fit its heading", "c.yaml, line 3", "'<id>: <name>'"),
        ("c.txt", "road\nroad\n", "a class name occurs twice", "c.txt: 'road' is class 0 and class 1", "--map"),
        ("c.txt", "3 road\n3 tree\n", "a class id occurs twice", "c.txt: id 3 is 'road' and 'tree'", "its own id"),
        ("c.txt", "-1 road\n", "out of range", "c.txt: 'road' has id -1", "start at 0"),
        ("c.txt", f"{10**30} road\n", "out of range", "c.txt: 'road' has id", "start at 0"),
        ("c.txt", "1\n2\n", "named by a number", "c.txt: class 0 is called '1'", "number of classes"),
        ("c.txt", "ro\x1b[31mad\n", "control characters", r"c.txt: class 0: 'ro\x1b[31mad'", "printable"),
        ("c.txt", "ro\rad\n", "control characters", r"'ro\rad'", "printable"),
        ("c.txt", "a\u202eb\n", "control characters", r"'a\u202eb'", "printable"),
        ("c.json", '["road", " "]', "a name is empty", "c.json: class 1", "name"),
        ("c.json", '["road"', "not valid JSON", "c.json, line 1, column 8", "Fix"),
        ("c.json", "[" * 100_000, "more in it", "c.json: 100,000 lists", "Check the path"),
        ("c.json", "[" * 1000, "more in it", "c.json: lists and tables nested deeper than 32", "Check the path"),
        ("c.json", '{"0": "road", "0": "tree"}', "not valid JSON", "the key '0' occurs twice", "Fix"),
        ("c.toml", "classes = [", "not valid TOML", "c.toml: ", "Fix"),
        ("c.json", "7", "an entry is no class", "c.json, the whole of it: 7", "one class name a line"),
        ("c.json", '[{"id": 0, "name": 7}]', "an entry is no class", "c.json, entry 1: ", "one class name a line"),
        ("c.json", '[{"id": true, "name": "a"}]', "an entry is no class", "c.json, entry 1: ", "one class name a line"),
        ("c.json", '[{"id": 0, "name": "a"}, {"name": "b"}]', "no class", "c.json, entry 2: ", "a line"),
        ("c.json", '["road", 7]', "an entry is no class", "c.json, entry 1: 'road'", "one class name a line"),
        ("c.json", '{"road": "tree"}', "an entry is no class", "c.json, key 'road': 'tree'", "one class name a line"),
        ("c.json", '[{"id": 0, "nam": "a"}]', "unknown key", "c.json, entry 1: 'nam'", "Did you mean 'name'?"),
        ("c.json", '[{"name": "a", "color": [0, 0, 256]}]', "not three whole", "entry 1: [0, 0, 256]", "#804080"),
        ("c.json", '[{"name": "a", "color": null}]', "not three whole", "entry 1: None", "#804080"),
    ],
)
def test_a_doubtful_list_is_refused_with_place_and_remedy(
    name: str, text: str, what: str, place: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_classes(text, name=name)
    assert what in caught.value.what
    assert place in caught.value.where[0]
    assert fix in caught.value.fix


def test_a_name_a_line_is_numbered_by_line() -> None:
    expected = (SegmentationClass(0, "traffic light"), SegmentationClass(1, "Straße"))
    for text in ("traffic light\nStraße", "traffic light\r\nStraße\r\n\r\n", "\ufefftraffic light \n Straße\n\n"):
        assert parse_classes(text, name="c.txt") == expected


@pytest.mark.parametrize("separator", ["\t", ",", ", ", ":", ": ", " ", " : ", ";", "; "])
def test_a_number_before_every_name_is_the_id(separator: str) -> None:
    assert parse_classes(f"0{separator}road\n7{separator}tree\n", name="c.txt") == PLAIN


def test_a_number_before_some_names_belongs_to_the_name() -> None:
    found = parse_classes("road\n2 wheeler\n", name="c.txt")
    assert found == (SegmentationClass(0, "road"), SegmentationClass(1, "2 wheeler"))


COLORED = (SegmentationClass(0, "road", (128, 64, 128)), SegmentationClass(1, "traffic light", (0, 128, 0)))


@pytest.mark.parametrize(
    "text",
    [
        "name,r,g,b\nroad,128,64,128\ntraffic light,0,128,0\n",  # class_dict.csv
        "name, r, g, b\nroad, 128, 64, 128\ntraffic light, 0, 128, 0\n",
        "id;name;red;green;blue\n0;road;128;64;128\n1;traffic light;0;128;0\n",
        "b,g,r,class\n128,64,128,road\n0,128,0,traffic light\n",
        "# label:color_rgb:parts:actions\nroad:128,64,128::\ntraffic light:0,128,0::\n",  # CVAT
        "road:128,64,128::\ntraffic light:0,128,0:lamp:\n",
        "road 128 64 128\ntraffic light 0 128 0\n",
        "128 64 128\t\troad\n0 128 0\ttraffic light\n",  # CamVid's label_colors.txt
        "0,road,128,64,128\n1,traffic light,0,128,0\n",
    ],
)
def test_names_with_colors_are_read_as_data_sets_write_them(text: str) -> None:
    assert parse_classes(text, name="c.csv") == COLORED


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_classes.csv", "Pixel Value, Class\n0, road\n7, tree\n"),  # Roboflow
        ("c.csv", "id,name\n0,road\n7,tree\n"),
        ("c.csv", "label;name\n0;road\n7;tree\n"),
        ("c.csv", 'Idx,Ratio,Stuff,Name\n0,0.2,1,road\n7,0.1,0,"tree"\n'),
        ("c.txt", "road,0\ntree,7\n"),
        ("c.txt", "road: 0\ntree: 7\n"),
        ("c.txt", "# ids of my data set\n0 road\n7 tree\n"),
        ("c.txt", "0 road\n7, tree\n"),
        ("c.yaml", "path: ../data\nnames:\n  0: road\n  7: tree\nnc: 2\n"),
        ("names.txt", "names:\n  0: road\n  7: 'tree'\n"),
    ],
)
def test_ids_are_read_where_a_form_has_them(name: str, text: str) -> None:
    assert parse_classes(text, name=name) == PLAIN


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "__ignore__\nroad\ntree\n"),  # labelme
        ("c.txt", "name\nroad\ntree\n"),
        ("data.yaml", "train: ../train\nnc: 2\nnames: ['road', 'tree']\n"),  # YOLO
        ("c.txt", "names:\n- road\n- tree\n"),
    ],
)
def test_names_count_from_0_below_a_heading(name: str, text: str) -> None:
    assert parse_classes(text, name=name) == (SegmentationClass(0, "road"), SegmentationClass(1, "tree"))


@pytest.mark.parametrize(
    "names",
    [
        ["2 wheeler", "sofa, couch"],
        ["class 1", "class 2"],
        ["label", "background"],
        ["bus", "car: red", "tree"],
        ["wall", "building, edifice", "sky", "floor, flooring", "tree", "ceiling", "road, route", "bed"],
    ],
)
def test_names_that_look_like_a_form_stay_names(names: list[str]) -> None:
    assert [entry.name for entry in parse_classes("\n".join(names), name="c.txt")] == names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", f"[{ROAD}, {TREE}]"),
        ("c.json", f'{{"classes": [{ROAD}, {TREE}]}}'),
        ("classes", f"[{ROAD}, {TREE}]"),
        ("c.toml", TABLES),
        ("classes", TABLES),
    ],
)
def test_lists_of_objects_have_ids_names_and_colors(name: str, text: str) -> None:
    assert parse_classes(text, name=name) == ROAD_AND_TREE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"0": "road", "7": "tree"}'),
        ("c.json", '{"road": 0, "tree": 7}'),
        ("c.toml", '0 = "road"\n7 = "tree"'),
        ("c.toml", "classes = {road = 0, tree = 7}"),
        ("classes", '{"0": "road", "7": "tree"}'),
    ],
)
def test_tables_run_either_way(name: str, text: str) -> None:
    assert parse_classes(text, name=name) == PLAIN


def test_lists_without_ids_count_from_0() -> None:
    expected = (SegmentationClass(0, "road"), SegmentationClass(1, "tree"))
    assert parse_classes('["road", "tree"]', name="c.json") == expected
    assert parse_classes('[{"name": "road"}, {"name": "tree"}]', name="c.json") == expected
    assert parse_classes('classes = ["road", "tree"]', name="c.toml") == expected


def test_numbered_classes_are_called_by_their_number() -> None:
    assert numbered_classes(2) == (SegmentationClass(0, "0"), SegmentationClass(1, "1"))
    assert parse_classes("0\n1\n", name="c.txt") == numbered_classes(2)
    with pytest.raises(UsageError, match="there cannot be 0 classes"):
        numbered_classes(0)


def test_the_digest_is_of_ids_and_names_alone() -> None:
    # Pinned: signatures are compared across versions.
    assert class_digest(PLAIN) == "25acd535"
    assert class_digest(ROAD_AND_TREE) == class_digest(PLAIN) == class_digest(PLAIN[::-1])
    for other in ("0 road\n8 tree", "0 road\n7 trees", "0 road", "0 tree\n7 road"):
        assert class_digest(parse_classes(other, name="c.txt")) != class_digest(PLAIN)


printable = st.text(st.characters(categories=["L", "Nd", "P", "S"]), min_size=1, max_size=12)
class_lists = st.lists(
    st.tuples(
        st.integers(0, 2**16), printable.map(lambda name: "n" + name), st.tuples(*[st.integers(0, 255)] * 3) | st.none()
    ),
    min_size=1,
    max_size=8,
    unique_by=(lambda entry: entry[0], lambda entry: entry[1]),
).map(lambda entries: tuple(SegmentationClass(*entry) for entry in entries))


@given(class_lists)
def test_json_and_toml_and_text_say_the_same(classes: Sequence[SegmentationClass]) -> None:
    objects = [
        {"id": entry.id, "name": entry.name} | ({"color": list(entry.color)} if entry.color else {})
        for entry in classes
    ]
    assert parse_classes(json.dumps(objects), name="c.json") == classes
    # Escapes of the JSON without surrogates are those of TOML.
    toml = "\n".join(
        "[[classes]]\n" + "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())
        for entry in objects
    )
    assert parse_classes(toml, name="c.toml") == classes
    text = "\n".join(f"{entry.id}\t{entry.name}" for entry in classes)
    assert class_digest(parse_classes(text, name="c.txt")) == class_digest(classes)


@pytest.mark.parametrize("written", ["128,64,128", "128 64 128", " (128, 64, 128) ", "#804080", "128;64;128"])
def test_colors_are_three_numbers_or_hexadecimal(written: str) -> None:
    assert parse_color(written) == parse_color([128, 64, 128]) == (128, 64, 128)


@pytest.mark.parametrize(
    "written", ["road", "1,2", "1,2,3,4", "#80408", "256,0,0", [True, 0, 0], [1.0, 2, 3], [], None]
)
def test_nothing_else_is_a_color(written: object) -> None:
    assert parse_color(written) is None


@pytest.mark.skipif(not CAMVID.exists(), reason="the CamVid masks are not here")
def test_camvid_has_eleven_classes() -> None:
    found = parse_classes(CAMVID.read_text(), name=CAMVID.name)
    assert [entry.id for entry in found] == list(range(11))
    assert (found[0].name, found[10].name) == ("Sky", "Bicyclist")
