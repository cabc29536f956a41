"""Figures: of the numbers of the report, the same bytes for the same run, and inert whatever classes are called."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import segeval
from segeval.pictures.confusions import row_shares, shown_classes
from tests.support.commandline import Completed, run_segeval

matplotlib = pytest.importorskip("matplotlib")

ROOT = Path(__file__).resolve().parents[1]
MASKS = ("score", "sample_masks/pred", "sample_masks/gt", "--classes", "sample_masks/classes.txt", "-q", "--no-config")
MAPS = ("score", "sample_masks/binary/probs", "sample_masks/binary/gt", "--probs", "--binary", "-q", "--no-config")
HOSTILE = (
    "$\\frac{1}$",
    "a\x1b[31m\u202eb",
    "<script>alert(1)</script>",
    "帧&amp;",
    "x" * 10_000,
    "\udc80",
    "_road",
    "]]>",
)


def report_of(pred: Any, gt: Any, **options: Any) -> segeval.Report:
    matrix = segeval.ConfusionMatrix(**options)
    matrix.update(np.array([pred], np.uint8), np.array([gt], np.uint8))
    return matrix.compute()


def run(*arguments: str | Path) -> Completed:
    return run_segeval(*arguments, cwd=ROOT)


def test_a_folder_takes_every_figure_and_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert run(*MAPS, "-o", f"{tmp_path}/{name}/", "-o", f"pr:{tmp_path}/{name}.pdf").code == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    second = {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert sorted(first) == ["confusion.svg", "losses.svg", "pr.svg", "reliability.svg", "roc.svg"]
    assert first == second
    assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()


def test_a_user_s_own_settings_change_nothing(tmp_path: Path) -> None:
    assert run(*MASKS, "-o", f"confusion:{tmp_path}/a.png").code == 0
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 17, "axes.facecolor": "red"}):
        assert run(*MASKS, "-o", f"confusion:{tmp_path}/b.png").code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_masks_have_one_figure(tmp_path: Path) -> None:
    assert run(*MASKS, "-o", f"{tmp_path}/figures/").code == 0
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["confusion.svg"]
    done = run(*MASKS, "-o", f"pr:{tmp_path}/pr.svg")
    assert (done.code, "label masks have no curves" in done.stderr) == (2, True)
    assert not (tmp_path / "pr.svg").exists()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("confusion:c.gif", ".csv, .svg, .png, .pdf"),
        ("roc:c.csv", "End the file's name in .svg"),
        ("losse:c.svg", "losses"),
    ],
)
def test_what_cannot_be_drawn_is_told(tmp_path: Path, target: str, told: str) -> None:
    done = run(*MASKS, "-o", target)
    assert (done.code, told in done.stderr) == (2, True)


def test_rows_of_the_heat_map_are_shares_of_the_ground_truth() -> None:
    report = report_of([0, 0, 1, 1, 2], [0, 0, 0, 1, 255], classes=3)
    assert row_shares(report, [0, 1, 2])[:2].tolist() == [[2 / 3, 1 / 3, 0.0], [0.0, 1.0, 0.0]]
    assert np.isnan(row_shares(report, [0, 1, 2])[2]).all()


def test_of_many_classes_the_most_confused_are_shown() -> None:
    gt = np.repeat(np.arange(60), 10)
    pred = gt.copy()
    pred[:5], pred[595:] = 1, 58
    report = report_of(pred, gt, classes=60)
    shown = shown_classes(report)
    assert len(shown) == 40
    assert {0, 1, 58, 59} <= set(shown)


def test_hostile_names_are_inert_in_every_kind(tmp_path: Path) -> None:
    gt = np.repeat(np.arange(len(HOSTILE)), 4)
    report = report_of(gt, gt, classes=len(HOSTILE))
    named = tuple(replace(entry, name=name) for entry, name in zip(report.classes, HOSTILE, strict=True))
    report = replace(report, classes=named)
    from segeval.pictures.figures import report_figure

    svg = report_figure(report, "confusion", "svg")
    root = ElementTree.fromstring(svg)
    assert not [element for element in root.iter() if element.tag.endswith(("script", "foreignObject"))]
    assert len(svg) < 1_000_000
    assert report_figure(report, "confusion", "png").startswith(b"\x89PNG")
    assert report_figure(report, "confusion", "pdf").startswith(b"%PDF")


def test_notebooks_get_the_same_figure() -> None:
    report = segeval.score(ROOT / "sample_masks/binary/probs", ROOT / "sample_masks/binary/gt", probs=True, binary=True)
    labels = report.figure("pr").axes[0].get_legend_handles_labels()[1]
    assert labels == [f"foreground: AP {report.scores['average_precision']:.4f}"]
    with pytest.raises(segeval.errors.UsageError, match="Did you mean"):
        report.figure("reliabilty")


def test_a_report_without_figures_imports_nothing_of_them() -> None:
    probe = (
        "import sys; from segeval.cli import run; run(sys.argv[1:]); "
        "sys.exit(any(name.split('.')[0] in ('matplotlib', 'jinja2') or name.startswith('segeval.pictures') "
        "for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe, *MASKS], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0
