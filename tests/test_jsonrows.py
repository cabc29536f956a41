"""Rows of maps, contours, distances, lesions and regions read by the block are those that are read by the line."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.contours.counts import ContourCounts, DistanceValues, LesionCounts
from segeval.protocol.distances import Distances
from segeval.protocol.labeling import NO_PREDICTION
from segeval.protocol.lesions import Lesions
from segeval.protocol.protocol import Protocol
from segeval.protocol.storage import Storage
from segeval.runs.columns import LazyRows, chosen_rows, joined_columns, part_of, taken
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.jsonrows import rows_in
from segeval.runs.rowparts import row_of
from segeval.runs.rows import check_contours, row_from_json, row_to_json
from segeval.runs.run import Row, Run, ascending_keys
from segeval.runs.values import Damage, dumps, loads
from segeval.tables.counts import ascending
from tests.support.properties import some
from tests.support.runs import KINDS, run_of

ASKED = {
    "contours": Protocol(boundary=("authors", 2)),
    "distances": Protocol(distances=Distances("monai")),
    "lesions": Protocol(lesions=Lesions("detection")),
    "lesions of brats": Protocol(lesions=Lesions("brats2023-gli")),
    "regions": Protocol(storage=Storage(roi=True)),
    "labels": Protocol(),
    "everything": Protocol(
        boundary=(1,), distances=Distances("nnunet"), lesions=Lesions("brats2023-met"), storage=Storage(roi=True)
    ),
}
NAMES = (*(f"maps {place}" for place, kind in enumerate(KINDS) if kind is not None), *ASKED)
DIGEST = f"blake2b:{'0123456789abcdef' * 2}"


def contours(chance: random.Random, ids: list[int], widths: int) -> ContourCounts:
    border = np.array([[chance.randint(1, 4), chance.randint(1, 4), chance.randint(0, 4)] for _ in ids], np.int64)
    matched = np.array([[[chance.randint(0, 1), 1] for _ in range(widths)] for _ in ids], np.int64)
    band = np.array([[[4, chance.randint(1, 4), chance.randint(0, 1)] for _ in range(widths)] for _ in ids], np.int64)
    if not ids:
        widths = 0
    shaped = [
        np.array(ids, np.int64),
        band.reshape(len(ids), widths, 3),
        band[::-1].reshape(len(ids), widths, 3),
        border.reshape(len(ids), 3),
        matched.reshape(len(ids), widths, 2),
        border.reshape(len(ids), 3)[:, :2],
        matched.reshape(len(ids), widths, 2),
    ]
    return ContourCounts(*shaped)


def around(chance: random.Random, protocol: Protocol) -> dict[str, Any]:
    """Make what a row of 12 pixels keeps beside its labels."""
    ids = sorted(chance.sample([-3, 0, 1, 2, 70_000], chance.randint(0, 3)))
    found: dict[str, Any] = {}
    if protocol.boundary is not None:
        found["contours"] = contours(chance, ids, len(protocol.boundary))
    if protocol.distances is not None:
        size = len(protocol.distances.scores)
        values = [[chance.choice([0.0, 1.5, np.nan, 1e-300]) for _ in range(size)] for _ in ids]
        states = np.array([chance.randint(0, 3) for _ in ids], np.int64)
        found["distances"] = DistanceValues(np.array(ids, np.int64), np.array(values).reshape(len(ids), size), states)
    if protocol.lesions is not None:
        size = len(protocol.lesions.values)
        counts = np.array([[chance.randint(0, 3) for _ in range(3)] for _ in ids], np.int64).reshape(len(ids), 3)
        scores = np.array([[chance.random() for _ in range(size)] for _ in ids]).reshape(len(ids), size)
        states = np.array([chance.randint(0, 2) for _ in ids], np.int64)
        found["lesions"] = LesionCounts(np.array(ids, np.int64), counts, scores, states)
    if protocol.storage.roi:
        found |= {"roi": DIGEST, "outside": chance.randint(0, 5)}
    return found


def rows_of(name: str, seed: int) -> Run:
    """Make a run of some rows by chance."""
    chance = random.Random(seed)
    keys = sorted(chance.sample(["a", "b/c", "é", 'q"', "\\", "\udcff", "d", "e", "f"], chance.randint(1, 6)))
    if name.startswith("maps"):
        return run_of(KINDS[int(name[5:])], [(key, chance.randint(0, 99)) for key in keys])
    protocol, rows = ASKED[name], []
    for key in sorted(keys, key=lambda key: key.encode("utf-8", "surrogateescape")):
        more = around(chance, protocol)
        pixels = 12 - more.get("outside", 0)
        gt, pred = ([0, 3], [NO_PREDICTION] * 2) if chance.random() < 0.2 else ([0, 3], [1, -7])
        inexact = (chance.randint(0, 1), chance.randint(0, pixels))
        rows.append(Row(key, 3, 4, DIGEST, ascending(gt, pred, [1, pixels - 1]), inexact=inexact, **more))
        if chance.random() < 0.3:
            rows[-1] = replace(rows[-1], depth=2, height=3, width=2)
    return Run(protocol, tuple(rows))


def text_of(rows: Sequence[Row]) -> bytes:
    return b"".join(dumps(row_to_json(one)) + b"\n" for one in rows)


def by_the_block(text: bytes, head: Run) -> tuple[Row, ...] | None:
    columns = rows_in(text, head)
    return None if columns is None else tuple(LazyRows(columns, row_of))


def by_the_line(text: bytes, head: Run) -> tuple[Row, ...] | None:
    """Read as lines are read without blocks; `None` where one is damaged or keys do not ascend."""
    rows = []
    try:
        for line in text.split(b"\n")[:-1]:
            facts = loads(line + b"\n")
            rows.append(row_from_json(facts, head.maps))
            check_contours(rows[-1], head.protocol)
    except Damage:
        return None
    return tuple(rows) if rows and text.endswith(b"\n") and ascending_keys([one.key for one in rows]) else None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", some(range(24)))
def test_rows_of_every_kind_are_the_same_by_the_block_and_by_the_line(name: str, seed: int) -> None:
    run = rows_of(name, seed)
    text = text_of(run.rows)
    assert by_the_block(text, run) == by_the_line(text, run) == tuple(run.rows)
    columns = rows_in(text, run)
    assert columns is not None
    middle = len(run.rows) // 2
    halves = [part_of(columns, 0, middle), part_of(columns, middle, len(run.rows))]
    assert tuple(LazyRows(joined_columns(halves), row_of)) == tuple(run.rows), "parts put together are the whole"
    backwards = np.arange(len(run.rows))[::-1]
    assert tuple(LazyRows(taken(columns, backwards), row_of)) == tuple(run.rows)[::-1]
    assert tuple(chosen_rows(LazyRows(columns, row_of), "d".__le__)) == tuple(chosen_rows(tuple(run.rows), "d".__le__))


PIECES = (
    b"", b"0", b"9", b"-", b".", b"1.0", b"e9", b",", b"[", b"]", b"],[", b"[]", b"null", b"true", b'"', b'""', b"\\",
    b"\n", b"\t", b" ", b"}\n{", b'"torch"', b'"outside":0,', b'"unnormalised":0,', b'"levels":[],', b'"roi":"",',
    b"18446744073709551617", b"9007199254740993", b"2.0", b"0.5",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_what_is_damage_to_one_reader_is_damage_to_the_other(name: str, data: st.DataObject) -> None:
    """So what the block leaves to the line is what the line refuses, and no valid file is slow to read."""
    run = rows_of(name, data.draw(st.integers(0, 30)))
    text = bytearray(text_of(run.rows[:3]))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES))
        if not text:
            text += b"\n"
    assert by_the_block(bytes(text), run) == by_the_line(bytes(text), run)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_any_number_is_the_same_damage_to_both(name: str) -> None:
    """Each number of a row one higher, one lower, gone, twice, and as a float."""
    run = rows_of(name, 5)
    text = text_of(run.rows[:2])
    places = [
        at for at in range(1, len(text)) if text[at : at + 1].isdigit() and text[at - 1 : at] in (b",", b"[", b":")
    ]
    assert len(places) > 10
    for at in places:
        end = next(end for end in range(at, len(text)) if text[end : end + 1] in (b",", b"]", b"}"))
        number = text[at:end]
        higher = b"%d" % (int(number) + 1) if number.isdigit() else number.replace(b".", b"1.")
        for other in (
            higher,
            b"0",
            b"-1",
            b"",
            number + b"," + number,
            number + b".0",
            number + b"e400",
            b"true",
            b"null",
        ):
            changed = text[:at] + other + text[end:]
            assert by_the_block(changed, run) == by_the_line(changed, run), changed


@pytest.mark.parametrize("name", NAMES)
def test_files_of_every_kind_are_read_as_columns_and_written_to_the_same_bytes(name: str) -> None:
    run = rows_of(name, 7)
    data = run_to_bytes(run, packed=False)
    found = run_from_bytes(data, name="x")
    assert isinstance(found.rows, LazyRows), "nothing was left to the reader of lines"
    assert found == run
    assert run_to_bytes(found, packed=False) == data
    assert found.gt_digest() == run.gt_digest()
    assert found.pixels == run.pixels
    assert found.level_tables() == run.level_tables()
