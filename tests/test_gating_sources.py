"""A gate runs and gives its verdict in the exit code, whether a flag, the environment or a configuration gives it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.corpora.png_corpus import encode
from tests.support.commandline import Completed, run_segeval
from tests.support.properties import examples

COMMAND_LINES = examples(400)
NAMES = ("sky", "traffic light", "road")
PLACES = ("flag", "environment", "configuration")
"""Nearest first."""

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Gating:
    """One command line: a verb, and the bounds of each place as texts, by option."""

    verb: tuple[str, ...]
    bounds: Mapping[str, Mapping[str, Sequence[str]]]
    code: int


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gates")
    gt, pred, levels = masks()
    for name, values in (("gt", gt), ("pred", pred), ("binary", gt % 2), ("maps", levels)):
        (root / name).mkdir()
        (root / name / "a.png").write_bytes(encode(values))
    (root / "classes.txt").write_text("\n".join(NAMES))
    saved = run_segeval("score", "pred", "gt", "--classes", "classes.txt", "--save", "run.jsonl", cwd=root)
    assert saved.code == 0, saved.stderr
    return root


def masks() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], ...]:
    draw = np.random.default_rng(3)
    gt = draw.integers(0, 3, (16, 16), dtype=np.uint8)
    pred = np.where(draw.random((16, 16)) < 0.7, gt, draw.integers(0, 3, (16, 16))).astype(np.uint8)
    return gt, pred, draw.integers(0, 256, (16, 16), dtype=np.uint8)


def expected_scores() -> tuple[Scores, Scores]:
    """Return the scores of the masks, and the losses of the maps, by NumPy alone."""
    gt, pred, levels = masks()
    iou = {
        f"iou.{name}": float(((gt == index) & (pred == index)).sum() / ((gt == index) | (pred == index)).sum())
        for index, name in enumerate(NAMES)
    }
    scores = {**iou, "miou": float(np.mean(list(iou.values()))), "pixel_accuracy": float((gt == pred).mean())}
    apart = levels / 255 - gt % 2
    return scores, {"mae": float(np.abs(apart).mean()), "brier": float((apart**2).mean())}


VERBS = {
    ("score", "pred", "gt", "--classes", "classes.txt"): "--fail-under",
    ("report", "run.jsonl"): "--fail-under",
    ("score", "maps", "binary", "--probs"): "--fail-over",
}


def random_gating(draw: random.Random) -> Gating:
    """Draw a verb and bounds for it; of a name that several places bound, the nearest place has the say."""
    verb, option = draw.choice(list(VERBS.items()))
    scores = dict(zip(("--fail-under", "--fail-over"), expected_scores(), strict=True))[option]
    bounds: dict[str, list[str]] = {place: [] for place in PLACES}
    said: dict[str, tuple[str, bool]] = {}
    for place in PLACES:
        for name in draw.sample(sorted(scores), draw.choice((0, 0, 1, 1, 2))):
            holds = draw.random() < 0.7
            worse = (option == "--fail-under") == holds
            bound = scores[name] + (-1 if worse else 1) * draw.choice((0.001, 0.05, 0.1))
            written = draw.choice((name, name.replace("iou", "IoU") if name == "miou" else name))
            bounds[place].append(f"{written}={bound:.6f}")
            said.setdefault(name, (place, holds))
    code = 0 if all(holds for _, holds in said.values()) else 1
    return Gating(verb, {option: bounds}, code)


def run(gating: Gating, folder: Path, draw: random.Random) -> Completed:
    ((option, bounds),) = gating.bounds.items()
    key = draw.choice((option[2:], option[2:].replace("-", "_")))
    told: Sequence[str] | str = bounds["configuration"]
    told = told[0] if len(told) == 1 and draw.random() < 0.5 else told
    form = json.dumps(told)
    if told and draw.random() < 0.3:
        pairs = (bound.rpartition("=") for bound in bounds["configuration"])
        form = "{" + ", ".join(f"{json.dumps(name)} = {value}" for name, _, value in pairs) + "}"
    (folder / "pyproject.toml").write_text(f"[tool.segeval]\n{key} = {form}\n", encoding="utf-8")
    environment = {f"SEGEVAL_{option[2:].replace('-', '_').upper()}": "\n".join(bounds["environment"])}
    flags = [word for bound in bounds["flag"] for word in (option, bound)]
    return run_segeval(*gating.verb, *flags, "-f", "json", cwd=folder, environment=environment)


def test_in_any_mix_of_places_a_gate_runs_and_has_the_say(folder: Path) -> None:
    draw = random.Random(20)
    codes = []
    for _ in range(COMMAND_LINES):
        gating = random_gating(draw)
        done = run(gating, folder, draw)
        assert done.code == gating.code, (gating, done.stderr)
        judged = len(json.loads(done.stdout)["gates"])
        ((_, bounds),) = gating.bounds.items()
        assert judged == len({bound.rpartition("=")[0].casefold() for place in PLACES for bound in bounds[place]})
        codes.append(done.code)
    assert 0.25 < sum(codes) / COMMAND_LINES < 0.75, "both verdicts were drawn"


@pytest.mark.parametrize("place", PLACES)
def test_a_rule_on_regressions_runs_from_every_place(folder: Path, place: str) -> None:
    perfect = run_segeval("score", "gt", "gt", "--classes", "classes.txt", "--save", "best.jsonl", cwd=folder)
    assert perfect.code == 0
    lines = 'fail-regression = "miou=0.01"' if place == "configuration" else ""
    (folder / "pyproject.toml").write_text(f"[tool.segeval]\n{lines}\n", encoding="utf-8")
    environment = {"SEGEVAL_FAIL_REGRESSION": "miou=0.01"} if place == "environment" else {}
    flags = ("--fail-regression", "miou=0.01") if place == "flag" else ()
    done = run_segeval("compare", "best.jsonl", "run.jsonl", *flags, cwd=folder, environment=environment)
    assert done.code == 1, done.stderr


def test_a_bound_in_the_other_direction_is_not_replaced(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.segeval]\nfail-under = "miou=0.99"\n', encoding="utf-8")
    done = run_segeval("report", "run.jsonl", "--fail-under", "miou<=1", cwd=folder)
    assert done.code == 1
