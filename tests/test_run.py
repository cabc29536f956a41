"""A run: its sums look free, so they are made once, and never outlive the rows that they are sums of."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given

from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.runs import partcolumns
from segeval.runs import run as runs
from segeval.runs.choosing import subset
from segeval.runs.run import Maps
from segeval.tables.counts import JointCounts, total
from tests.support.runs import image_lists, kinds, run_of

IMAGES = [("a", 1), ("b", 2), ("c", 3)]


@given(kinds, image_lists())
def test_the_sums_of_a_run_are_those_of_its_rows(maps: Maps | None, images: list[tuple[str, int]]) -> None:
    run = run_of(maps, images)
    assert run.table() == total(row.counts for row in run.rows)
    assert run.pixels == run.table().total == sum(row.height * row.width for row in run.rows)
    for position, table in enumerate(run.level_tables()):
        assert table == total(row.levels[position] for row in run.rows if row.levels)


def test_rows_are_added_up_once_however_often_a_sum_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[JointCounts] = []

    def noted(tables: Iterable[JointCounts]) -> JointCounts:
        added.append(total(tables))
        return added[-1]

    for module in (partcolumns, runs):
        monkeypatch.setattr(module, "total", noted)
    run = run_of(Maps(EIGHT_BIT, 3), IMAGES)
    for _ in range(3):
        run.table()
        run.level_tables()
        run.resolve()
    assert len(added) == 1 + 3


def test_a_run_of_other_rows_has_sums_of_its_own() -> None:
    run = run_of(Maps(EIGHT_BIT, 1), IMAGES)
    whole = run.table().total
    part = subset(run, lambda key: key != "a")
    assert part.table().total == whole - run.rows[0].counts.total == part.pixels
    assert part.level_tables()[0] == total(row.levels[0] for row in part.rows if row.levels) != run.level_tables()[0]
    assert replace(run, rows=()).table().total == replace(run, rows=()).pixels == 0


def test_a_sum_that_was_made_changes_nothing_else_of_a_run() -> None:
    run, same = (run_of(Maps(EIGHT_BIT, 1), IMAGES) for _ in range(2))
    assert run.table().total == run.pixels > 0
    assert run.level_tables()
    assert run == same
    assert repr(run) == repr(same)
    assert pickle.loads(pickle.dumps(run)) == same
    with pytest.raises(AttributeError):
        run.rows = ()  # type: ignore[misc]
