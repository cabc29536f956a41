"""The report in a notebook, in a data frame, in an experiment tracker, and in another process."""

from __future__ import annotations

import builtins
import math
import pickle
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval.errors import UsageError
from segeval.report.report import Report

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt")
CLASSES = SAMPLES / "classes.txt"
NASTY = [
    "<script>alert(1)</script>",
    'a"onmouseover="x',
    "zero\u200bwidth",
    "a/b",
    "a b",
    "a,b",
    "& so <b>on",
    "x" * 500,
]


@pytest.fixture(scope="module")
def report() -> segeval.Report:
    return segeval.score(*MASKS, classes=CLASSES, per_image=True, fail_under={"miou": 0.7, "iou.person": 0.75})


def scored(folder: Path, names: list[str]) -> segeval.Report:
    """Score one image of one pixel a class, the last class predicted as the first."""
    values = np.arange(len(names), dtype=np.uint8)[None]
    for side in ("pred", "gt"):
        (folder / side).mkdir()
        np.save(folder / side / "a.npy", values if side == "gt" else np.where(values == len(names) - 1, 0, values))
    return segeval.score(folder / "pred", folder / "gt", classes=names)


def test_what_every_function_returns_is_the_public_report(report: segeval.Report) -> None:
    run = segeval.measure(*MASKS, classes=CLASSES)
    compared = segeval.compare(run, run)
    checked = segeval.verify(str(report.signature), "miou=74.25%", run, classes=CLASSES)
    for one in (report, segeval.rescore(run), compared.base, compared.runs[0].report, checked.report):
        assert type(one) is segeval.Report
        assert isinstance(one, Report)


def test_its_repr_is_a_line(report: segeval.Report) -> None:
    assert repr(report) == "<segeval.Report: mIoU 74.25 %, 9 of 10 classes in the mean, 7 images, 1 of 2 gates failed>"


def test_the_repr_of_hostile_names_acts_on_nothing(tmp_path: Path) -> None:
    for name in NASTY:
        (folder := tmp_path / str(NASTY.index(name))).mkdir()
        told = repr(segeval.rescore(_run(folder, [name, "rest"]), mean_over=["rest"]))
        assert told.isprintable()


def _run(folder: Path, names: list[str]) -> segeval.Run:
    scored(folder, names)
    return segeval.measure(folder / "pred", folder / "gt", classes=names)


# In a notebook


