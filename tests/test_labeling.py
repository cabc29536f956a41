"""What values mean: lookups, protocols made definite, signatures read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval import Signature
from segeval.errors import LabelError, SegevalError, UsageError
from segeval.protocol.axes import AXES, MISSING_CHOICES
from segeval.protocol.conventions import conventions
from segeval.protocol.labeling import (
    NO_FILE,
    NO_PREDICTION,
    UNKNOWN,
    VOID,
    SegmentationClass,
    ValueMap,
    ranges,
    value_map,
)
from segeval.protocol.presets import preset, preset_names
from segeval.protocol.protocol import Protocol, protocol_from_dict, resolve
from segeval.protocol.signature import signature
from segeval.request import build_request

CLASSES = tuple(SegmentationClass(index, name) for index, name in enumerate(("sky", "road", "car")))


def test_an_unlisted_value_is_unknown_and_a_missing_file_is_neither() -> None:
    lookup = value_map(CLASSES, ignore=[255])
    assert lookup(np.array([[0, 2], [255, 7]])).tolist() == [[0, 2], [VOID, UNKNOWN]]
    assert lookup.index(NO_PREDICTION) == NO_FILE
    assert lookup(np.zeros((0, 3), int)).shape == (0, 3)


def test_maps_are_applied_once_and_at_once() -> None:
    lookup = value_map(CLASSES, ignore=[255], mapping={0: 1, 1: 0, 27: 255, 9: 9})
    assert [lookup.index(value) for value in (0, 1, 2, 27, 9)] == [1, 0, 2, VOID, UNKNOWN]


def test_binary_takes_every_unlisted_value_for_foreground() -> None:
    found = resolve(Protocol(binary=True), gt_values=[0, 1, 7, 255], pred_values=[0])
    assert [found.labeling.gt.index(value) for value in (0, 1, 7, 255)] == [0, 1, 1, 1]
    ignored = resolve(Protocol(binary=True, ignore=(255,)), gt_values=[0, 255], pred_values=[0])
    assert ignored.labeling.gt.index(255) == VOID


def test_negative_values_are_values_like_others() -> None:
    found = resolve(Protocol(ignore=(-1,)), gt_values=[-1, 0, 1], pred_values=[0, 1])
    assert [entry.id for entry in found.labeling.classes] == [0, 1]
    assert found.labeling.gt.index(-1) == VOID


def test_more_values_than_classes_could_be_meant_are_refused() -> None:
    with pytest.raises(LabelError, match="1,025 distinct values") as caught:
        resolve(Protocol(), gt_values=range(1000), pred_values=range(1000, 1026))
    assert "--probs" in caught.value.fix


def test_closed_maps_leave_every_other_value_unknown() -> None:
    protocol = build_request(preset="cityscapes").protocol
    lookup = resolve(protocol, gt_values=[7], pred_values=[7]).labeling
    assert lookup.classes[lookup.gt.index(7)].name == "road"
    assert lookup.gt.index(4) == VOID
    assert lookup.gt.index(255) == UNKNOWN
    allowed = build_request(preset="cityscapes", ignore="255").protocol
    assert resolve(allowed, gt_values=[7], pred_values=[7]).labeling.gt.index(255) == VOID


def test_a_users_map_beats_the_presets_value_by_value() -> None:
    protocol = build_request(preset="cityscapes", gt_map="9=1").protocol
    labeling = resolve(protocol, gt_values=[7], pred_values=[7]).labeling
    assert labeling.classes[labeling.gt.index(9)].name == "sidewalk"
    assert labeling.gt.index(10) == VOID
    assert labeling.pred.index(9) == VOID


def test_a_kept_ignored_class_has_predictions_but_no_ground_truth() -> None:
    protocol = Protocol(classes=CLASSES, ignore=(1,), convention=conventions()["mmseg"])
    labeling = resolve(protocol, gt_values=[0], pred_values=[0]).labeling
    assert len(labeling.classes) == 3
    assert labeling.gt.index(1) == VOID
    assert labeling.pred.index(1) == 1
    left_out = resolve(Protocol(classes=CLASSES, ignore=(1,)), gt_values=[0], pred_values=[0]).labeling
    assert [entry.id for entry in left_out.classes] == [0, 2]


def test_maps_of_probabilities_bring_their_own_number_of_classes() -> None:
    one = resolve(Protocol(), gt_values=[0, 1], pred_values=[0, 1], map_count=1)
    assert [entry.id for entry in one.labeling.classes] == [0, 1]
    many = resolve(Protocol(), gt_values=[0, 9], pred_values=[0], map_count=4)
    assert len(many.labeling.classes) == 4
    assert many.labeling.gt.index(9) == UNKNOWN
    with pytest.raises(UsageError, match="3 classes, but the probability maps describe 4"):
        resolve(Protocol(classes=CLASSES), gt_values=[0], pred_values=[0], map_count=4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"map": "1=2,1=3"}, "two"),
        ({"map": "a=2"}, "RAW=VALUE"),
        ({"ignore": "255,,1"}, "empty"),
        ({"classes": "0"}, "0 classes"),
        ({"classes": ["a", "a"]}, "a"),
        ({"missing": "perhaps"}, "perhaps"),
        ({"probs": True, "threshold": 2.0}, "between 0 and 1"),
        ({"probs": True, "pos_weight": 0}, "pos_weight is 0"),
        ({"probs": True, "gamma": -1.0}, "gamma"),
        ({"probs": True, "alpha": "much"}, "much"),
        ({"preset": "no/such.toml"}, "cannot be read"),
    ],
)
def test_requests_that_mean_nothing(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SegevalError) as caught:
        build_request(**options)
    assert said in " ".join((caught.value.what, *caught.value.where))
    assert caught.value.fix


def test_user_files_that_cannot_be_text(tmp_path: Path) -> None:
    binary = tmp_path / "names.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        build_request(classes=binary)


def test_class_weights_come_by_position_or_by_name(tmp_path: Path) -> None:
    named = tmp_path / "w.txt"
    named.write_text("road 2\nsky 1\ncar,0.5\n")
    options: dict[str, Any] = {"classes": ["sky", "road", "car"], "probs": True}
    found = build_request(**options, class_weights=named).protocol.probabilities
    assert found is not None
    assert found.class_weights == (1.0, 2.0, 0.5)
    named.write_text("1\n2\n3\n")
    found = build_request(**options, class_weights=named).protocol.probabilities
    assert found is not None
    assert found.class_weights == (1.0, 2.0, 3.0)
    named.write_text("road 2\nsky 1\n")
    with pytest.raises(UsageError, match="do not match"):
        build_request(**options, class_weights=named)


# Signatures


def _presets_for_any_classes() -> list[str]:
    """Return the presets that go with any number of classes: neither two of them nor bits, and with some of its own."""
    known = map(preset, preset_names())
    return [one.name for one in known if one.classes and not one.binary and not one.storage.bits]


def _protocols() -> st.SearchStrategy[Protocol]:
    maps = st.dictionaries(st.integers(-5, 300), st.integers(-5, 300), max_size=3)
    axes = st.fixed_dictionaries({axis: st.sampled_from((None, *choices)) for axis, choices in AXES.items()})
    return st.builds(
        lambda axes, **options: build_request(**options, **axes).protocol,
        classes=st.none() | st.integers(2, 300),
        ignore=st.none() | st.just("none") | st.lists(st.integers(-5, 300), min_size=1, max_size=3),
        preset=st.none() | st.sampled_from(_presets_for_any_classes()),
        convention=st.none() | st.sampled_from(tuple(conventions())),
        probs=st.booleans(),
        axes=axes,
        map=maps,
        gt_map=maps,
        pred_map=maps,
        missing=st.sampled_from(MISSING_CHOICES),
        gamma=st.floats(0, 5),
        alpha=st.none() | st.just("auto") | st.floats(0, 1),
        pos_weight=st.just("auto") | st.floats(0.1, 50),
        eps=st.none() | st.sampled_from(["half-step", "torch"]) | st.floats(1e-9, 0.4),
    )


@given(_protocols(), st.booleans())
def test_a_signature_gives_the_protocol_back(protocol: Protocol, short: bool) -> None:
    resolution = resolve(protocol, gt_values=[0, 1, 255], pred_values=[0, 1])
    line = signature(resolution, protocol)
    text = line.short() if short else str(line)
    found = Signature.parse(text)
    assert str(Signature.parse(str(found))) == str(found)
    restored = found.protocol()
    if not protocol.groups:
        restored = replace(restored, groups=())
    assert restored == protocol
    assert not found.differences(line)


@given(_protocols())
def test_json_gives_the_protocol_back(protocol: Protocol) -> None:
    assert protocol_from_dict(protocol.to_dict()) == protocol


def test_a_users_own_classes_stand_as_a_digest_that_parsing_leaves_open(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("sky\nroad\n")
    protocol = build_request(classes=names, ignore="sky").protocol
    line = signature(resolve(protocol, gt_values=[0], pred_values=[0]), protocol)
    assert line.get("classes").startswith("2@")
    assert "ignore:sky" in str(line)
    assert line.protocol().classes is None
    assert line.protocol().ignore == ("sky",)


def test_what_the_data_decided_stands_in_brackets() -> None:
    line = signature(resolve(Protocol(), gt_values=[0, 3], pred_values=[1]), Protocol())
    assert line.get("classes") == "infer(0..1,3)"
    assert line.get("ignore") == "default(255)"


def test_differences_name_the_field_and_both_sides() -> None:
    first = Signature.parse("segeval|classes:19|ignore:255|convention:segeval|v:0.1.0")
    second = Signature.parse("segeval|classes:19|ignore:0|convention:voc|v:0.1.0")
    assert first.differences(first) == ()
    assert first.differences(second) == (
        "ignore: 255 vs 0",
        "convention: segeval vs voc",
        "absent: skip vs undefined",
        "pred-void: miss vs error",
    )


@pytest.mark.parametrize("text", ["", "BLEU|v:1", "segeval|classes", "segeval|v:1|v:2", "segeval|ignore:"])
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(UsageError, match="signature"):
        Signature.parse(text)


def test_a_bar_or_a_percent_in_a_name_does_not_break_the_line() -> None:
    protocol = build_request(classes=["a|b", "50%"], ignore=["a|b"]).protocol
    line = signature(resolve(protocol, gt_values=[1], pred_values=[1]), protocol)
    assert Signature.parse(str(line)) == line


@given(st.sets(st.integers(-20, 20), min_size=1))
def test_ranges_name_every_value_once(values: set[int]) -> None:
    named: list[int] = []
    for part in ranges(sorted(values)).split(","):
        low, _, high = part.partition("..")
        named.extend(range(int(low), int(high or low) + 1))
    assert named == sorted(values)


def test_a_value_map_is_a_plain_lookup() -> None:
    assert ValueMap({3: 0}).index(3) == 0
    assert ValueMap({3: 0}, default=1).index(4) == 1
