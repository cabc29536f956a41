"""`explain --distances`: HD95 and NSD under every definition, and the rule between two of them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import segeval
from segeval.explanation.definitions import RULES_OF, differing, path
from segeval.protocol.distances import DEFINITIONS
from tests.support.commandline import run_segeval
from tests.test_boundaries import blobs, folders

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return three images: blobs, a class on one side only, and one on neither."""
    gt, pred = blobs(1)
    lacking = np.where(gt == 3, 0, gt)
    rest = np.where(pred == 3, 0, pred)
    return folders(tmp_path_factory.mktemp("masks"), (gt, pred), (lacking, pred), (lacking, rest))


@pytest.mark.parametrize("chosen", DEFINITIONS)
def test_every_definition_has_the_scores_that_score_gives(masks: tuple[str, str], chosen: str) -> None:
    found = segeval.explain(*masks, distances=chosen, tolerance=2, spacing="2,0.7").distances
    assert found is not None
    assert found.accounts[0].name == chosen
    assert {account.name for account in found.accounts} == set(DEFINITIONS)
    for account in found.accounts:
        alone = segeval.score(*masks, distances=account.name, tolerance=2, spacing="2,0.7")
        assert {name: one.value for name, one in account.scores.items()} == {
            name: alone.scores[name] for name in RULES_OF if name in alone.scores
        }
        assert alone.distances is not None
        assert account.class_images == alone.distances.class_images


@pytest.mark.parametrize("chosen", ["monai", "nnunet"])
def test_steps_lead_from_the_chosen_definition_to_each(masks: tuple[str, str], chosen: str) -> None:
    found = segeval.explain(*masks, distances=chosen).distances
    assert found is not None
    for account in found.accounts[1:]:
        for name, score in account.scores.items():
            first, *_, last = [found.accounts[0].scores[name].value, *(step.after for step in score.steps)]
            assert score.steps[0].before == first
            assert last == score.value
            assert all(one.after == next_one.before for one, next_one in pairwise(score.steps))
            for step in score.steps:
                assert bool(step.classes) or step.before == step.after


def test_rules_change_one_at_a_time_where_they_can() -> None:
    for name in RULES_OF:
        having = [one for one, rules in DEFINITIONS.items() if name not in rules.lacking]
        for first in having:
            for last in having:
                if first != last:
                    sizes = [len(differing(name, *step)) for step in pairwise(path(name, first, last))]
                    assert max(sizes) <= (1 if name == "hd95" else 2)
    assert path("hd95", "nnunet", "metricsreloaded") == ("nnunet", "medpy", "monai", "metricsreloaded")
    assert differing("hd95", "medpy", "monai") == ("percentile",)
    assert differing("nsd", "monai", "metricsreloaded") == ("both_empty",)


def test_a_class_that_no_side_has_moves_by_the_rule_of_empties(masks: tuple[str, str]) -> None:
    found = segeval.explain(*masks, distances="monai").distances
    assert found is not None
    (account,) = (one for one in found.accounts if one.name == "metricsreloaded")
    (step,) = account.scores["nsd"].steps
    assert (step.axis, step.old, step.new) == ("both_empty", "undefined", "perfect")
    assert [change.name for change in step.classes] == ["3"]


def test_the_command_line_shows_it_as_a_table_and_as_json(masks: tuple[str, str]) -> None:
    shown = run_segeval("explain", *masks, "--distances", "medpy", "-q")
    assert shown.code == 0, shown.stderr
    assert "percentile together -> larger" in shown.stdout
    assert "its program has none" in shown.stdout  # medpy and NSD
    told = json.loads(run_segeval("explain", *masks, "--distances", "medpy", "-q", "-f", "json").stdout)
    assert told["distances"]["definitions"][0]["name"] == "medpy"
    steps = told["distances"]["definitions"][1]["scores"]["hd95"]["steps"]
    assert {"axis", "old", "new", "before", "after", "difference", "classes"} == set(steps[0])


def test_a_saved_run_has_one_definition_and_needs_the_images(masks: tuple[str, str], tmp_path: Path) -> None:
    run = tmp_path / "run.jsonl"
    run_segeval("score", *masks, "--distances", "monai", "--save", run)
    refused = run_segeval("explain", run, "--distances", "monai")
    assert refused.code == 2
    assert "need images" in refused.stderr
    plain = run_segeval("explain", run, "-f", "json", "-q")
    assert plain.code == 0
    assert "distances" not in json.loads(plain.stdout)
