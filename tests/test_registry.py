"""The registry of scores: whatever a report, a class or a resample has is in it once, in its order."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from segeval.errors import UsageError
from segeval.report.gates import parse_gate
from segeval.scores import curves, losses
from segeval.scores.registry import (
    HEADLINE,
    OF_CLASS_MAPS,
    OF_CLASSES,
    OF_CONTOURS,
    OF_MAPS,
    OF_MASKS,
    SCORE,
    SCORES,
    chosen,
    ordered,
    score_meant,
)
from segeval.tables.levels import LevelTable
from tests.support.sample_reports import REPORTS

PACKAGE = Path(__file__).resolve().parents[1] / "segeval"


def test_no_two_scores_can_be_meant_by_one_word() -> None:
    words = [word.casefold() for score in SCORES for word in {score.name, score.title.casefold()}]
    assert sorted(words) == sorted(set(words))
    assert len(SCORE) == len(SCORES) > 20


def test_every_score_is_found_by_its_name_and_its_title_in_any_case() -> None:
    for score in SCORES:
        for word in (score.name, score.title, score.name.upper(), score.title.swapcase(), f" {score.title} "):
            assert score_meant(word) is score
    for word in ("", "m", "mi ou", "iou.person", "mIoU %"):
        assert score_meant(word) is None


def test_every_score_is_of_something_and_the_lists_have_every_score_between_them() -> None:
    assert all(score.of_data or score.per_class for score in SCORES)
    assert {*OF_MASKS, *OF_CLASSES, *OF_CONTOURS, *OF_MAPS} == set(SCORE)
    assert set(OF_CLASS_MAPS) <= set(OF_MAPS)
    assert HEADLINE.name in OF_MASKS


@pytest.mark.parametrize("name", REPORTS)
def test_reports_and_classes_have_their_scores_in_the_order_of_the_registry(name: str) -> None:
    report = REPORTS[name]
    with_maps = report.probabilities is not None
    assert list(report.scores) == chosen(SCORE, report.scores)
    assert {score for score in report.scores if SCORE[score].of_maps} <= (set(OF_MAPS) if with_maps else set())
    assert all(SCORE[score].of_data for score in report.scores)
    for entry in report.classes:
        assert list(entry.scores()) == chosen(SCORE, entry.scores())
        assert {score for score in entry.scores() if not SCORE[score].of_maps} == set(OF_CLASSES)
        assert all(SCORE[score].per_class for score in entry.scores())


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_bounded_never_leaves_0_to_1_and_losses_never_fall_below_0(name: str) -> None:
    report = REPORTS[name]
    for scores in (report.scores, *(entry.scores() for entry in report.classes)):
        for score, value in scores.items():
            assert value is None or 0 <= value <= (1 if SCORE[score].bounded else float("inf"))


def test_which_way_is_better_is_what_a_better_map_shows() -> None:
    good, bad = LevelTable(), LevelTable()
    gt = np.array([0, 0, 1, 1, 0, 1])
    good.update(np.array([0, 10, 250, 255, 30, 200], np.uint8), gt)
    bad.update(np.array([200, 10, 90, 255, 130, 20], np.uint8), gt)
    functions: dict[str, Callable[[LevelTable], float | None]] = {
        "bce": lambda table: losses.bce(table).value,
        "focal": lambda table: losses.focal(table).value,
        "brier": curves.brier,
        "mae": curves.mae,
        "ece": curves.ece,
        "average_precision": curves.average_precision,
        "auroc": curves.auroc,
    }
    assert list(functions) == list(OF_CLASS_MAPS)
    for name, function in functions.items():
        better, worse = function(good), function(bad)
        assert better is not None
        assert worse is not None
        assert (better < worse) is SCORE[name].lower_is_better, name


def test_a_bound_above_1_is_for_scores_that_can_exceed_it() -> None:
    for score in SCORES:
        text = f"{score.name}{'' if score.of_data else '.x'}{'<=' if score.lower_is_better else '>='}1.5"
        if score.bounded:
            with pytest.raises(UsageError, match="a fraction"):
                parse_gate(text, comparison=">=")
        else:
            assert parse_gate(text, comparison=">=").bound == 1.5


def test_an_unknown_score_has_no_place_in_the_order() -> None:
    assert list(ordered({"auroc": 1, "miou": 2, "bce": 3})) == ["miou", "bce", "auroc"]
    with pytest.raises(KeyError):
        ordered({"miou": 1, "no_score": 2})


def lists_of_scores(path: Path) -> Iterator[list[str]]:
    """Yield the lists, tuples and sets of names in a file that name four scores or more."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            texts = [str(part.value) for part in node.elts if isinstance(part, ast.Constant)]
            if len(names := [text for text in texts if text in SCORE]) > 3:
                yield names


def test_no_other_module_keeps_a_list_of_scores_of_its_own() -> None:
    """A dictionary that computes scores is not one, and the block of losses may set its columns as there is room."""
    found = [
        (path.relative_to(PACKAGE).parts[0], names) for path in PACKAGE.rglob("*.py") for names in lists_of_scores(path)
    ]
    assert [room for room, _ in found] in ([], ["render"]), found
