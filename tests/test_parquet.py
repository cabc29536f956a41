"""Runs as Parquet: the same content as JSON Lines whatever a row holds, read whole or by the block, or refused."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

import segeval
from segeval.errors import RunFileError, SegevalError, UsageError
from segeval.request import build_request
from segeval.runs.columns import BlockRows, LazyRows
from segeval.runs.file import load_run, run_from_bytes, run_to_bytes, save_run
from segeval.runs.run import Maps, Run
from tests.support.commandline import run_segeval
from tests.support.properties import examples
from tests.support.runs import KINDS, image_lists, kinds, run_of
from tests.test_runfile import HAND_MADE

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from segeval.runs import parquet as runs_parquet  # noqa: E402
from segeval.runs.parquet import parquet_bytes  # noqa: E402
from segeval.scores import imageblocks  # noqa: E402

SAMPLES = ("sample_masks/pred", "sample_masks/gt")
MANY = [(f"city/{number:03d}", number) for number in range(40)]


@pytest.fixture
def by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read runs of a few rows as those of millions are: in blocks of ten rows, which stay in the file."""
    monkeypatch.setattr(runs_parquet, "IN_MEMORY_ROWS", 0)
    monkeypatch.setattr("segeval.runs.parquetrows.BLOCK_ROWS", 10)


def lines(run: Run) -> bytes:
    return run_to_bytes(run, packed=False)


def through(run: Run) -> Run:
    return run_from_bytes(parquet_bytes(run), name="run.parquet")


@given(kinds, image_lists())
@settings(max_examples=examples(12))
def test_nothing_is_lost_on_the_way_through_parquet(maps: Maps | None, images: list[tuple[str, int]]) -> None:
    run = run_of(maps, images)
    again = through(run)
    assert again == run
    assert lines(again) == lines(run)
    assert parquet_bytes(again) == parquet_bytes(run)


@pytest.mark.parametrize("maps", KINDS, ids=str)
@pytest.mark.usefixtures("by_block")
def test_rows_that_stay_in_the_file_are_the_same_rows(maps: Maps | None, tmp_path: Path) -> None:
    run = run_of(maps, MANY)
    save_run(run, tmp_path / "run.parquet")
    again = load_run(tmp_path / "run.parquet")
    assert isinstance(again.rows, BlockRows)
    assert again == run
    assert again.rows[17] == run.rows[17]
    assert again.rows[-1] == run.rows[-1]
    assert again.rows[8:12] == run.rows[8:12]
    assert again.table() == run.table()
    assert again.gt_digest() == run.gt_digest()
    assert again.pixels == run.pixels
    assert lines(again) == lines(run)


def test_names_that_are_no_text_keep_their_bytes() -> None:
    run = run_of(None, [("a/\udcff", 1), ("a/é", 2), ("a/\\xff", 4)])
    assert through(run) == run
    told = parquet.read_table(pyarrow.BufferReader(parquet_bytes(run))).column("key").to_pylist()
    assert told == ["a/\\xff", "a/é", "a/\\xff"]


@pytest.mark.parametrize("options", [{"boundary": "2"}, {"distances": "monai"}], ids=str)
def test_contours_and_distances_come_back(options: dict[str, Any]) -> None:
    pytest.importorskip("scipy")
    run = segeval.measure(*SAMPLES, classes="sample_masks/classes.txt", **options)
    assert lines(through(run)) == lines(run)


def test_volumes_and_inexact_colours_come_back() -> None:
    first, second = run_of(None, [("a", 1), ("b", 2)]).rows
    volume = replace(first, depth=2, counts=replace(first.counts, pixels=2 * first.counts.pixels))
    run = Run(HAND_MADE.protocol, (volume, replace(second, inexact=(1, 0))))
    assert through(run) == run
    assert lines(through(run)) == lines(run)
    in_columns = run_from_bytes(run_to_bytes(run, packed=False), name="x")
    assert isinstance(in_columns.rows, LazyRows)
    assert through(in_columns) == run


def test_regions_of_interest_come_back(tmp_path: Path) -> None:
    for side, values in (("pred", [[0, 1], [1, 1]]), ("gt", [[0, 1], [0, 1]]), ("roi", [[255, 0], [255, 255]])):
        (tmp_path / side).mkdir()
        Image.fromarray(np.array(values, np.uint8)).save(tmp_path / side / "a.png")
    run = segeval.measure(tmp_path / "pred", tmp_path / "gt", classes=2, roi=tmp_path / "roi")
    assert run.rows[0].outside == 1
    assert lines(through(run)) == lines(run)


