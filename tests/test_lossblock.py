"""The loss block: every number is the report's, undefined is a dash, and no number is ever cut."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

import segeval
from segeval.render.report.losses import eps_text, print_losses
from segeval.render.report.table import render_table
from segeval.render.report.wording import COMPACT, View
from segeval.render.syntax.page import page_text
from segeval.report.report import Report
from tests.support.probability_folders import NAMES, converted, save_gt, save_npy
from tests.support.sample_reports import REPORTS

RANDOM = np.random.default_rng(5)
GT = RANDOM.integers(0, 3, (20, 30)).astype(np.uint8)
LEVELS = RANDOM.integers(0, 256, (3, 20, 30))
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def several(root: Path, kind: str = "uint8", gt: Any = GT, **options: Any) -> Report:
    save_gt(root / "gt", [gt])
    save_npy(root / "p" / "a.npy", converted(LEVELS, kind))
    return segeval.score(root / "p", root / "gt", probs=True, **{"classes": NAMES, **options})


def binary(root: Path, kind: str = "uint8", gt: Any = GT == 1, **options: Any) -> Report:
    save_gt(root / "gt", [np.asarray(gt).astype(np.uint8)])
    save_npy(root / "p" / "a.npy", converted(LEVELS[1], kind))
    return segeval.score(root / "p", root / "gt", probs=True, **{"classes": ["back", "front"], **options})


DETAILED = View(details=True)


def render_losses(report: Report, *, color: bool = False, width: int | None = None, view: View = DETAILED) -> str:
    return page_text(lambda page: print_losses(page, report, view), color=color, width=width)


def row(text: str, name: str) -> list[str]:
    """Return the cells of the first table row that starts with `name`."""
    line = next(line for line in text.splitlines() if line.startswith(f"│ {name} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_label_masks_have_no_loss_block() -> None:
    assert render_losses(REPORTS["street"]) == ""


@pytest.mark.parametrize("width", [80, None])
def test_undefined_is_a_dash(width: int | None, tmp_path: Path) -> None:
    one = render_losses(binary(tmp_path / "one", gt=np.zeros_like(GT), pos_weight="auto", alpha="auto"), width=width)
    assert row(one, "BCE")[1:3] == ["-", "-"]
    assert "pos_weight - (auto" in one
    assert "best threshold -: no positives" in one
    assert "None" not in one
    assert "nan" not in one
    many = render_losses(several(tmp_path / "many", gt=np.minimum(GT, 1), alpha="auto"), width=width)
    assert row(many, "car")[2:5] == ["-", "-", "-"]
    assert "mean over 3 of 3 classes" in many


def test_a_loss_has_value_interval_and_clamped_pixels(tmp_path: Path) -> None:
    report = several(tmp_path)
    assert report.probabilities is not None
    text = render_losses(report, width=80)
    for name, title in (("bce", "BCE"), ("focal", "focal"), ("cross_entropy", "cross-entropy")):
        entry = report.probabilities.losses[name]
        cells = row(text, title)
        assert cells[0] == title
        assert float(cells[1]) == pytest.approx(entry.value, rel=1e-4)
        low, high = (float(number) for number in re.findall(r"[\d.]+", cells[2]))
        assert low == pytest.approx(entry.low, rel=1e-4)
        assert high == pytest.approx(entry.high, rel=1e-4)
        assert cells[2].endswith("†") == entry.unbounded is True
        share = 100 * (entry.clamped_share or 0)
        assert cells[3] == f"{entry.clamped:,} ({share:.2f} %)"
    assert "† no upper bound" in text


def test_a_bounded_interval_has_no_mark(tmp_path: Path) -> None:
    save_gt(tmp_path / "gt", [np.array([[0, 1]], np.uint8)])
    save_npy(tmp_path / "p" / "a.npy", np.array([[9, 200]], np.uint8))
    assert "†" not in render_losses(segeval.score(tmp_path / "p", tmp_path / "gt", probs=True, classes=2))


def test_floats_have_no_interval(tmp_path: Path) -> None:
    text = render_losses(binary(tmp_path, "float64"), width=80)
    assert len(row(text, "BCE")) == 3
    assert "half a step" not in text
    assert "eps torch, no logarithm below -100" in text
    assert "from levels of p" in text


@pytest.mark.parametrize(
    ("eps", "words"),
    [
        (1 / 510, "1/510 = 0.0019608, half an 8-bit step"),
        (1 / 131070, "1/131070 = 7.6295e-06, half a 16-bit step"),
        (1e-7, "1e-07"),
        ("torch", "torch, no logarithm below -100"),
    ],
)
def test_eps_is_told_as_a_number_and_in_words(eps: float | str, words: str) -> None:
    assert eps_text(eps) == words


def test_parameters_are_those_that_were_used(tmp_path: Path) -> None:
    n_pos, n_neg = int((GT == 1).sum()), int((GT != 1).sum())
    auto = render_losses(binary(tmp_path / "a", pos_weight="auto", alpha="auto", gamma=3.5))
    assert f"pos_weight {n_neg / n_pos:.5g} (auto" in auto
    assert f"gamma 3.5, alpha {n_neg / (n_neg + n_pos):.5g} (auto" in auto
    plain = render_losses(binary(tmp_path / "b", pos_weight=2.5, alpha="none"))
    assert "pos_weight 2.5\n" in plain
    assert "alpha none\n" in plain
    assert "alpha 0.25 (negatives 0.75)" in render_losses(binary(tmp_path / "c"))


def test_weights_of_classes_are_columns(tmp_path: Path) -> None:
    report = several(tmp_path, pos_weight="auto", alpha="auto", class_weights=(1.0, 0.5, 3.0))
    assert report.probabilities is not None
    text = render_losses(report)
    header = [cell.strip() for cell in next(line for line in text.splitlines() if "pos_weight │" in line).split("│")]
    for name, entry, weight in zip(NAMES, report.probabilities.per_map, ("1.0000", "0.50000", "3.0000"), strict=True):
        cells = dict(zip(header[1:], row(text, name), strict=False))
        assert float(cells["pos_weight"]) == pytest.approx(entry.pos_weight, rel=1e-4)
        assert float(cells["alpha"]) == pytest.approx(float(entry.alpha or 0), rel=1e-4)
        assert cells["weight"] == weight
    assert "class weights as given" in text


def test_the_table_of_classes_has_every_column_at_any_width(tmp_path: Path) -> None:
    report = several(tmp_path)
    wide, narrow = render_losses(report), render_losses(report, width=60)
    titles = ("BCE nats", "focal nats", "AP", "AUROC", "ECE", "Brier", "MAE", "best IoU % (p >)", "best F1 % (p >)")
    for title in titles:
        assert f" {title} " in wide
        assert f" {title} " in narrow
    for entry in report.classes:
        for name in ("bce", "average_precision", "ece", "brier"):
            assert f"{entry.losses[name]:#.5g}" in wide
            assert f"{entry.losses[name]:#.5g}" in narrow
    assert sum(line.startswith("│ class ") for line in wide.splitlines()) == 2
    assert sum(line.startswith("│ class ") for line in narrow.splitlines()) > 2
    assert "chosen on this data" in " ".join(narrow.split())
    best = report.probabilities.per_map[2].best_iou if report.probabilities else None
    assert best is not None
    assert f" {100 * best.value:.2f} ({best.threshold:.4g}) " in narrow


def test_the_four_kinds_of_pixel_add_up(tmp_path: Path) -> None:
    report = binary(tmp_path)
    text = render_losses(report, width=80)
    counts = [int(number.replace(",", "")) for number in re.findall(r"pixels +([\d,]+) ", text)]
    assert counts == report.confusion.counts[:2, :2].ravel().tolist()
    for name in ("pixels", "BCE", "focal"):
        shares = [float(share) for share in re.findall(rf"{name} +[\d.,e-]+ +([\d.]+) %", text)]
        assert len(shares) == 4
        assert sum(shares) == pytest.approx(100, abs=0.03)
    assert report.probabilities is not None
    assert report.probabilities.cells is not None
    cells = [cell for line in report.probabilities.cells for cell in line]
    most = max(cells, key=lambda cell: cell.bce_share or 0)
    names = ("back", "front")
    paid = f"BCE: {100 * (most.bce_share or 0):.2f} % comes from {100 * most.pixels / 600:.2f} % of the pixels"
    assert f"{paid}, {names[most.gt]} predicted as {names[most.pred]}" in " ".join(text.split())


def test_the_best_threshold_says_where_it_was_chosen(tmp_path: Path) -> None:
    report = binary(tmp_path)
    assert report.probabilities is not None
    best = report.probabilities.per_map[0].best_iou
    assert best is not None
    text = render_losses(report)
    assert f"best IoU {100 * best.value:.2f} % at p > {best.threshold:.4g}" in text
    assert "chosen on this data" in text


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_80_columns_are_enough(kind: str, tmp_path: Path) -> None:
    names = ["a" * 40, "道路" * 20, "c"]
    options: dict[str, Any] = {"pos_weight": "auto", "alpha": "auto"}
    reports = (
        several(tmp_path / "s", kind, classes=names, class_weights="auto", **options),
        binary(tmp_path / "b", kind, classes=names[:2], **options),
        several(tmp_path / "plain", kind),
    )
    for report in reports:
        for line in render_losses(report, width=80).splitlines():
            assert cell_len(line) <= 80, line


@pytest.mark.parametrize("width", [20, 40, 60])
def test_no_number_is_cut_on_a_narrow_terminal(width: int, tmp_path: Path) -> None:
    for report in (several(tmp_path / "s"), binary(tmp_path / "b")):
        text = render_losses(report, width=width)
        assert not re.search(r"\d…", text)
        for name in ("bce", "focal", "brier", "auroc"):
            assert f"{report.scores[name]:#.5g}" in text


def test_names_act_on_nothing(tmp_path: Path) -> None:
    text = render_losses(several(tmp_path, classes=["[red]x[/red]", "[link=a]", ":smile:"]), color=True)
    for name in ("[red]x[/red]", "[link=a]", ":smile:"):
        assert name in text


def test_colour_adds_escapes_and_nothing_else(tmp_path: Path) -> None:
    report = several(tmp_path)
    plain, coloured = (render_losses(report, color=color, width=80) for color in (False, True))
    assert "\x1b" not in plain
    assert coloured != plain
    assert [ESCAPE.sub("", line).rstrip() for line in coloured.splitlines()] == plain.splitlines()


@pytest.mark.parametrize("width", [80, None])
def test_the_table_shows_the_block_as_it_is(width: int | None, tmp_path: Path) -> None:
    report = several(tmp_path)
    assert render_losses(report, width=width) in render_table(report, width=width, view=DETAILED)
    assert render_losses(report, width=width, view=COMPACT) in render_table(report, width=width)
