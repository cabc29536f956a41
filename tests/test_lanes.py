"""Two lanes, one result: what the compiled kernels read and count is what Pillow and NumPy do, on any input."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.images import png
from segeval.images.readers import decode_mask
from segeval.tables import lane
from segeval.tables.counts import joint_counts
from tests.corpora import png_corpus as corpus
from tests.fuzz import lanes
from tests.fuzz.engine import run
from tests.support import processes
from tests.support.commandline import Completed
from tests.support.properties import examples

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
kernels = pytest.mark.skipif(not lane.compiled(), reason="installed without a C compiler")


@pytest.mark.skipif(os.environ.get("SEGTEST_LANE") != "fast", reason="asked for where there is a C compiler")
def test_what_is_tested_has_compiled_kernels() -> None:
    assert lane.compiled(), f"{lane.__file__} has none: run `pytest` on what is installed, not `python -m pytest` here"


def segeval(*arguments: str | Path, **environment: str) -> Completed:
    # From a folder that has no package of this name: what is installed is asked.
    done = processes.run(*arguments, cwd=SAMPLES, env={**os.environ, **environment})
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


# --- Which lane ------------------------------------------------------------------------------------------------------


def chosen(monkeypatch: pytest.MonkeyPatch, asked: str, *, compiled: bool) -> str:
    monkeypatch.setenv(lane.VARIABLE, asked)
    monkeypatch.setattr(lane, "compiled", lambda: compiled)
    return lane.lane()


@pytest.mark.parametrize(
    ("asked", "compiled", "expected"),
    [("", True, "fast"), ("", False, "pillow"), ("pillow", True, "pillow"), ("fast", True, "fast")],
)
def test_the_lane_is_chosen_by_itself_unless_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: str, compiled: bool, expected: str
) -> None:
    assert chosen(monkeypatch, asked, compiled=compiled) == expected


def test_a_lane_that_does_not_exist_is_refused_once(tmp_path: Path) -> None:
    done = segeval("score", SAMPLES / "pred", SAMPLES / "gt", SEGEVAL_LANE="quick")
    assert done.code == 2
    assert done.stderr.count("SEGEVAL_LANE is 'quick'") == 1
    assert "Set it to fast or pillow, or unset it" in done.stderr


def test_the_fast_lane_without_kernels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="without its compiled kernels"):
        chosen(monkeypatch, "fast", compiled=False)


def test_kernels_that_are_plain_python_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "KERNELS", ("segeval.tables.counts",))
    assert not lane.compiled()
    monkeypatch.setattr(lane, "KERNELS", ("segeval.tables.no_such_kernel",))
    assert not lane.compiled()
    monkeypatch.setattr(lane, "KERNELS", ())
    monkeypatch.setattr(sys, "byteorder", "big")
    assert not lane.compiled()


def test_version_and_verbose_name_the_lane() -> None:
    assert "lane" not in segeval("--version").stdout
    for arguments in (("--version", "-v"), ("-v", "--version")):
        said = segeval(*arguments, SEGEVAL_LANE="pillow").stdout
        assert said.splitlines()[1] == "images take the pillow lane: Pillow and NumPy"
    done = segeval("score", "-v", SAMPLES / "pred", SAMPLES / "gt", SEGEVAL_LANE="pillow")
    assert "images take the pillow lane: Pillow and NumPy" in done.stderr
    assert "lane" not in segeval("score", "-v", "-q", SAMPLES / "pred", SAMPLES / "gt").stderr
    assert segeval("-v", "presets").code == 2


@kernels
def test_the_fast_lane_names_what_inflates() -> None:
    said = segeval("--version", "-v").stdout
    assert f"compiled kernels and {'libdeflate' if png.LIBDEFLATE else 'zlib'}" in said


@kernels
@pytest.mark.parametrize("format_name", ["json", "table", "csv"])
def test_no_byte_of_a_report_depends_on_the_lane(format_name: str) -> None:
    outcomes = [
        segeval("score", SAMPLES / "pred", SAMPLES / "gt", "-f", format_name, SEGEVAL_LANE=name) for name in lane.LANES
    ]
    assert outcomes[0].code == 0, outcomes[0].stderr
    assert outcomes[0].stdout == outcomes[1].stdout
    if format_name == "json":
        assert json.loads(outcomes[0].stdout)["scores"]


# --- The same arrays and the same errors -----------------------------------------------------------------------------


@kernels
def test_generated_and_mutated_files_are_alike_in_both_lanes() -> None:
    tally = run(lanes.check, count=examples(800), seed=2)
    assert not tally.failures, "\n".join(f"case {index}: {what}" for index, what, _ in tally.failures[:5])
    assert min(tally.outcomes[kind] for kind in ("read", "mutated and read", "refused")) > examples(800) // 40


@kernels
def test_a_lane_that_is_off_by_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = png.fast_samples

    def wrong(*arguments: Any) -> NDArray[Any] | None:
        samples = right(*arguments)
        if samples is not None:
            samples = samples.copy()
            samples.reshape(-1)[-1] ^= 1
        return samples

    monkeypatch.setattr(png, "fast_samples", wrong)
    assert run(lanes.check, count=100, seed=2).outcomes["silently wrong"] > 10


DATA = corpus.filtered(corpus.pattern(13, 9))
PACKED = zlib.compress(DATA)
STREAMS = {
    "short": zlib.compress(DATA[:-1]),
    "long": zlib.compress(DATA + b"\0"),
    "a row more": zlib.compress(DATA + bytes(14)),
    "cut": PACKED[:-5],
    "a wrong checksum": PACKED[:-1] + bytes((PACKED[-1] ^ 1,)),
    "no checksum": PACKED[:-4],
    "a wrong block": PACKED[:2] + b"\xff" + PACKED[3:],
    "a dictionary": b"\x78\xbb" + PACKED[2:],
    "nothing": b"\0",
    "an unknown filter": zlib.compress(b"\5" + DATA[1:]),
    "a bomb": zlib.compress(bytes(1 << 24)),
}


@kernels
@pytest.mark.parametrize("libdeflate", [True, False])
@pytest.mark.parametrize("stream", STREAMS)
def test_what_is_wrong_with_a_stream_is_said_as_in_the_other_lane(
    monkeypatch: pytest.MonkeyPatch, chosen_lane: Callable[[str], None], stream: str, libdeflate: bool
) -> None:
    if libdeflate and not png.LIBDEFLATE:
        pytest.skip("the extra `fast` is not installed")
    monkeypatch.setattr(png, "LIBDEFLATE", libdeflate)
    header = corpus.header(13, 9, 8, corpus.GRAY)
    data = corpus.png(header, corpus.chunk(b"IDAT", STREAMS[stream]))
    said = []
    for name in lane.LANES:
        chosen_lane(name)
        with pytest.raises(MaskError) as caught:
            decode_mask(data, name="a/b.png")
        said.append((caught.value.what, caught.value.where, caught.value.fix))
    assert said[0] == said[1]


@pytest.mark.parametrize("libdeflate", [True, False])
def test_only_whole_streams_of_the_right_size_are_inflated(monkeypatch: pytest.MonkeyPatch, libdeflate: bool) -> None:
    if libdeflate and not png.LIBDEFLATE:
        pytest.skip("the extra `fast` is not installed")
    monkeypatch.setattr(png, "LIBDEFLATE", libdeflate)
    assert png.inflated(PACKED, len(DATA)) == DATA
    assert png.inflated(PACKED + b"behind its end", len(DATA)) == DATA
    for name, stream in STREAMS.items():
        if name != "an unknown filter":
            assert png.inflated(stream, len(DATA)) is None, name


@pytest.mark.parametrize("noisy", [True, False], ids=["noise", "zeros"])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("size", [1, png.FED, png.PIECE, 2 * png.PIECE, 5 * png.PIECE])
def test_streams_are_inflated_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch, size: int, more: int, noisy: bool
) -> None:
    monkeypatch.setattr(png, "LIBDEFLATE", False)
    data = (Random(size).randbytes(size + more) if noisy else bytes(size + more)) or b"\0"
    packed = zlib.compress(data)
    assert png.inflated(packed, len(data)) == data
    assert png.inflated(packed + bytes(png.FED), len(data)) == data
    assert png.inflated(packed, len(data) + 1) is None
    assert png.inflated(packed, len(data) - 1) is None
    assert png.inflated(packed[:-1], len(data)) is None


# --- The kernels by themselves ---------------------------------------------------------------------------------------


@kernels
def test_paeth_is_the_specifications_for_every_left_above_and_corner() -> None:
    from segeval.images.pngrows import unfilter

    above, left = (grid.ravel() for grid in np.meshgrid(np.arange(256), np.arange(256)))
    target = np.empty((2 * len(left) + 1, 2), np.uint8)
    rows = np.zeros((len(left), 2, 3), np.uint8)
    rows[:, 0, 2] = above
    rows[:, 1, 0] = 4
    for corner in range(256):
        rows[:, 0, 1] = corner
        rows[:, 1, 1] = left - corner & 255
        assert unfilter(rows.reshape(-1), target.reshape(-1), 2 * len(left), 2, 1) == 2 * len(left)
        guess = left + above - corner
        far = [np.abs(guess - value) for value in (left, above, np.full_like(left, corner))]
        nearest = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner))
        assert np.array_equal(target[2::2, 1], nearest)


@kernels
@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize(("color", "depth"), [(corpus.GRAY, 8), (corpus.GRAY, 16), (corpus.RGB, 8), (corpus.RGBA, 8)])
def test_rows_of_every_width_are_unfiltered(color: int, depth: int, kind: int) -> None:
    from segeval.images.pngrows import unfilter

    step = corpus.CHANNELS[color] * depth // 8
    draw = np.random.default_rng(kind)
    for width in range(1, 110):
        shape = (3, width) if corpus.CHANNELS[color] == 1 else (3, width, corpus.CHANNELS[color])
        runs = np.repeat(draw.integers(0, 1 << depth, 400), 7)[: int(np.prod(shape))]
        samples = np.where(draw.random(shape) < 0.1, draw.integers(0, 1 << depth, shape), runs.reshape(shape))
        data = corpus.filtered(samples, depth=depth, filters=(kind,))
        target = np.empty((4, width * step), np.uint8)
        assert unfilter(data, target.reshape(-1), 3, width * step, step) == 3
        stored = samples.astype(">u2" if depth == 16 else np.uint8).reshape(3, -1).view(np.uint8)
        assert np.array_equal(target[1:], stored)


@kernels
def test_a_row_of_an_unknown_filter_ends_the_work() -> None:
    from segeval.images.pngrows import unfilter

    rows = np.zeros((3, 5), np.uint8)
    rows[1, 0] = 5
    assert unfilter(rows.reshape(-1), np.empty(16, np.uint8), 3, 4, 1) == 1


@kernels
@pytest.mark.parametrize(
    ("source", "target", "height", "width", "step"),
    [
        *((10, 12, 2, 4, 5), (10, 12, 2, 4, 0), (9, 12, 2, 4, 1), (10, 11, 2, 4, 1), (10, 13, 2, 4, 1)),
        *((10, 12, 0, 4, 1), (10, 12, -2, -6, 1), (0, 0, 2, -1, 1), (10, 12, 2**62, 4, 1), (10, 12, 2, 2**62, 1)),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_anything_is_read(
    source: int, target: int, height: int, width: int, step: int
) -> None:
    from segeval.images.pngrows import spread, unfilter

    with pytest.raises(ValueError, match=r"pixel|size"):
        unfilter(bytes(source), bytearray(target), height, width, step)
    with pytest.raises(ValueError, match=r"samples|size"):
        spread(bytes(source), bytearray(target), width, step)


@kernels
def test_counting_refuses_sizes_that_do_not_fit() -> None:
    from segeval.tables.pairrows import count_bytes, gather_words

    memory, words, lengths = np.zeros(3 * 65537, np.int64), np.zeros(4, np.uint16), np.zeros(4, np.int64)
    for gt, pred, kept in ((3, 4, memory), (0, 0, memory), (3, 3, memory[:-1])):
        with pytest.raises(ValueError, match=r"pairs|size"):
            count_bytes(bytes(gt), bytes(pred), kept)
    for start, room in ((4, 4), (-1, 4), (0, 0)):
        with pytest.raises(ValueError, match=r"pairs|room"):
            gather_words(words, words, start, words[:room].copy(), words[:room].copy(), lengths[:room])
    with pytest.raises(ValueError, match="pairs"):
        gather_words(words, words[:3], 0, words.copy(), words.copy(), lengths)


@kernels
@pytest.mark.parametrize("kinds", [("u1", "u1"), ("i1", "u1"), ("u2", "u2"), ("u1", "u2"), ("i2", "i1"), ("i4", "u1")])
def test_every_size_and_type_is_counted_as_numpy_counts(kinds: tuple[str, str]) -> None:
    draw = np.random.default_rng(4)
    for size in (*range(1, 140), 4096, 70_001):
        longest = int(draw.choice((1, 2, 9, 90)))
        gt, pred = (
            np.repeat(draw.integers(-120 if "i" in kind else 0, 120, size), draw.integers(1, longest + 1, size))[:size]
            for kind in kinds
        )
        counts = joint_counts(gt=gt.astype(kinds[0]), pred=pred.astype(kinds[1]))
        cells, pixels = np.unique(np.stack([gt, pred]), axis=1, return_counts=True)
        assert counts.items() == tuple(zip(*cells.tolist(), pixels.tolist(), strict=True))


@kernels
def test_more_runs_of_words_than_are_gathered_at_a_time_are_counted() -> None:
    draw = np.random.default_rng(5)
    gt = np.repeat(draw.integers(0, 60_000, 100_000), 7).astype(np.uint16)
    counts = joint_counts(gt=gt, pred=gt)
    values, pixels = np.unique(gt, return_counts=True)
    assert counts.items() == tuple(zip(values.tolist(), values.tolist(), pixels.tolist(), strict=True))


@kernels
def test_one_image_leaves_nothing_for_the_next() -> None:
    draw = np.random.default_rng(6)
    noise = draw.integers(0, 256, (2, 300, 300), dtype=np.uint8)
    assert joint_counts(gt=noise[0], pred=noise[1]).total == 90_000
    assert joint_counts(gt=np.zeros((2, 2), np.uint8), pred=np.zeros((2, 2), np.uint8)).items() == ((0, 0, 4),)