ELEMENTS = {"div", "p", "strong", "br", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code"}


class Page(HTMLParser):
    """Collect the elements and the text of a fragment, and hold it to be well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_a_notebook_shows_classes_with_bars_gates_and_the_signature(report: segeval.Report) -> None:
    page = Page(report._repr_html_())
    assert ["0", "road", "", "94.30", "97.06", "96.30", "97.84", "28.91"] in page.rows
    assert ["9", "train", "", "-", "-", "-", "-", "0.00"] in page.rows
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", report._repr_html_())]
    wanted = [100 * entry.iou for entry in report.classes if entry.iou is not None]
    assert widths == pytest.approx(wanted, abs=0.05)
    assert "✗ gate failed: iou.person 68.79 % < 75.00 % (0.6879 < 0.75)" in page.text
    assert "mIoU 74.25 %" in page.text
    assert str(report.signature) in page.text


def test_losses_stand_in_their_own_unit(report: segeval.Report) -> None:
    found = segeval.score(SAMPLES / "binary/probs", SAMPLES / "binary/gt", probs=True, binary=True)
    page = Page(found._repr_html_())
    assert "BCE nats" in page.rows[0]
    assert page.rows[1][page.rows[0].index("BCE nats")] == "0.074987"


def test_names_are_text_in_a_notebook_whatever_they_hold(tmp_path: Path) -> None:
    page = Page(scored(tmp_path, NASTY)._repr_html_())
    assert set(page.tags) <= ELEMENTS
    assert page.attributes <= {"style", "scope", "aria-hidden"}
    assert "<script>alert(1)</script>" in page.text
    assert page.text.isprintable()
    assert max(len(cell) for row in page.rows for cell in row) <= 100


def test_a_thousand_classes_are_cut_and_counted(tmp_path: Path) -> None:
    values = np.arange(1000, dtype=np.uint16)[None]
    for side in ("pred", "gt"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", values)
    page = Page(segeval.score(tmp_path / "pred", tmp_path / "gt", classes=1000)._repr_html_())
    assert "and 700 more classes" in page.text
    assert len(page.rows) < 310


# In an experiment tracker

MLFLOW = re.compile(r"^[/\w.\- ]*$")
"""Names that every version of MLflow takes: mlflow/utils/validation.py."""


def test_every_defined_score_is_logged_and_nothing_else(report: segeval.Report) -> None:
    logged = report.log_dict("val/")
    flat = {f"val/{name}": value for name, value in report.scores.items()}
    for entry in report.classes:
        flat |= {f"val/{name}.{entry.name}": value for name, value in entry.scores().items()}
    assert logged == {name: value for name, value in flat.items() if value is not None}
    assert "val/iou.train" not in logged, "train is in neither side"
    assert all(type(value) is float and math.isfinite(value) for value in logged.values())
    assert report.log_dict()["miou"] == report.scores["miou"]


def test_logged_names_are_taken_by_every_tracker_and_stay_apart(tmp_path: Path) -> None:
    logged = scored(tmp_path, NASTY).log_dict("val/")
    assert all(MLFLOW.match(name) and name.count("/") == 1 and " " not in name for name in logged)
    assert len([name for name in logged if name.startswith("val/iou.")]) == len(NASTY)
    assert {"val/iou.a_b_3", "val/iou.a_b_4", "val/iou.a_b_5"} <= set(logged)


# In a data frame


def test_classes_are_a_frame_of_numbers(report: segeval.Report) -> None:
    pytest.importorskip("pandas")
    frame = report.to_dataframe()
    assert frame["name"].tolist() == CLASSES.read_text(encoding="utf-8").split()
    assert frame["iou"].mean() == pytest.approx(report.scores["miou"])
    assert math.isnan(frame.set_index("name")["iou"]["train"])
    assert {str(kind) for name, kind in frame.dtypes.items() if name != "name"} == {"int64", "float64"}


def test_images_are_a_frame_in_long_form(report: segeval.Report) -> None:
    pytest.importorskip("pandas")
    frame = report.to_dataframe("images")
    assert len(frame) == 7 * 10
    assert frame.groupby("key")["image_miou"].first().mean() == pytest.approx(report.scores["image_miou"])
    assert frame.groupby("class")["tp"].sum()["road"] == report.classes[0].tp


def test_a_column_without_a_number_is_one_of_numbers_too(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    frame = segeval.rescore(_run(tmp_path, ["a", "b", "c"]), classes=["a", "b", "c", "d"]).to_dataframe()
    assert str(frame[frame["name"] == "d"]["iou"].dtype) == "float64"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda report: report.to_dataframe("pixels"), 'Choose "classes" or "images"'),
        (lambda report: segeval.score(*MASKS, classes=CLASSES).to_dataframe("images"), "Score with per_image=True"),
    ],
)
def test_a_frame_that_there_is_not_is_refused(report: segeval.Report, call: Callable[[Any], Any], said: str) -> None:
    pytest.importorskip("pandas")
    with pytest.raises(UsageError) as caught:
        call(report)
    assert said in caught.value.fix


def test_without_pandas_the_line_that_installs_it_is_told(
    report: segeval.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return importing(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as caught:
        report.to_dataframe()
    assert "pip install 'segeval-masks[dataframe]'" in caught.value.fix


# In another process


def test_a_report_pickles(report: segeval.Report) -> None:
    again = pickle.loads(pickle.dumps(report))
    assert type(again) is segeval.Report
    assert again.to_dict() == report.to_dict()
    assert repr(again) == repr(report)


def test_a_report_of_maps_pickles() -> None:
    maps = SAMPLES / "multiclass"
    found = segeval.score(maps / "probs", maps / "gt", classes=CLASSES, probs=True, ci=90, resamples=20)
    assert pickle.loads(pickle.dumps(found)).to_dict() == found.to_dict()