def test_missing_predictions_are_null_and_a_table_of_pandas_has_the_cells() -> None:
    data = parquet.read_table(pyarrow.BufferReader(parquet_bytes(HAND_MADE)))
    assert data.column("key").to_pylist() == ["a", "é"]
    assert data.column("cells").to_pylist()[1] == [{"gt": -1, "pred": None, "pixels": 4}]
    assert through(HAND_MADE) == HAND_MADE


def test_an_empty_run_is_a_run() -> None:
    empty = Run(HAND_MADE.protocol, ())
    assert through(empty) == empty


def test_score_saves_what_report_reads_and_combine_converts_it_both_ways(tmp_path: Path) -> None:
    root = Path("sample_masks").resolve()
    score = ("score", str(root / "pred"), str(root / "gt"), "--classes", str(root / "classes.txt"), "-f", "json")
    for name in ("run.parquet", "run.jsonl"):
        assert run_segeval(*score, "--save", name, cwd=tmp_path).code == 0
    reports = [run_segeval("report", name, "-f", "json", cwd=tmp_path).stdout for name in ("run.parquet", "run.jsonl")]
    assert reports[0] == reports[1]
    for given_name, wanted in (("run.parquet", "again.jsonl"), ("run.jsonl", "again.parquet")):
        assert run_segeval("combine", given_name, "-o", wanted, cwd=tmp_path).code == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "run.jsonl").read_bytes()
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "run.parquet").read_bytes()
    assert run_segeval("compare", "run.parquet", "run.jsonl", cwd=tmp_path).code == 0


def rewritten(change: Any, run: Run | None = None) -> bytes:
    """Write the table of a run again after a change, with the run's own metadata."""
    whole = parquet_bytes(run or run_of(None, [("a", 1), ("b", 2)]))
    file = parquet.ParquetFile(pyarrow.BufferReader(whole))
    sink = pyarrow.BufferOutputStream()
    table = change(file.read())
    with parquet.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(file.metadata.metadata)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def column(table: Any, name: str, change: Any) -> Any:
    place = table.column_names.index(name)
    values = change(table.column(name).to_pylist())
    return table.set_column(place, table.schema.field(name), pyarrow.array(values, table.schema.field(name).type))


