"""Run files: what is no run file and why, what is written, and that nothing is lost or taken for whole that is not."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.errors import OutputError, RunFileError
from segeval.protocol.labeling import NO_PREDICTION, Group, SegmentationClass
from segeval.protocol.mapkinds import EIGHT_BIT, FLOAT, SIXTEEN_BIT
from segeval.protocol.protocol import Protocol
from segeval.protocol.settings import Probabilities
from segeval.runs.file import load_run, run_from_bytes, run_to_bytes, save_run
from segeval.runs.run import Maps, Row, Run
from segeval.tables.counts import table
from tests.support.properties import examples
from tests.support.runs import KINDS, NAMES, image_lists, kinds, run_of

DIGEST = "blake2b:" + "0" * 32
HAND_MADE = Run(
    Protocol(),
    (
        Row("a", 1, 3, DIGEST, table(np.array([0, 0, 255]), np.array([0, 2, 1]), np.array([1, 1, 1]))),
        Row("é", 2, 2, DIGEST, table(np.array([-1]), np.array([NO_PREDICTION]), np.array([4]))),
    ),
)


def lines_of(run: Run) -> list[bytes]:
    return run_to_bytes(run, packed=False).splitlines(keepends=True)


def sealed(lines: list[bytes]) -> bytes:
    """Write lines with a last one that fits them, so that only their content can be wrong."""
    body = b"".join(lines)
    rows = sum(b'"key"' in line for line in lines)
    end = {"rows": rows, "digest": f"blake2b:{hashlib.blake2b(body, digest_size=16).hexdigest()}"}
    return body + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def edited(run: Run, line: int, change: Callable[[Any], Any]) -> bytes:
    """Change the JSON of one line and seal the file again."""
    lines = lines_of(run)[:-1]
    lines[line] = json.dumps(change(json.loads(lines[line])), separators=(",", ":")).encode() + b"\n"
    return sealed(lines)


def problem(data: bytes) -> RunFileError:
    with pytest.raises(RunFileError) as raised:
        run_from_bytes(data, name="runs/x.jsonl")
    assert raised.value.where[0].startswith("runs/x.jsonl, line ")
    assert raised.value.fix
    return raised.value


# What is no run file


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"miou\n", b"{}\n", b"[]\n", b'{"tool":"other","schema":1}\n', b"\x89PNG\r\n\x1a\n"]
)
def test_another_file_is_told_from_a_damaged_run(data: bytes) -> None:
    assert problem(data).what == "this is not a run file"


def test_a_newer_schema_is_refused_by_its_number() -> None:
    found = problem(edited(HAND_MADE, 0, lambda facts: facts | {"schema": 3, "new": []}))
    assert found.what == "a run file was written by a newer segeval"
    assert "schema 3" in found.where[0]


def test_an_unfinished_run_is_not_taken_for_one() -> None:
    found = problem(edited(HAND_MADE, 0, lambda facts: facts | {"partial": True}))
    assert found.what == "a run is not finished"
    assert "--resume" in found.fix


@pytest.mark.parametrize("kind", ["folder", "fifo", "missing", "device"])
def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    with pytest.raises(RunFileError) as raised:
        load_run(path)
    assert raised.value.what == "a run file cannot be read"
    assert raised.value.where[0].startswith(str(path))


def test_a_file_cut_at_any_byte_is_no_run() -> None:
    data = run_to_bytes(run_of(Maps(SIXTEEN_BIT, 1), [("a", 1), ("b", 2)]), packed=False)
    for length in {*range(0, len(data) - 1, 97), *range(len(data) - 120, len(data))}:
        with pytest.raises(RunFileError):
            run_from_bytes(data[:length], name="x")


def test_a_packed_file_cut_at_any_byte_is_no_run() -> None:
    data = run_to_bytes(HAND_MADE, packed=True)
    for length in range(len(data)):
        with pytest.raises(RunFileError):
            run_from_bytes(data[:length], name="x")


@pytest.mark.parametrize("packed", [False, True])
def test_nothing_may_stand_behind_the_end(packed: bool) -> None:
    data = run_to_bytes(HAND_MADE, packed=packed)
    for more in (b"x", b"\n", data):
        assert problem(data + more).what == "a run file is damaged"


@pytest.mark.parametrize("maps", KINDS, ids=lambda maps: maps and f"{maps.count} {maps.kind.name}")
def test_every_changed_byte_is_seen(maps: Maps | None) -> None:
    data = run_to_bytes(run_of(maps, [("a", 1), ("b/é", 3)]), packed=False)
    chosen = random.Random(1)
    for _ in range(60):
        place, bit = chosen.randrange(len(data)), 1 << chosen.randrange(8)
        with pytest.raises(RunFileError):
            run_from_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :], name="x")


# Values that no run can have, in files whose digest fits


def with_(name: str, value: object) -> Callable[[Any], Any]:
    return lambda facts: facts | {name: value}


ROW_DAMAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no counts": (with_("counts", []), "add up"),
    "counts of another size": (with_("size", [1, 4]), "add up"),
    "no pixel": (with_("counts", [[0, [0, 1], [3, 0]]]), "out of range"),
    "negative pixels": (with_("counts", [[0, [0, 1], [4, -1]]]), "out of range"),
    "half a pixel": (with_("counts", [[0, [0, 1], [1.5, 1.5]]]), "whole number"),
    "three as a float": (with_("counts", [[0, [0], [3.0]]]), "whole number"),
    "a truth as a count": (with_("counts", [[0, [0, 1], [True, 2]]]), "whole number"),
    "a huge integer": (with_("counts", [[0, [10**30], [3]]]), "out of range"),
    "the sentinel as a value": (with_("counts", [[0, [NO_PREDICTION], [3]]]), "out of range"),
    "repeated values": (with_("counts", [[0, [1, 1], [1, 2]]]), "ascend"),
    "descending values": (with_("counts", [[0, [2, 1], [1, 2]]]), "ascend"),
    "descending ground truth": (with_("counts", [[1, [0], [1]], [0, [0], [2]]]), "ascend"),
    "columns of two lengths": (with_("counts", [[0, [1, 2], [3]]]), "lengths"),
    "an empty column": (with_("counts", [[0, [], []], [1, [0], [3]]]), "lengths"),
    "half a missing prediction": (with_("counts", [[0, [None], [1]], [1, [0], [2]]]), "in part"),
    "a text for a table": (with_("counts", "0"), "no list"),
    "an object for a table": (with_("counts", {"0": 1}), "no list"),
    "a deep table": (with_("counts", [[[[[0]]], [0], [3]]]), "whole number"),
    "no height": (with_("size", [0, 3]), "out of range"),
    "one slice of a volume": (with_("size", [1, 1, 3]), "out of range"),
    "four sizes": (with_("size", [2, 1, 1, 3]), "height and width"),
    "more pixels than int64 bears": (with_("size", [2**40, 2**40]), "height and width"),
    "no digest": (with_("gt", ""), "digest"),
    "another digest": (with_("gt", "md5:0"), "digest"),
    "a number for a key": (with_("key", 7), "key"),
    "an empty key": (with_("key", ""), "key"),
    "a NUL in a key": (with_("key", "a\0b"), "key"),
    "a surrogate that stands for no byte": (with_("key", "\ud800"), "key"),
    "levels of masks": (with_("levels", [[[0, [0], [3]]]]), "other maps"),
    "sums of masks": (with_("sums", [[2.0, "torch", *[0] * 4, *[0.0] * 8]]), "other maps"),
    "probabilities of masks": (with_("unnormalised", 1), "without maps"),
    "an unknown field": (with_("extra", 1), "other fields"),
    "a list for a row": (lambda facts: [facts], "no object"),
    "null for a row": (lambda facts: None, "no object"),
}


@pytest.mark.parametrize("name", ROW_DAMAGES)
def test_a_row_that_cannot_be_is_refused_with_its_line(name: str) -> None:
    change, said = ROW_DAMAGES[name]
    found = problem(edited(HAND_MADE, 1, change))
    assert found.what == "a run file is damaged"
    assert found.where[0].startswith("runs/x.jsonl, line 2: ")
    assert said in found.where[0]


PROTOCOL_DAMAGES: dict[str, dict[str, object]] = {
    "a number for a preset": {"preset": 1},
    "a text for a truth": {"closed": "yes"},
    "a number for a truth": {"binary": 1},
    "no such convention": {"convention": {"name": "mine"}},
    "no such axis": {"convention": {"name": "segeval", "colour": "red"}},
    "a list for a convention": {"convention": ["segeval"]},
    "no such choice": {"missing": "perhaps"},
    "an id as text": {"classes": [{"id": "0", "name": "road", "color": None}]},
    "a class twice": {"classes": [{"id": 0, "name": name, "color": None} for name in ("a", "b")]},
    "a colour of four": {"classes": [{"id": 0, "name": "road", "color": [0, 0, 0, 0]}]},
    "a colour out of range": {"classes": [{"id": 0, "name": "road", "color": [0, 0, 256]}]},
    "an escape in a class name": {"classes": [{"id": 0, "name": "\x1b[31m", "color": None}]},
    "half a value": {"ignore": [0.5]},
    "a truth for a value": {"ignore": [True]},
    "a value beyond int64": {"ignore": [2**64]},
    "a map of three": {"map": [[1, 2, 3]]},
    "a map of huge values": {"gt_map": [[1, 10**400]]},
    "a group of words": {"groups": [{"name": "flat", "ids": ["road"]}]},
    "no probabilities": {"probabilities": {}},
    "a text for probabilities": {"probabilities": "yes"},
    "an unknown field": {"extra": None},
}


@pytest.mark.parametrize("name", PROTOCOL_DAMAGES)
def test_a_protocol_that_cannot_be_is_refused(name: str) -> None:
    change = PROTOCOL_DAMAGES[name]
    data = edited(HAND_MADE, 0, lambda facts: facts | {"protocol": facts["protocol"] | change})
    found = problem(data)
    assert found.what == "a run file is damaged"
    assert found.where[0].startswith("runs/x.jsonl, line 1: ")


@pytest.mark.parametrize("name", [*Protocol().to_dict()])
def test_a_protocol_lacks_no_field(name: str) -> None:
    def change(facts: Any) -> Any:
        del facts["protocol"][name]
        return facts

    problem(edited(HAND_MADE, 0, change))


@pytest.mark.parametrize(
    "change",
    [
        {"gamma": -1.0},
        {"gamma": "2"},
        {"gamma": 1e999},
        {"alpha": 2.0},
        {"eps": 0.7},
        {"eps": "small"},
        {"threshold": 1.5},
        {"threshold": None},
        {"pos_weight": 0.0},
        {"class_weights": [-1.0]},
        {"class_weights": "some"},
    ],
    ids=str,
)
def test_losses_that_cannot_be_are_refused(change: dict[str, object]) -> None:
    def changed(facts: Any) -> Any:
        facts["protocol"]["probabilities"] |= change
        return facts

    problem(edited(run_of(Maps(EIGHT_BIT, 1), [("a", 1)]), 0, changed))


MAP_DAMAGES: dict[str, tuple[Maps, int, Callable[[Any], Any]]] = {
    "a kind that is none": (Maps(EIGHT_BIT, 1), 0, with_("maps", {"kind": "uint32", "count": 1})),
    "no maps": (Maps(EIGHT_BIT, 1), 0, with_("maps", {"kind": "uint8", "count": 0})),
    "more maps than rows have": (Maps(EIGHT_BIT, 1), 0, with_("maps", {"kind": "uint8", "count": 2})),
    "maps that are not told": (Maps(EIGHT_BIT, 1), 0, with_("maps", None)),
    "rows without maps": (Maps(EIGHT_BIT, 1), 1, lambda facts: {**facts, "levels": []}),
    "a level beyond 255": (
        Maps(EIGHT_BIT, 1),
        1,
        lambda facts: {**facts, "levels": [[[gt, [300], [sum(pixels)]] for gt, _, pixels in facts["levels"][0]]]},
    ),
    "levels of another ground truth": (
        Maps(EIGHT_BIT, 1),
        1,
        lambda facts: {**facts, "levels": [[[7, [0], [facts["size"][0] * facts["size"][1]]]]]},
    ),
    "too many odd pixels": (Maps(EIGHT_BIT, 3), 1, with_("unnormalised", 10**6)),
    "a sum below nothing": (
        Maps(FLOAT, 1),
        1,
        lambda facts: {**facts, "sums": [[*facts["sums"][0][:6], -1.0, *facts["sums"][0][7:]]]},
    ),
    "an infinite sum": (
        Maps(FLOAT, 1),
        1,
        lambda facts: {**facts, "sums": [[*facts["sums"][0][:6], 1e999, *facts["sums"][0][7:]]]},
    ),
    "more clamped than there are": (
        Maps(FLOAT, 1),
        1,
        lambda facts: {**facts, "sums": [[*facts["sums"][0][:4], 10**5, *facts["sums"][0][5:]]]},
    ),
    "another gamma in one row": (
        Maps(FLOAT, 1),
        1,
        lambda facts: {**facts, "sums": [[1.0, *facts["sums"][0][1:]]]},
    ),
    "a level that is none": (Maps(SIXTEEN_BIT, 1), -1, with_("positives", [[65536], [1]])),
    "levels of other pixels": (Maps(SIXTEEN_BIT, 1), -1, with_("positives", [[3], [10**9]])),
    "descending levels": (Maps(SIXTEEN_BIT, 1), -1, with_("positives", [[3, 2], [1, 1]])),
    "another map's levels": (Maps(SIXTEEN_BIT, 1), -1, with_("map", 1)),
}


@pytest.mark.parametrize("name", MAP_DAMAGES)
def test_maps_that_cannot_be_are_refused(name: str) -> None:
    maps, line, change = MAP_DAMAGES[name]
    assert problem(edited(run_of(maps, [("a", 1), ("b", 2)]), line, change)).what == "a run file is damaged"


def test_level_histograms_may_not_lack() -> None:
    lines = lines_of(run_of(Maps(FLOAT, 2), [("a", 1), ("b", 2)]))[:-1]
    assert "levels are missing" in problem(sealed(lines[:-1])).where[0]
    assert "out of order" in problem(sealed([*lines[:1], *lines[-2:]])).where[0]


def test_rows_are_in_key_order_once_each() -> None:
    head, first, second, _ = lines_of(HAND_MADE)
    assert problem(sealed([head, second, first])).where == ("runs/x.jsonl, line 3: the keys do not ascend",)
    assert problem(sealed([head, first, first])).where == ("runs/x.jsonl, line 3: the keys do not ascend",)


# What is meant to exhaust


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"key":' + b"[" * 900 + b"]" * 900 + b"}",
        b"[],[" * 1_000_000,
        b'{"key":1' + b"0" * 5000 + b"}",
        b'{"key":NaN}',
        b'{"key":-Infinity}',
        b'{"key":"\xff"}',
        '{"key":"é"}'.encode(),
        b'\xff\xfe{"key":1}',
        b"\0" * 1000,
    ],
    ids=range(11),
)
def test_a_line_that_is_no_json_of_ours_ends_in_an_error(line: bytes) -> None:
    assert problem(sealed([lines_of(HAND_MADE)[0], line + b"\n"])).what == "a run file is damaged"
    problem(line + b"\n")


def bomb(unpacked: int) -> bytes:
    """Pack a header and then one endless line of zeros."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(lines_of(HAND_MADE)[0])
        for _ in range(unpacked >> 20):
            file.write(b"0" * (1 << 20))
    return buffer.getvalue()


