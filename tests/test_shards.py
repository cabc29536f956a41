"""Shards and unions: whichever part an image is in, the united run is the one that was never split."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from segeval.errors import RunFileError, UsageError
from segeval.measuring.measure import measure
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.mapkinds import EIGHT_BIT, FLOAT, SIXTEEN_BIT
from segeval.protocol.protocol import Protocol
from segeval.report.scoring import build_report
from segeval.request import Request, build_request
from segeval.runs.differences import protocol_differences
from segeval.runs.file import run_to_bytes
from segeval.runs.run import Maps, Run
from segeval.runs.sharding import Shard, in_shard, parse_shard, shard_of
from segeval.runs.unions import union
from tests.support.runs import image_lists, keys, kinds, protocol_of, row_of, run_of


def united(runs: Sequence[Run]) -> bytes:
    return run_to_bytes(union([(f"part {index}", run) for index, run in enumerate(runs)]), packed=False)


# Shards that there are none of


@pytest.mark.parametrize(
    "text", ["", "1", "/", "1/", "/4", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/4", "1.0/4", "٣/٤", "1/1000001"]
)
def test_a_shard_that_there_is_none_of_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_shard(text)
    assert text in raised.value.where
    assert raised.value.fix


@pytest.mark.parametrize(("text", "shard"), [("1/1", Shard(1, 1)), (" 4/4 ", Shard(4, 4)), ("07/10", Shard(7, 10))])
def test_a_shard_is_read(text: str, shard: Shard) -> None:
    assert parse_shard(text) == shard
    assert parse_shard(str(shard)) == shard


# Where an image goes


def test_the_place_of_a_key_never_changes() -> None:
    # Computed with Python's hashlib alone; a change would break every CI matrix that is half done.
    for key in ("frankfurt/000000_000294", "a", "é"):
        expected = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % 4 + 1
        assert shard_of(key, 4) == expected


@given(keys, st.integers(1, 1000))
def test_each_image_is_in_one_shard(key: str, count: int) -> None:
    assert [index for index in range(1, count + 1) if in_shard(key, Shard(index, count))] == [shard_of(key, count)]


def test_shards_are_of_about_one_size() -> None:
    sizes = np.bincount([shard_of(f"munich/munich_{index:06}_000019", 10) for index in range(10_000)], minlength=11)[1:]
    assert sizes.min() > 900
    assert sizes.max() < 1100


# The union


def test_the_union_of_nothing_is_an_error() -> None:
    with pytest.raises(RunFileError):
        union([])


@given(kinds, image_lists(), st.data())
def test_any_partition_gives_the_same_bytes(
    maps: Maps | None, images: list[tuple[str, int]], data: st.DataObject
) -> None:
    places = [data.draw(st.integers(0, 3)) for _ in images]
    parts = [
        run_of(maps, [image for image, place in zip(images, places, strict=True) if place == part]) for part in range(4)
    ]
    whole = run_to_bytes(run_of(maps, images), packed=False)
    assert united(data.draw(st.permutations(parts))) == whole


@given(kinds, image_lists(), st.integers(1, 4))
def test_any_shards_in_any_order_give_the_same_bytes(
    maps: Maps | None, images: list[tuple[str, int]], count: int
) -> None:
    parts = [
        run_of(maps, [image for image in images if in_shard(image[0], Shard(index, count))])
        for index in range(1, count + 1)
    ]
    whole = run_to_bytes(run_of(maps, images), packed=False)
    for order in itertools.islice(itertools.permutations(parts), 6):
        assert united(order) == whole


overlapping = st.tuples(kinds.filter(lambda maps: maps is None or maps.in_rows), image_lists(), st.data())


def some(maps: Maps | None, images: list[tuple[str, int]], data: st.DataObject) -> Run:
    return run_of(maps, [image for image in images if data.draw(st.booleans())])


@given(overlapping)
def test_union_is_idempotent_commutative_and_associative(
    drawn: tuple[Maps | None, list[tuple[str, int]], st.DataObject],
) -> None:
    maps, images, data = drawn
    a, b, c = (some(maps, images, data) for _ in range(3))
    assert united([a, a]) == united([a]) == run_to_bytes(a, packed=False)
    assert united([a, b]) == united([b, a])

    def both(first: Run, second: Run) -> Run:
        return union([("first", first), ("second", second)])

    assert united([both(a, b), c]) == united([a, both(b, c)]) == united([c, b, a])


@given(kinds, image_lists())
def test_a_run_counted_twice_counts_once_for_maps_of_every_kind(
    maps: Maps | None, images: list[tuple[str, int]]
) -> None:
    run = run_of(maps, images)
    assert united([run, run, run]) == run_to_bytes(run, packed=False)
    part = run_of(maps, images[:1])
    assert united([part, run]) == united([run, part]) == run_to_bytes(run, packed=False)


@given(kinds, image_lists(), st.booleans())
def test_a_run_without_images_changes_nothing(maps: Maps | None, images: list[tuple[str, int]], knows: bool) -> None:
    run, empty = run_of(maps, images), Run(protocol_of(maps), (), maps if knows else None)
    assert united([empty, run]) == united([run, empty]) == run_to_bytes(run, packed=False)


def test_rows_that_differ_are_told_with_both_files() -> None:
    runs = [("x.jsonl", run_of(None, [("a", 1), ("b", 2)])), ("y.jsonl", run_of(None, [("a", 1), ("b", 4)]))]
    with pytest.raises(RunFileError) as raised:
        union(runs)
    assert raised.value.where == ("b: x.jsonl and y.jsonl",)


def test_a_row_that_differs_only_in_its_ground_truth_is_a_conflict() -> None:
    run = run_of(None, [("a", 1)])
    other = replace(run, rows=(replace(run.rows[0], digest="blake2b:" + "f" * 32),))
    with pytest.raises(RunFileError):
        union([("x", run), ("y", other)])


def test_protocols_that_differ_are_told_as_a_difference() -> None:
    first, second = Run(Protocol(), ()), Run(build_request(ignore="0", classes=3).protocol, ())
    with pytest.raises(RunFileError) as raised:
        union([("x", first), ("y", second)])
    assert raised.value.where == ("x and y", "classes: infer() vs 3", "ignore: default(255) vs 0")


def test_a_difference_is_told_even_where_no_signature_shows_it() -> None:
    red, blue = (Protocol(classes=(SegmentationClass(0, "a", color),)) for color in ((255, 0, 0), (0, 0, 255)))
    assert protocol_differences(red, blue) == ("classes differ",)
    assert protocol_differences(red, red) == ()
    impossible = replace(Protocol(), ignore=("nothing",))
    assert protocol_differences(impossible, Protocol()) == ("ignore differ",)


def test_maps_of_two_kinds_do_not_unite() -> None:
    runs = [("x", run_of(Maps(EIGHT_BIT, 1), [("a", 1)])), ("y", run_of(Maps(FLOAT, 1), [("b", 1)]))]
    with pytest.raises(RunFileError) as raised:
        union(runs)
    assert raised.value.where == ("x: 1 of uint8 an image", "y: 1 of float an image")


def test_level_tables_that_cannot_be_taken_apart_are_refused_not_added_twice() -> None:
    maps = Maps(SIXTEEN_BIT, 1)
    first, second = run_of(maps, [("a", 1), ("b", 2)]), run_of(maps, [("b", 2), ("c", 4)])
    with pytest.raises(RunFileError) as raised:
        union([("x", first), ("y", second)])
    assert "share some of their images" in raised.value.what


def test_an_image_without_prediction_may_be_in_two_parts_of_16_bit_maps() -> None:
    maps = Maps(SIXTEEN_BIT, 1)
    missing = 3
    assert row_of("m", maps, missing)[0].missing
    first, second = run_of(maps, [("a", 1), ("m", missing)]), run_of(maps, [("b", 2), ("m", missing)])
    assert united([first, second]) == run_to_bytes(run_of(maps, [("a", 1), ("b", 2), ("m", missing)]), packed=False)


# Shards of folders


def write_pairs(root: Path, kind: str, count: int = 9) -> None:
    random = np.random.default_rng(5)
    for name in ("gt", "pred"):
        (root / name).mkdir()
    for index in range(count):
        gt = random.choice(np.array([0, 255] if kind in ("float", "uint16") else [0, 1, 2, 255], np.uint8), (6, 7))
        if index < 2:
            gt[:] = 0
        Image.fromarray(gt).save(root / "gt" / f"{index}.png")
        if index == 4:
            continue
        if kind == "masks":
            Image.fromarray(random.integers(0, 3, (6, 7), np.uint8)).save(root / "pred" / f"{index}.png")
        elif kind == "uint16":
            Image.fromarray(random.integers(0, 65536, (6, 7), np.uint16)).save(root / "pred" / f"{index}.png")
        elif kind == "float":
            np.save(root / "pred" / f"{index}.npy", random.random((6, 7), np.float32))
        else:
            np.save(root / "pred" / f"{index}.npy", random.integers(0, 256, (3, 6, 7), np.uint8))


REQUESTS: Mapping[str, Request] = {
    "masks": build_request(missing="miss", ignore=255),
    "uint16": build_request(missing="miss", probs=True),
    "float": build_request(missing="miss", probs=True),
    "levels": build_request(missing="miss", probs=True),
}


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_shards_of_folders_unite_to_the_unsharded_run(tmp_path: Path, kind: str, count: int) -> None:
    """Also where shards are empty, hold no prediction, or only ground truth that shows nothing of its meaning."""
    write_pairs(tmp_path, kind)
    request = REQUESTS[kind]
    whole = measure(tmp_path / "pred", tmp_path / "gt", request, jobs=1)
    assert not whole.problems
    build_report(whole.run)
    parts = [
        measure(tmp_path / "pred", tmp_path / "gt", request, jobs=2, shard=Shard(index, count))
        for index in range(1, count + 1)
    ]
    assert not [part.problems for part in parts if part.problems]
    assert sorted(key for part in parts for key in part.names) == sorted(whole.names)
    assert united([part.run for part in parts[::-1]]) == run_to_bytes(whole.run, packed=False)


def test_a_new_file_moves_no_other_one(tmp_path: Path) -> None:
    write_pairs(tmp_path, "masks")
    shard = Shard(2, 3)
    before = measure(tmp_path / "pred", tmp_path / "gt", REQUESTS["masks"], shard=shard).run
    for folder in ("gt", "pred"):
        (tmp_path / folder / "new.png").write_bytes((tmp_path / folder / "0.png").read_bytes())
    after = measure(tmp_path / "pred", tmp_path / "gt", REQUESTS["masks"], shard=shard).run
    assert set(before.rows) <= set(after.rows)
