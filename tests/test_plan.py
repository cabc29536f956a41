"""What scoring would take: a sample measured in the way that is planned, and the arithmetic from there, by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import segeval
from segeval.errors import SegevalError
from segeval.measuring import measure as measuring
from segeval.measuring import planning
from segeval.render.plan import render_plan, size_text, time_text
from segeval.report.plan import Plan
from tests.support.commandline import run_segeval

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
FACTS = Plan(
    engine="2 threads",
    pairs=1_000_000,
    listing=30.0,
    sample=200,
    sample_seconds=4.0,
    start=1.5,
    peak=100_000_000,
    row_memory=1500.0,
    row_file=600.0,
    row_packed=200.0,
    price=3.0,
)


def test_the_arithmetic() -> None:
    assert FACTS.per_pair == 0.02
    assert FACTS.seconds == 30 + 1.5 + 20_000
    assert FACTS.cost(500_000) == pytest.approx(3.0 * 10_000 / 3600)
    assert FACTS.memory == 100_000_000 + 999_800 * 1500
    told = FACTS.to_dict()
    assert told["extrapolated"]["cost_per_million"] == pytest.approx(16.67, abs=0.01)
    assert told["extrapolated"]["packed_bytes"] == 200_000_000
    assert told["measured"]["seconds"] == 4.0


def test_what_is_said_of_it() -> None:
    lines = render_plan(FACTS).splitlines()
    row = {line.split()[1]: line for line in lines if line.startswith("│ ")}
    assert "200 pairs in 4.00 s, after 1.50 s to start, by 2 threads" in row["sample"]
    assert "5.56 h" in row["time"]
    assert "5.56 h, for 16.67 at 3 an hour" in row["a"]
    assert "1.6 GB: 100 MB at the peak so far, and 1.5 kB a row" in row["memory"]
    assert "600 MB, or 200 MB as .jsonl.gz" in row["run"]
    assert {line.split()[-2] for line in row.values() if "measured" in line or "extrapolated" in line} == {
        "measured",
        "extrapolated",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (89.0, "89 s"), (90.0, "1.50 min"), (5400.0, "1.50 h"), (172_800.0, "2.00 days")],
)
def test_times(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(999, "999 bytes"), (1500, "1.5 kB"), (2e10, "20 GB"), (3e12, "3.0 TB")])
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


def test_the_start_is_told_apart_from_the_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a clock that takes 5 seconds to start and 0.5 for each pair, 5 and 0.5 are found."""
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        for number in range(20):
            shutil.copy(SAMPLES / "gt" / "0001.png", tmp_path / side / f"{number}.png")
    now = [0.0]
    measure = measuring.measure

    def slow(*arguments: object, **options: object) -> object:
        found = measure(*arguments, **options)  # type: ignore[arg-type]
        now[0] += 5 + 0.5 * len(found.run.rows)
        return found

    monkeypatch.setattr(planning, "measure", slow)
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    found = segeval.plan(tmp_path / "pred", tmp_path / "gt")
    assert (found.sample, found.start, found.per_pair, found.complete) == (20, 5.0, 0.5, True)
    assert found.seconds == 15.0


def test_rows_are_weighed() -> None:
    found = segeval.plan(SAMPLES / "pred", SAMPLES / "gt", sample=4)
    assert 1 <= found.sample <= 4
    assert not found.complete
    run = segeval.measure(SAMPLES / "pred", SAMPLES / "gt")
    assert 500 < found.row_memory < 50_000
    assert found.peak is None or found.peak > 10_000_000
    assert len(run.rows) == found.pairs


def test_the_verb() -> None:
    command = ("plan", SAMPLES / "pred", SAMPLES / "gt", "-c", SAMPLES / "classes.txt", "--price", "2.5", "--no-config")
    done = run_segeval(*command, "-f", "json")
    assert done.code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["pairs"] == told["measured"]["pairs"] == 7
    assert told["extrapolated"]["cost_per_million"] > 0
    done = run_segeval(*command)
    assert done.code == 0, done.stderr
    assert "measured" in done.stdout
    assert "--sample N, say more" in done.stdout


def test_what_cannot_be_planned(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path / "masks")
    (tmp_path / "masks" / "pred" / "0001.png").write_bytes(b"no image")
    with pytest.raises(SegevalError, match="0001"):
        segeval.plan(tmp_path / "masks" / "pred", tmp_path / "masks" / "gt")
    (tmp_path / "masks" / "pred" / "0001.png").unlink()
    done = run_segeval("plan", tmp_path / "masks" / "pred", tmp_path / "masks" / "gt", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    with pytest.raises(SegevalError, match="sample"):
        segeval.plan(SAMPLES / "pred", SAMPLES / "gt", sample=0)
