"""Rows that are read by the block are those that are read by the line, and damage is told as if each line were read."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.errors import RunFileError
from segeval.protocol.labeling import NO_PREDICTION
from segeval.runs.columns import LazyRows
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.rowblocks import plain_rows
from segeval.runs.rowparts import row_of
from segeval.runs.rows import row_from_json, row_to_json
from segeval.runs.run import Row, Run
from segeval.runs.values import Damage, dumps, loads
from segeval.tables.counts import ascending, stacked, total
from tests.support.runs import protocol_of

DIGEST = f"blake2b:{'0123456789abcdef' * 2}"
NAMES = ("a", "a/b", "b c", 'q"', 'q"\\"', "\\", "\\\\", "ä", "\udcff", "\U0001f600", "#[::", "{'}", "x\x7f", "[1,2]")


def row(key: str, groups: list[tuple[int, list[int], list[int]]], *, height: int = 1) -> Row:
    gt = [value for value, pred, _ in groups for _ in pred]
    preds = [value for _, pred, _ in groups for value in pred]
    pixels = [count for _, _, counts in groups for count in counts]
    assert sum(pixels) % height == 0
    return Row(key, height, sum(pixels) // height, DIGEST, ascending(gt, preds, pixels))


def text_of(rows: list[Row]) -> bytes:
    return b"".join(dumps(row_to_json(one)) + b"\n" for one in rows)


def by_the_block(text: bytes) -> tuple[Row, ...] | None:
    columns = plain_rows(text)
    return None if columns is None else tuple(LazyRows(columns, row_of))


def by_the_line(text: bytes) -> tuple[Row, ...] | None:
    """Read as lines are read without blocks; `None` where one is damaged or keys do not ascend."""
    try:
        rows = tuple(row_from_json(loads(line + b"\n"), None) for line in text.split(b"\n")[:-1])
    except Damage:
        return None
    order = [one.key.encode("utf-8", "surrogateescape") for one in rows]
    return rows if order == sorted(set(order)) and text.endswith(b"\n") else None


def random_rows(seed: int) -> list[Row]:
    chance = random.Random(seed)
    rows = []
    names = sorted(
        {f"{name}{chance.randrange(50)}" for name in NAMES}, key=lambda key: key.encode("utf-8", "surrogateescape")
    )
    low, high = chance.choice([(0, 9), (0, 255), (-3, 300), (-(2**63) + 1, 2**63 - 1), (0, 70_000)])
    for name in names[: chance.randint(1, len(names))]:
        values = sorted({chance.randint(low, high) for _ in range(chance.randint(1, 5))})
        if chance.random() < 0.2:
            groups = [(value, [NO_PREDICTION], [chance.randint(1, 10**9)]) for value in values]
        else:
            groups = []
            for value in values:
                pred = sorted({chance.randint(low, high) for _ in range(chance.randint(1, 4))})
                groups.append((value, pred, [chance.randint(1, 10 ** chance.randint(1, 10)) for _ in pred]))
        rows.append(row(name, groups))
        if chance.random() < 0.3:
            rows[-1] = replace(rows[-1], inexact=(chance.randint(0, rows[-1].pixels), 1))
        if chance.random() < 0.3 and rows[-1].width % 2 == 0:
            rows[-1] = replace(rows[-1], depth=2, width=rows[-1].width // 2)
    return rows


@pytest.mark.parametrize("seed", range(60))
def test_rows_of_any_values_and_names_are_the_same_by_the_block_and_by_the_line(seed: int) -> None:
    rows = random_rows(seed)
    text = text_of(rows)
    assert by_the_block(text) == by_the_line(text) == tuple(rows)
    found = plain_rows(text)
    assert found is not None
    for place, one in enumerate(rows):  # in the smallest type, as everywhere
        again = found.tables[place]
        assert (again.gt.dtype, again.pred.dtype) == (one.counts.gt.dtype, one.counts.pred.dtype)


REPLACED: tuple[tuple[str, str], ...] = (
    ('"size":[1,3]', '"size":[1,4]'),
    ('"size":[1,3]', '"size":[3,1]'),
    ('"size":[1,3]', '"size":[01,3]'),
    ('"size":[1,3]', '"size":[1,3,1]'),
    ('"size":[1,3]', '"size":1[,3]'),
    ('"size":[1,3]', '"size":[1,],3'),
    ('"size":[1,3],', '"size":[1,],3'),
    ('"size":[1,3]', '"size":[,3],1'),
    ('"size":[1,3]', '"size":[3,1,1]'),
    ('"size":[1,3]', '"size":[2,1,3]'),
    ('"size":[1,3]', '"size":[1,1,3,1]'),
    ('"size":[1,3]', '"size":[3]'),
    ('"size":[1,3]', '"size":[3,,1]'),
    ('"size":[1,3]', '"size":[-1,-3]'),
    ('"size":[1,3]', '"size":[1.0,3]'),
    ('"size":[1,3]', '"size":[true,3]'),
    ('"size":[1,3]', '"size":[1,18446744073709551619]'),
    ("[0,[0,1],[1,2]]", "[0,[1,0],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,0],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[3]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,2,0]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[0,3]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[-1,4]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,1]],[0,[2],[1]]"),
    ("[0,[0,1],[1,2]]", "[1,[0,1],[1,1]],[0,[2],[1]]"),
    ("[0,[0,1],[1,2]]", "[0,[0],[1]],[1,[1],[2]]"),
    ("[0,[0,1],[1,2]]", "[0,[],[]],[1,[1],[3]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,2],[3]]"),
    ("[0,[0,1],[1,2]]", "[0,0,[0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[[0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1,],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,2]],"),
    ("[0,[0,1],[1,2]]", "[0,[0,[1]],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,2]"),
    ("[0,[0,1],[1,2]]", "[0,[0,-],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1-2],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,--1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,01],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[-0,[-0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1.0],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1e0],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,9223372036854775807],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,9223372036854775808],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,18446744073709551617],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[-9223372036854775807,[0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[-9223372036854775808,[0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[-9223372036854775808],[3]]"),
    ("[0,[0,1],[1,2]]", "[0,[null],[3]]"),
    ("[0,[0,1],[1,2]]", "[0,[null],[1]],[4,[null],[2]]"),
    ("[0,[0,1],[1,2]]", "[0,[null],[1]],[4,[1],[2]]"),
    ("[0,[0,1],[1,2]]", "[0,[null,null],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[null,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[null,[0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,null]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,1],[1,nul]]"),
    ("[0,[0,1],[1,2]]", "[0,[0,true],[1,2]]"),
    ("[0,[0,1],[1,2]]", "[0, [0,1],[1,2]]"),
    ("[0,[0,1],[1,2]]", "0,[0,1],[1,2]"),
    ('"counts":[[0,[0,1],[1,2]]]', '"counts":[]'),
    ('"counts":[[0,[0,1],[1,2]]]', '"counts":[[]]'),
    ('"counts":[[0,[0,1],[1,2]]]', '"counts":[[0,[0,1],[1,2]]],"counts":[[0,[0,1],[1,2]]]'),
    ('"counts":[[0,[0,1],[1,2]]]', '"counts":[[0,[0,1],[1,2]]],"unnormalised":0'),
    ('"key":"b"', '"key":""'),
    ('"key":"b"', '"key":"a"'),
    ('"key":"b"', '"key":"d"'),
    ('"key":"b"', '"key":"b\\u0000"'),
    ('"key":"b"', '"key":"b\\q"'),
    ('"key":"b"', '"key":"b\\ud800"'),
    ('"key":"b"', '"key":"b\\udc80"'),
    ('"key":"b"', '"key":"b\\""'),
    ('"key":"b"', '"key":"b\\\\"'),
    ('"key":"b"', '"key":"b\\\\\\""'),
    ('"key":"b"', '"key":"b\\"'),
    ('"key":"b"', '"key":"b\t"'),
    ('"key":"b"', '"key":"b\x01"'),
    ('"key":"b"', '"key":"b\x00"'),
    ('"key":"b"', '"key":"b":"c"'),
    ('"key":"b"', '"key":"b","key":"c"'),
    ('"key":"b"', '"key" : "b"'),
    ('"key":"b"', '"kez":"b"'),
    (DIGEST, DIGEST.upper()),
    (DIGEST, f"{DIGEST}0"),
    (DIGEST, DIGEST[:-1]),
    (DIGEST, f"{DIGEST[:-1]}g"),
    (DIGEST, f"{DIGEST[:-1]}\\u0030"),
)
REPLACED += tuple(
    ("}\n", text)
    for text in (
        ',"inexact":[1,2]}\n',
        ',"inexact":[0,3]}\n',
        ',"inexact":[0,4]}\n',
        ',"inexact":[4,0]}\n',
        ',"inexact":[0,0]}\n',
        ',"inexact":[1,-1]}\n',
        ',"inexact":[1,01]}\n',
        ',"inexact":[1,1.0]}\n',
        ',"inexact":[1,true]}\n',
        ',"inexact":[1,]}\n',
        ',"inexact":[1]}\n',
        ',"inexact":[1,1,1]}\n',
        ',"inexact":[1,1],}\n',
        ',"inexact":[1,1]},\n',
        ',"inexact":[1,1]\n',
        ',"inexact":[1,1]}\n\n',
        ',"inexact":[1,18446744073709551617]}\n',
        ',"inexact":[1,1],"inexact":[1,2]}\n',
        ',"inexact":[1,1],"unnormalised":0}\n',
        ',"inexact" :[1,1]}\n',
        '],"inexact":[1,1]}\n',
        ',"inexact":[1,1]]}\n',
    )
)
REPLACED += (
    ('"key":"b"', '"key":"b]]]\\",\\"inexact\\":[1,1]}"'),
    ('"key":"b"', '"key":"b]]]","inexact":[1,1]'),
    ('"key":"b"', '"key":"b]]],"inexact":[1,1]}\n'),
    ('"gt":', '"inexact":[1,1],"gt":'),
)
PLAIN = row("b", [(0, [0, 1], [1, 2])])
NEIGHBOURS = row("a", [(1, [1], [2])]), row("c", [(1, [1], [2])])


@pytest.mark.parametrize(("old", "new"), REPLACED, ids=[new[:60] for _, new in REPLACED])
@pytest.mark.parametrize("alone", [True, False])
def test_no_damage_passes_by_the_block(old: str, new: str, alone: bool) -> None:
    """What the reader of lines refuses is refused; what it reads is read as the same, or left to it."""
    text = text_of([PLAIN]) if alone else text_of([NEIGHBOURS[0], PLAIN, NEIGHBOURS[1]])
    changed = text.replace(text_of([PLAIN]), text_of([PLAIN]).replace(old.encode(), new.encode()))
    assert changed != text
    found, expected = by_the_block(changed), by_the_line(changed)
    assert found is None or found == expected


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_change_of_bytes_passes_by_the_block_that_does_not_by_the_line(data: st.DataObject) -> None:
    text = bytearray(text_of(random_rows(data.draw(st.integers(0, 50)))[:3]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(
            st.sampled_from([b"", b"0", b"9", b"-", b",", b"[", b"]", b"],[", b"]],[", b'"', b"\\", b"\n", b"}\n{"])
        )
        text[place : place + data.draw(st.integers(0, 4))] = piece
        if not text:
            text += b"\n"
    found, expected = by_the_block(bytes(text)), by_the_line(bytes(text))
    assert found is None or found == expected


def file_of(rows: list[Row], end: Callable[[bytes], bytes] = bytes) -> bytes:
    """Return a run file whose rows are changed after they were sealed, or before."""
    head = run_to_bytes(Run(protocol_of(None), ()), packed=False).split(b"\n", 1)[0] + b"\n"
    body = head + end(text_of(rows))
    seal = {"rows": body.count(b"\n") - 1, "digest": f"blake2b:{hashlib.blake2b(body, digest_size=16).hexdigest()}"}
    return body + json.dumps(seal, separators=(",", ":")).encode() + b"\n"


def many_rows(count: int) -> list[Row]:
    return [row(f"{index:06}", [(index % 3, [index % 5], [index + 1])]) for index in range(count)]


def test_a_file_of_many_blocks_is_read_as_its_rows_and_written_to_the_same_bytes() -> None:
    rows = many_rows(9000)
    data = file_of(rows)
    run = run_from_bytes(data, name="x")
    assert len(data) > 1 << 19, "more than one block"
    assert isinstance(run.rows, LazyRows), "nothing was left to the reader of lines"
    assert run == Run(protocol_of(None), tuple(rows))
    assert hash(run) == hash(Run(protocol_of(None), tuple(rows)))
    assert run.rows[2:4] == tuple(rows[2:4])
    assert run.rows[-1] == rows[-1]
    assert run_to_bytes(run, packed=False) == data
    assert run.table() == total(one.counts for one in rows)
    assert run.pixels == sum(one.width for one in rows)
    assert run.gt_digest() == Run(protocol_of(None), tuple(rows)).gt_digest()


@pytest.mark.parametrize("line", [0, 1, 4000, 8999])
def test_damage_in_any_block_is_told_with_its_line(line: int) -> None:
    rows = many_rows(9000)

    def damaged(text: bytes) -> bytes:
        lines = text.split(b"\n")
        lines[line] = lines[line].replace(b"blake2b:0", b"blake2b:X")
        return b"\n".join(lines)

    with pytest.raises(RunFileError) as caught:
        run_from_bytes(file_of(rows, damaged), name="x")
    assert caught.value.where == (f"x, line {line + 2}: the digest is none",)


def test_keys_ascend_from_one_block_to_the_next() -> None:
    rows = many_rows(9000)
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(file_of([*rows[1:], rows[0]]), name="x")
    with pytest.raises(RunFileError, match="damaged"):
        run_from_bytes(file_of([*rows, rows[-1]]), name="x")


def test_lines_that_are_written_otherwise_are_read_by_the_block_too() -> None:
    rows = many_rows(9000)
    spaced = file_of(rows, lambda text: text.replace(b'{"key":"004000"', b'{"key": "004000"'))
    for data in (spaced, spaced.replace(b'{"rows":', b' { "rows" : ')):
        run = run_from_bytes(data, name="x")
        assert run.rows == tuple(rows)
        assert isinstance(run.rows, LazyRows), "nothing was left to the reader of lines"


def test_volumes_and_inexact_colours_are_read_by_the_block() -> None:
    rows = many_rows(9000)
    for place in range(0, 9000, 7):
        rows[place] = replace(rows[place], inexact=(rows[place].pixels, place % 2))
    for place in range(1, 9000, 2):
        rows[place] = replace(rows[place], depth=rows[place].width, width=1)
    run = run_from_bytes(file_of(rows), name="x")
    assert isinstance(run.rows, LazyRows)
    assert run.rows == tuple(rows)
    assert run.pixels == sum(one.pixels for one in rows)


def test_one_image_of_very_many_cells_is_read_in_pieces() -> None:
    values = list(range(700))
    one = row("a", [(value, values, [1] * len(values)) for value in values])
    assert len(text_of([one])) > 1 << 20
    assert by_the_block(text_of([one])) == (one,)


def test_stacked_tables_are_those_that_were_stacked() -> None:
    tables = [one.counts for seed in range(20) for one in random_rows(seed)]
    together = stacked(tables)
    assert list(together) == tables
    assert together[1:3] == tuple(tables[1:3])
    assert stacked(together) is together
    assert total(together) == total(tables)
    assert len(stacked([])) == 0
    assert np.array_equal(together.ends, np.append(0, np.cumsum(list(map(len, tables)))))
