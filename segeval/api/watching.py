"""Runs that others are writing, with the score so far."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from segeval.errors import SegevalError
from segeval.folders.roots import root_of
from segeval.records import dataclass
from segeval.report.sofar import scores_so_far
from segeval.runs.following import FollowedRun, places_of
from segeval.runs.unions import union
from segeval.scores.overlap import Value
from segeval.stores.urls import Place

LOOK = 1.0
"""Seconds between two looks for rows that have come, at most."""
SHARE = 10
"""Between two scorings at least so many times as long as one takes, which others may need the processor for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how far runs are: `runs` of which `finished` are whole, `images` so far, and the `scores` of their labels.

    `problem` says why there is no score yet, "" where there is one.
    """

    runs: int
    finished: int
    images: int
    scores: Mapping[str, Value]
    problem: str = ""

    @property
    def done(self) -> bool:
        """Tell whether every run is whole."""
        return 0 < self.runs == self.finished


def watch(*runs: str | Path, every: float = 30.0) -> Iterator[Standing]:
    """Yield the score so far of runs that others are writing, until all of them are whole.

    Parameters
    ----------
    runs
        Run files, as `--save` names them, begun or not; patterns, which stand for those that are there; or URLs.
    every
        Seconds between two standings.

    Returns
    -------
    iterator of Standing
        `images`, `scores` by name as fractions in [0, 1], `runs` and how many of them are `finished`; the last is
        `done`, and has the scores that a report of the runs has.

    Raises
    ------
    SegevalError
        Where a whole run is damaged, or runs disagree on an image or a protocol; at the end also where their values
        allow no score.

    Examples
    --------
    >>> run = segeval.measure("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     segeval.save_run(run, f"{folder}/run.jsonl")
    ...     (last,) = segeval.watch(f"{folder}/run.jsonl")
    >>> last.images, round(last.scores["miou"], 4), last.done
    (7, 0.7425, True)
    """
    return standings(tuple(map(root_of, runs)), every)


def standings(names: tuple[Place, ...], every: float) -> Iterator[Standing]:
    """Yield the standings of the runs that paths, patterns and URLs name, as `watch` does."""
    followed: dict[object, FollowedRun] = {}
    due = time.monotonic()
    while True:
        for place in places_of(names):
            followed.setdefault(place, FollowedRun(place)).look()
        parts = list(followed.values())
        now = time.monotonic()
        done = bool(parts) and all(part.finished for part in parts)
        if done or now >= due:
            yield _standing(parts, done)
            if done:
                return
            due = max(now + every, time.monotonic() + SHARE * (time.monotonic() - now))
        time.sleep(max(0.0, min(LOOK, due - time.monotonic())))


def _standing(parts: list[FollowedRun], done: bool) -> Standing:
    begun = [(str(part.place), run) for part in parts if (run := part.run()) is not None]
    together = union(begun) if begun else None
    scores: Mapping[str, Value] = {}
    problem = "" if together is not None and together.rows else "no image yet"
    if together is not None and (together.rows or done):
        try:
            scores = scores_so_far(together)
        except SegevalError as error:
            if done:
                raise
            problem = error.what
    finished = sum(part.finished for part in parts)
    return Standing(len(parts), finished, 0 if together is None else len(together.rows), scores, problem)
