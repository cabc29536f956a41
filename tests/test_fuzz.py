"""A bounded share of the fuzzing, and proof that the fuzzers see what they are made to see."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np
import pytest

from segeval.errors import RunFileError
from segeval.images.readers import decode_mask
from segeval.runs.file import run_from_bytes
from tests.fuzz import masks, palettes, runs
from tests.fuzz.__main__ import TARGETS, told
from tests.fuzz.engine import CURRENT, Check, Tally, WrongError, run
from tests.fuzz.mutations import joined, png_chunks, spoiled, spoiled_png
from tests.support.properties import examples

BAD = ("crash", "hang", "silently wrong")


def assert_harmless(tally: Tally) -> None:
    assert not tally.failures, "\n".join(f"case {index}: {what}" for index, what, _ in tally.failures[:5])
    assert not any(tally.outcomes[word] for word in BAD)


@pytest.mark.parametrize(("target", "count"), [("masks", 1500), ("runs", 300), ("palettes", 500), ("storing", 600)])
def test_mutated_input_is_read_rightly_or_refused(target: str, count: int) -> None:
    check, _ = TARGETS[target]
    count = examples(count)
    tally = run(check, count=count, seed=1)
    assert_harmless(tally)
    assert sum(tally.outcomes.values()) == count
    # Fuzzing that never gets past the first check finds nothing.
    assert tally.outcomes["refused"] < 0.97 * count


def test_mutated_volumes_are_read_as_nibabel_reads_them_or_refused() -> None:
    pytest.importorskip("nibabel", reason="comes with the extra medical")
    check, _ = TARGETS["volumes"]
    tally = run(check, count=400, seed=1)
    assert_harmless(tally)
    for outcome, least in {"refused": 100, "read": 3, "read as nibabel reads it": 50}.items():
        assert tally.outcomes[outcome] > least


def test_tiffs_of_mutated_tags_are_read_as_tifffile_reads_them_or_refused() -> None:
    pytest.importorskip("tifffile", reason="comes with the extra fuzz")
    pytest.importorskip("imagecodecs", reason="comes with the extra fuzz")
    from tests.fuzz import tiffs

    tiffs.seeds()
    tally = run(tiffs.check, count=600, seed=1)
    assert_harmless(tally)
    assert tally.outcomes["read as tifffile reads it"] > 60


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", [0, 20])
def test_mutated_input_at_length(target: str, seed: int) -> None:
    check, count = TARGETS[target]
    assert_harmless(run(check, count=count, seed=seed))


def test_every_kind_of_outcome_is_reached() -> None:
    outcomes = run(masks.check, count=1000, seed=3).outcomes
    assert {
        "refused",
        "read",
        "read as the second decoder reads it",
        "read as NumPy reads it",
        "read as libtiff reads it",
        "read as Pillow's own reader reads it",
    } == set(outcomes)
    assert {"refused", "read and scored", "read, and refused by scoring"} == set(
        run(runs.check, count=500, seed=3).outcomes
    )


def test_a_case_follows_from_seed_and_number() -> None:
    for check in (masks.check, runs.check, palettes.check):
        first, again, other = (check(Random(f"{seed}:7"))[1] for seed in (1, 1, 2))
        assert first == again != other


# --- The fuzzers can fail --------------------------------------------------------------------------------------------


def only_failures(check: Check, count: int = 400) -> Tally:
    tally = run(check, count=count, seed=5)
    assert tally.failures
    return tally


def test_a_reader_that_is_off_by_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any, **options: Any) -> Any:
        decoded = decode_mask(*args, **options).copy()
        decoded[-1, -1] ^= 1
        return decoded

    monkeypatch.setattr(masks, "decode_mask", wrong)
    told_of = {what for _, what, _ in only_failures(masks.check).failures}
    for form in ("PNG", "NumPy", "TIFF", "BMP or GIF"):
        assert any(what.startswith(form) for what in told_of), form


def test_a_reader_that_accepts_damage_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(data: bytes, **options: Any) -> Any:
        try:
            return decode_mask(data, **options)
        except Exception:
            return np.zeros((1, 1), np.uint8)

    monkeypatch.setattr(masks, "decode_mask", lenient)
    assert only_failures(masks.check).outcomes["silently wrong"] > 10


def test_a_reader_that_refuses_legal_files_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(data: bytes, **options: Any) -> Any:
        decoded = decode_mask(data, **options)
        return decode_mask(data[:-1], **options) if decoded.shape[0] == 1 else decoded

    monkeypatch.setattr(masks, "decode_mask", strict)
    assert any("legal PNG was refused" in what for _, what, _ in only_failures(masks.check).failures)


def test_a_run_file_that_is_read_as_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(data: bytes, **options: Any) -> Any:
        try:
            return run_from_bytes(data, **options)
        except RunFileError:
            lines = data.splitlines()[:-1]
            return run_from_bytes(runs._sealed(lines), **options)

    monkeypatch.setattr(runs, "run_from_bytes", lenient)
    assert only_failures(runs.check).outcomes["silently wrong"]


def broken(chance: Random) -> tuple[str, bytes]:
    CURRENT.data = b"the case"
    raise ZeroDivisionError


def endless(chance: Random) -> tuple[str, bytes]:
    CURRENT.data = b"the case"
    while True:
        pass


def slow(chance: Random) -> tuple[str, bytes]:
    with suppress(BaseException):
        busy(0.2)
    busy(0.2)
    return "read", b""


def busy(seconds: float) -> None:
    began = time.process_time()
    while time.process_time() < began + seconds:
        pass


def wrong(chance: Random) -> tuple[str, bytes]:
    raise WrongError("another value", b"the case")


@pytest.mark.parametrize(
    ("check", "word", "data"),
    [(broken, "crash", b"the case"), (endless, "hang", b"the case"), (wrong, "silently wrong", b"the case")],
)
def test_what_must_not_happen_is_told_with_its_bytes(check: Check, word: str, data: bytes) -> None:
    tally = run(check, count=1, seed=0, limit=0.1)
    assert tally.outcomes == {word: 1}
    assert tally.failures[0][2] == data
    assert f"1 {word}" in told("masks", tally)


def test_what_swallows_the_alarm_is_a_hang_all_the_same() -> None:
    assert run(slow, count=1, seed=0, limit=0.1).outcomes == {"hang": 1}


@pytest.mark.parametrize("way", [spoiled, spoiled_png])
def test_mutations_change_files(way: Callable[..., bytes]) -> None:
    seeds = masks.png_seeds()
    changed = [way(Random(index), seeds[index % len(seeds)], seeds) for index in range(200)]
    assert sum(data == seeds[index % len(seeds)] for index, data in enumerate(changed)) < 20


def test_a_png_is_taken_apart_and_joined() -> None:
    assert all(joined(png_chunks(seed)) == seed for seed in masks.png_seeds())
