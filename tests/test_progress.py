"""Progress: a bar with the remaining time on a terminal, a line now and then in the log of a CI job."""

from __future__ import annotations

import io
from pathlib import Path

from segeval.cli.progress import LogLines
from tests.support.commandline import run_segeval

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = ("score", "pred", "gt", "--classes", "classes.txt", "--only", "miou", "--no-config")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_every_so_often_with_the_time_that_remains() -> None:
    stream, clock = io.StringIO(), Clock()
    tell = LogLines(stream, 30.0, clock)
    for done in range(1, 1001):
        clock.now = done * 0.5
        tell(done, 1000)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "60 of 1,000 pairs, about 8 min left"
    assert lines[-1] == "960 of 1,000 pairs, about 20 s left"
    assert len(lines) == 16


def test_quick_work_in_a_log_says_nothing() -> None:
    done = run_segeval(*MASKS, cwd=SAMPLES, environment={"CI": "true"})
    assert (done.code, done.stderr) == (0, "")


def test_a_terminal_shows_pairs_and_the_time_that_remains() -> None:
    done = run_segeval(*MASKS, cwd=SAMPLES, terminal=True)
    assert "0/7" in done.stderr or "pair" in done.stderr
    assert run_segeval(*MASKS, "-q", cwd=SAMPLES, terminal=True).stderr == ""
