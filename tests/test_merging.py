"""Parts united into a Parquet file in bounded memory: the union, whatever is spilled, and refused as the union is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.errors import RunFileError
from segeval.protocol.protocol import Protocol
from segeval.runs.columns import BlockRows
from segeval.runs.file import load_run, run_to_bytes, save_run
from segeval.runs.run import Maps, Run
from segeval.runs.storedruns import united_into
from segeval.runs.unions import union
from tests.support.commandline import run_segeval
from tests.support.properties import examples
from tests.support.runs import KINDS, image_lists, kinds, run_of

pytest.importorskip("pyarrow")
MANY = [(f"city/{number:03d}", number) for number in range(60)]


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold a few cells only, so that parts are spilled, and spills merged with each other."""
    monkeypatch.setattr("segeval.runs.merging.HELD_CELLS", 20)
    monkeypatch.setattr("segeval.runs.merging.SPILL_CELLS", 10)
    monkeypatch.setattr("segeval.runs.merging.MOST_SPILLS", 3)


def saved(folder: Path, runs: Sequence[Run], suffix: str = ".parquet") -> list[Path]:
    paths = [folder / f"part-{place}{suffix}" for place in range(len(runs))]
    for path, run in zip(paths, runs, strict=True):
        save_run(run, path)
    return paths


def unite(output: Path, parts: Sequence[Path]) -> None:
    with united_into(output, parts):
        pass


def merged(folder: Path, runs: Sequence[Run], suffix: str = ".parquet") -> Run:
    unite(folder / "whole.parquet", saved(folder, runs, suffix))
    return load_run(folder / "whole.parquet")


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("maps", KINDS, ids=str)
@pytest.mark.usefixtures("tight")
def test_parts_are_the_whole(maps: Maps | None, suffix: str, tmp_path: Path) -> None:
    whole = run_of(maps, MANY)
    parts = [run_of(maps, MANY[place::7]) for place in range(7)]
    found = merged(tmp_path, parts[::-1], suffix)
    assert run_to_bytes(found, packed=False) == run_to_bytes(whole, packed=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["whole.parquet", *(f"part-{place}{suffix}" for place in range(7))]
    )


@pytest.mark.parametrize("maps", KINDS, ids=str)
@pytest.mark.usefixtures("tight")
def test_parts_of_parquet_become_json_lines_whose_rows_stay_in_files_until_then(
    maps: Maps | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segeval.runs.parquet.IN_MEMORY_ROWS", 0)
    monkeypatch.setattr("segeval.runs.storedruns.union", None)
    parts = saved(tmp_path, [run_of(maps, MANY[place::3]) for place in range(3)])
    with united_into(tmp_path / "whole.jsonl", parts[::-1]) as (united, count, rows):
        assert isinstance(united.rows, BlockRows)
        assert (len(united.rows), count, rows) == (len(MANY), 3, len(MANY))
    assert (tmp_path / "whole.jsonl").read_bytes() == run_to_bytes(run_of(maps, MANY), packed=False)
    unite(tmp_path / "one.jsonl", parts[:1])
    assert (tmp_path / "one.jsonl").read_bytes() == run_to_bytes(run_of(maps, MANY[::3]), packed=False)


@given(kinds.filter(lambda maps: maps is None or maps.in_rows), st.lists(image_lists(), min_size=1, max_size=4))
@settings(max_examples=examples(12))
def test_what_is_in_several_parts_counts_once(maps: Maps | None, images: list[list[tuple[str, int]]]) -> None:
    import tempfile

    seeds: dict[str, int] = {}
    runs = [run_of(maps, [(key, seeds.setdefault(key, seed)) for key, seed in part]) for part in images]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (("HELD_CELLS", 8), ("SPILL_CELLS", 4), ("MOST_SPILLS", 2)):
            patch.setattr(f"segeval.runs.merging.{name}", value)
        assert merged(Path(folder), runs) == union([("", run) for run in runs])


@pytest.mark.usefixtures("tight")
def test_rows_that_differ_are_told_with_both_parts(tmp_path: Path) -> None:
    runs = [run_of(None, MANY[:30]), run_of(None, MANY[20:]), run_of(None, [("city/025", 99), ("city/059", 98)])]
    (tmp_path / "whole.parquet").write_bytes(b"old")
    with pytest.raises(RunFileError) as caught:
        unite(tmp_path / "whole.parquet", saved(tmp_path, runs))
    first, second, third = (tmp_path / f"part-{place}.parquet" for place in range(3))
    assert caught.value.what == "runs disagree on an image"
    assert set(caught.value.where) == {f"city/025: {first} and {third}", f"city/059: {second} and {third}"}
    assert (tmp_path / "whole.parquet").read_bytes() == b"old"


def test_other_protocols_and_maps_are_refused(tmp_path: Path) -> None:
    run = run_of(None, MANY[:3])
    for runs in ([run, replace(run, protocol=Protocol(closed=True))], [run_of(KINDS[1], MANY[:2]), run]):
        with pytest.raises(RunFileError, match="cannot be merged"):
            unite(tmp_path / "whole.parquet", saved(tmp_path, runs))
    assert not (tmp_path / "whole.parquet").exists()


def test_combine_says_how_many_there_were_whatever_it_writes(tmp_path: Path) -> None:
    saved(tmp_path, [run_of(None, MANY[:20]), run_of(None, MANY[10:])])
    told = [
        run_segeval("combine", "part-*.parquet", "-o", f"whole{suffix}", cwd=tmp_path)
        for suffix in (".parquet", ".jsonl")
    ]
    assert [done.code for done in told] == [0, 0]
    assert told[0].stderr == told[1].stderr
    assert "60 images of 2 runs; 10 were in several parts and count once" in told[0].stderr
    assert load_run(tmp_path / "whole.parquet") == load_run(tmp_path / "whole.jsonl")
