"""`-o WHAT:FILE`: what is written beside the report, and words that are nothing to write."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segeval.cli.outputs import Output, parse_output
from segeval.errors import UsageError
from tests.support.commandline import run_segeval

ROOT = Path(__file__).parent.parent
SAMPLE = (ROOT / "sample_masks/pred", ROOT / "sample_masks/gt", "--classes", ROOT / "sample_masks/classes.txt")


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("confusion:c.csv", Output("confusion", Path("c.csv"))),
        ("confusion:C:\\out\\c.CSV", Output("confusion", Path("C:\\out\\c.CSV"))),
        ("confusion.csv", Output("csv", Path("confusion.csv"))),
        ("confusion.json", Output("json", Path("confusion.json"))),
        ("./confusion:c.csv", Output("csv", Path("./confusion:c.csv"))),
        ("./confusin:c.csv", Output("csv", Path("./confusin:c.csv"))),
        ("run:3.csv", Output("csv", Path("run:3.csv"))),
        ("C:\\a.csv", Output("csv", Path("C:\\a.csv"))),
        ("junit:a", Output("junit", Path("a"))),
    ],
)
def test_what_is_written_stands_before_the_first_colon(text: str, output: Output) -> None:
    assert parse_output(text) == output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("confusion:", "Write confusion:FILE"),
        ("confusion:c", "End the file's name in .csv"),
        ("confusion:c.gif", "End the file's name in .csv"),
        ("confusin:c.csv", "Did you mean 'confusion'? For a file of this name, write ./confusin:c.csv"),
        ("Confusion:c.csv", "Did you mean 'confusion'?"),
        ("jsn:c", "Did you mean 'json'?"),
    ],
)
def test_what_is_nothing_to_write_is_refused_with_what_is(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_output(text)
    assert said in str(caught.value)


def test_the_confusion_file_counts_every_pixel_as_a_loop_over_the_masks_does(tmp_path: Path) -> None:
    done = run_segeval("score", *SAMPLE, "-o", f"confusion:{tmp_path / 'c.csv'}")
    assert done.code == 0, done.stderr
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    names = (ROOT / "sample_masks/classes.txt").read_text(encoding="utf-8").split()
    assert head == ["id", "name", *names, "void", "unknown", "missing"]
    assert [row[:2] for row in rows] == [[str(index), name] for index, name in enumerate(names)]
    expected = np.zeros((10, 256), np.int64)
    for gt_file in sorted((ROOT / "sample_masks/gt").rglob("*.png")):
        pred_file = ROOT / "sample_masks/pred" / gt_file.relative_to(ROOT / "sample_masks/gt")
        gt, pred = (np.asarray(Image.open(path)) for path in (gt_file, pred_file))
        np.add.at(expected, (gt[gt < 10], pred[gt < 10]), 1)
    counts = np.array([row[2:] for row in rows], np.int64)
    assert expected.sum() > 0
    np.testing.assert_array_equal(counts[:, :10], expected[:, :10])
    np.testing.assert_array_equal(counts[:, 10], expected[:, 255])
    assert not counts[:, 11:].any()


def test_names_in_the_confusion_file_are_no_formula(tmp_path: Path) -> None:
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        Image.fromarray(np.array([[0, 1]], np.uint8)).save(tmp_path / side / "a.png")
    (tmp_path / "names.txt").write_text("=1+1\n@b\n", encoding="utf-8")
    done = run_segeval("score", "pred", "gt", "-c", "names.txt", "-o", "confusion:c.csv", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert (tmp_path / "c.csv").read_text(encoding="utf-8") == (
        "id,name,'=1+1,'@b,void,unknown,missing\n0,'=1+1,1,0,0,0,0\n1,'@b,0,1,0,0,0\n"
    )


def test_the_report_of_a_saved_run_writes_it_too_and_a_configuration_names_it(tmp_path: Path) -> None:
    assert run_segeval("score", *SAMPLE, "--save", "run.jsonl", "-o", "confusion:a.csv", cwd=tmp_path).code == 0
    (tmp_path / "pyproject.toml").write_text('[tool.segeval]\noutput = "confusion:b.csv"\n', encoding="utf-8")
    (tmp_path / "below").mkdir()
    done = run_segeval("report", tmp_path / "run.jsonl", cwd=tmp_path / "below")
    assert done.code == 0, done.stderr
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_comparison_has_no_confusion_to_write(tmp_path: Path) -> None:
    assert run_segeval("score", *SAMPLE, "--save", "run.jsonl", cwd=tmp_path).code == 0
    done = run_segeval("compare", "run.jsonl", "run.jsonl", "-o", "confusion:c.csv", cwd=tmp_path)
    assert done.code == 2
    assert "a comparison has no confusion of its own" in done.stderr
    assert not (tmp_path / "c.csv").exists()