def test_a_bomb_ends_at_bounded_memory_and_processor_time() -> None:
    data = bomb(1 << 27)
    assert len(data) < 1 << 20
    started = time.process_time()
    tracemalloc.start()
    try:
        problem(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 5
    assert peak < 100_000_000


def test_a_bomb_of_short_lines_ends_at_the_limit_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.runs.lines.LEAST_UNPACKED", 10_000)
    images = [(f"{index:05}", 0) for index in range(2000)]
    row = lines_of(run_of(None, images[:1]))[1]
    lines = [lines_of(HAND_MADE)[0], *(row.replace(b'"00000"', f'"{key}"'.encode()) for key, _ in images)]
    data = gzip.compress(sealed(lines), mtime=0)
    monkeypatch.setattr("segeval.runs.lines.MOST_PACKING", 5)
    assert "unpacks to more than" in problem(data).where[0]
    monkeypatch.setattr("segeval.runs.lines.MOST_PACKING", 100)
    assert len(run_from_bytes(data, name="x").rows) == 2000


@settings(max_examples=examples(300))
@given(st.data())
def test_a_mutated_file_is_refused_or_as_it_was(data: st.DataObject) -> None:
    run = run_of(data.draw(kinds), [("a", 1), ("b", 4)])
    content = bytearray(run_to_bytes(run, packed=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not content:
            break
    try:
        found = run_from_bytes(bytes(content), name="x")
    except RunFileError:
        return
    assert found == run


@settings(max_examples=examples(200))
@given(st.data())
def test_a_mutated_line_under_a_right_digest_is_read_alike_or_refused(data: st.DataObject) -> None:
    run = run_of(data.draw(kinds), [("a", 1), ("b", 4)])
    lines = lines_of(run)[:-1]
    line = data.draw(st.integers(0, len(lines) - 1))
    content = bytearray(lines[line])
    place = data.draw(st.integers(0, len(content) - 2))
    content[place : place + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"0", b"-", b"9", b"null", b"[", b""])
    )
    lines[line] = bytes(content)
    try:
        found = run_from_bytes(sealed(lines), name="x")
    except RunFileError:
        return
    assert run_from_bytes(run_to_bytes(found, packed=False), name="x") == found


# What is written


def test_the_file_is_what_the_documentation_shows() -> None:
    head, first, second, end = lines_of(HAND_MADE)
    assert json.loads(head) == {
        "schema": 1,
        "tool": "segeval",
        "version": json.loads(head)["version"],
        "protocol": Protocol().to_dict(),
        "maps": None,
    }
    assert first == (b'{"key":"a","size":[1,3],"gt":"%s","counts":[[0,[0,2],[1,1]],[255,[1],[1]]]}\n' % DIGEST.encode())
    assert second == b'{"key":"\\u00e9","size":[2,2],"gt":"%s","counts":[[-1,[null],[4]]]}\n' % DIGEST.encode()
    assert json.loads(end) == {
        "rows": 2,
        "digest": f"blake2b:{hashlib.blake2b(head + first + second, digest_size=16).hexdigest()}",
    }


def test_no_time_and_no_name_is_in_a_packed_file() -> None:
    data = run_to_bytes(HAND_MADE, packed=True)
    assert data[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00" + data[8:10]
    assert gzip.decompress(data) == run_to_bytes(HAND_MADE, packed=False)


def test_two_and_two_point_zero_are_one_gamma() -> None:
    run = run_of(Maps(EIGHT_BIT, 1), [("a", 1)])
    whole = Probabilities(gamma=2, alpha=0, pos_weight=1, threshold=0, class_weights=(1, 2))
    real = Probabilities(gamma=2.0, alpha=0.0, pos_weight=1.0, threshold=0.0, class_weights=(1.0, 2.0))
    files = [
        run_to_bytes(replace(run, protocol=replace(run.protocol, probabilities=chosen)), packed=False)
        for chosen in (whole, real)
    ]
    assert files[0] == files[1]


def test_a_protocol_with_everything_comes_back() -> None:
    protocol = Protocol(
        preset="mine@00",
        classes=(SegmentationClass(3, "Straße", (1, 2, 3)), SegmentationClass(0, "b")),
        ignore=(255, "b", -1),
        mapping=((1, 2),),
        gt_map=((-1, 255),),
        pred_map=((7, 0),),
        closed=True,
        groups=(Group("flat", (3, 0)),),
        palette="0011",
        missing="skip",
        keys="a/*",
        probabilities=Probabilities(alpha=None, pos_weight="auto", eps="torch", class_weights=(0.5, 2.0)),
    )
    run = Run(protocol, ())
    assert run_from_bytes(run_to_bytes(run, packed=False), name="x") == run


def test_values_of_64_bits_and_counts_beyond_2_53_come_back() -> None:
    values = np.array([-(2**63) + 1, -1, 2**32, 2**63 - 1])
    pixels = np.array([2**39, 1, 2**53 % 7 + 1, 5])
    counts = table(values, values[::-1], pixels)
    run = Run(Protocol(), (Row("a", 1, counts.total, DIGEST, counts),))
    (row,) = run_from_bytes(run_to_bytes(run, packed=True), name="x").rows
    assert row.counts.items() == counts.items()


@given(kinds, image_lists(), st.booleans())
def test_save_load_save_gives_the_same_run_and_bytes(
    maps: Maps | None, images: list[tuple[str, int]], packed: bool
) -> None:
    run = run_of(maps, images)
    data = run_to_bytes(run, packed=packed)
    again = run_from_bytes(data, name="x")
    assert again == run
    assert run_to_bytes(again, packed=packed) == data


def test_names_of_any_bytes_come_back() -> None:
    run = run_of(None, [(name, index) for index, name in enumerate(NAMES)])
    data = run_to_bytes(run, packed=False)
    assert data.isascii()
    assert len(data.splitlines()) == len(NAMES) + 2
    assert {row.key for row in run_from_bytes(data, name="x").rows} == set(NAMES)


def test_saved_files_are_whole_and_packed_by_their_name(tmp_path: Path) -> None:
    for name, magic in (("a.jsonl", b"{"), ("b.jsonl.gz", b"\x1f\x8b"), ("c.GZ", b"\x1f\x8b")):
        save_run(HAND_MADE, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
        assert load_run(tmp_path / name) == HAND_MADE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl.gz", "c.GZ"]


def test_a_packed_file_is_told_by_its_content_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(run_to_bytes(HAND_MADE, packed=True))
    assert load_run(tmp_path / "x.jsonl") == HAND_MADE


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    save_run(HAND_MADE, path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError):
        save_run(run_of(None, [("z", 1)]), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.jsonl"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError):
            save_run(HAND_MADE, tmp_path / "run.jsonl")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["帧" * 80, "a" * 255])
def test_a_long_name_can_be_written(tmp_path: Path, name: str) -> None:
    save_run(HAND_MADE, tmp_path / name)
    assert load_run(tmp_path / name) == HAND_MADE