def more_pixels(cells: list[Any]) -> list[Any]:
    return [[{**cell, "pixels": cell["pixels"] + 1} for cell in image] for image in cells]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.slice(1), "other rows than the totals"),
        (lambda table: column(table, "key", lambda keys: keys[::-1]), "the keys do not ascend"),
        (lambda table: column(table, "key", lambda keys: ["a", "a"]), "the keys do not ascend"),
        (lambda table: column(table, "key", lambda keys: ["a", "bb"]), "do not add up to the totals"),
        (lambda table: column(table, "key", lambda keys: ["", "bb"]), "a key is none"),
        (lambda table: column(table, "key", lambda keys: ["a", None]), "key is missing"),
        (lambda table: column(table, "cells", more_pixels), "do not add up to the size"),
        (lambda table: column(table, "cells", lambda cells: [image[::-1] for image in cells]), "do not ascend"),
        (lambda table: column(table, "cells", lambda cells: [[] for _ in cells]), "a table is empty"),
        (lambda table: column(table, "height", lambda sizes: [0, 1]), "a size is none"),
        (lambda table: column(table, "width", lambda sizes: [1 << 41, 1]), "a size is none"),
        (lambda table: column(table, "more", lambda more: ["{}x", None]), "no line of JSON"),
        (lambda table: column(table, "more", lambda more: ['{"odd":1}', None]), "other fields"),
        (lambda table: table.drop_columns(["width"]), "other columns"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_changed_file_is_refused(change: Any, told: str, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not whole:
        monkeypatch.setattr(runs_parquet, "IN_MEMORY_ROWS", 0)
    data = rewritten(change)
    with pytest.raises(RunFileError) as caught:
        list(run_from_bytes(data, name="x.parquet").rows)
    assert told in str(caught.value)
    assert "x.parquet" in str(caught.value)


def test_what_was_changed_to_nothing_is_read() -> None:
    run = run_of(None, [("a", 1), ("b", 2)])
    assert run_from_bytes(rewritten(lambda table: table, run), name="x") == run


def test_damaged_bytes_are_refused_wherever_they_are() -> None:
    whole = parquet_bytes(run_of(None, MANY))
    run = run_of(None, MANY)
    for place in range(4, len(whole), max(1, len(whole) // 40)):
        changed = bytearray(whole)
        changed[place] ^= 0x20
        with suppress(RunFileError):
            assert run_from_bytes(bytes(changed), name="x") == run  # nobody reads the byte
    for end in (4, 12, len(whole) // 2, len(whole) - 1):
        with pytest.raises(RunFileError):
            run_from_bytes(whole[:end], name="x")


def test_any_other_parquet_is_no_run_file(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"key": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(RunFileError) as caught:
        load_run(tmp_path / "x.parquet")
    assert caught.value.what == "this is not a run file"


def test_a_newer_schema_says_so() -> None:
    whole = parquet_bytes(HAND_MADE)
    file = parquet.ParquetFile(pyarrow.BufferReader(whole))
    facts = dict(file.metadata.metadata)
    facts[b"segeval"] = json.dumps({**json.loads(facts[b"segeval"]), "schema": 99}).encode()
    sink = pyarrow.BufferOutputStream()
    with parquet.ParquetWriter(sink, file.schema_arrow, store_schema=False) as writer:
        writer.write_table(file.read())
        writer.add_key_value_metadata(facts)
    with pytest.raises(RunFileError, match="newer segeval"):
        run_from_bytes(sink.getvalue().to_pybytes(), name="x")


def test_pixels_beyond_int64_are_refused_where_their_sum_would_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    row = HAND_MADE.rows[0]
    counts = replace(row.counts, pixels=np.array([1, 1, (1 << 40) - 2]))
    giant = replace(row, height=1 << 20, width=1 << 20, counts=counts)
    run = Run(HAND_MADE.protocol, tuple(replace(giant, key=f"{number:04d}") for number in range(5)))
    assert through(run).pixels == 5 << 40
    monkeypatch.setattr("segeval.tables.counts.MOST_PIXELS", float(4 << 40))
    with pytest.raises(SegevalError, match="more pixels than can be counted"):
        parquet_bytes(run)


def test_without_pyarrow_the_line_that_installs_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.parquet").write_bytes(parquet_bytes(HAND_MADE))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        load_run(tmp_path / "run.parquet")
    assert "pip install 'segeval-masks[parquet]'" in caught.value.fix
    with pytest.raises(UsageError):
        save_run(HAND_MADE, tmp_path / "new.parquet")
    assert not (tmp_path / "new.parquet").exists()


def test_a_run_in_memory_is_in_columns() -> None:
    assert isinstance(through(run_of(None, [("a", 1), ("b", 2)])).rows, LazyRows)


def told(folder: Path, name: str, *arguments: str) -> Any:
    done = run_segeval("report", name, "-f", "json", "--no-config", *arguments, cwd=folder)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--worst", "3", "--gain"),
        ("--ci", "95", "--resamples", "20"),
        ("--ci", "95", "--resamples", "20", "--ci-method", "bca", "--group-by", "city/.."),
        ("--by", "half,class-size", "--slice-regex", "half=/(.)", "--resamples", "20"),
        ("--keys", "city/00*"),
        ("--keys", "city/0*5", "--worst", "3", "--ci", "95", "--resamples", "20"),
        *(
            ("--convention", name, "--unknown", "miss")
            for name in ("ade20k", "torchmetrics-miou", "smp-micro-imagewise")
        ),
        ("--average", "image"),
        ("--average", "image-class", "--absent", "one"),
        ("--average", "class-image", "--absent", "zero"),
        ("--average", "image-micro"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("by_block")
def test_a_report_is_the_same_where_the_rows_stay_in_the_file(arguments: tuple[str, ...], tmp_path: Path) -> None:
    run = run_of(None, MANY)
    run = replace(run, protocol=replace(build_request(classes=3, unknown="miss").protocol))
    for name in ("run.jsonl", "run.parquet"):
        save_run(run, tmp_path / name)
    assert told(tmp_path, "run.parquet", *arguments) == told(tmp_path, "run.jsonl", *arguments)


@pytest.mark.usefixtures("by_block")
def test_the_scores_of_each_image_are_the_same_and_every_block_is_read_once_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    block = imageblocks.BlockTallies._block

    def noted(self: imageblocks.BlockTallies, place: int) -> Any:
        read.append(place)
        return block(self, place)

    monkeypatch.setattr(imageblocks.BlockTallies, "_block", noted)
    run = replace(run_of(None, MANY), protocol=build_request(classes=3, unknown="miss").protocol)
    for kind in ("jsonl", "parquet"):
        save_run(run, tmp_path / f"run.{kind}")
        told(tmp_path, f"run.{kind}", "--per-image", f"{kind}.csv")
    assert (tmp_path / "parquet.csv").read_bytes() == (tmp_path / "jsonl.csv").read_bytes()
    blocks = len(set(read))
    assert blocks > 2
    assert len(read) < 30 * blocks, "however many images a block has"
