"""Generated and mutated PNG files in both lanes: one array or one error, which is the second decoder's as well.

Rows are of every filter in any order, 1 to 80 pixels wide and now and then wider, flat, in runs or noise; files have
many IDAT chunks, wrong lengths and checksums, trailing data, and bits flipped in their rows behind mended checksums.
What both lanes read is then counted in both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.readers import decode_mask, decode_probability
from segeval.tables import lane
from segeval.tables.counts import JointCounts, joint_counts
from tests.corpora import png_corpus as corpus
from tests.fuzz import masks
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import flipped_rows, misstated, spoiled, spoiled_png

MOST_PIXELS = 1 << 16
READ = [form for form in corpus.ALL_FORMS if form not in {(corpus.RGB, 16), (corpus.RGBA, 16)}]
WAYS: tuple[Callable[[Random, bytes], bytes], ...] = (
    flipped_rows,
    flipped_rows,
    misstated,
    lambda chance, data: spoiled(chance, data, masks.png_seeds()),
    *[lambda chance, data: spoiled_png(chance, data, masks.png_seeds())] * 4,
)
"""Ways to mutate a file, the likelier ones more than once."""
Outcome = NDArray[Any] | tuple[str, tuple[str, ...], str]


def check(chance: Random) -> tuple[str, bytes]:
    """Make one file, read it in both lanes, and compare."""
    data = _made(chance)
    kind = "read"
    if chance.random() < 0.5:
        data = chance.choice(WAYS)(chance, data)
        kind = "mutated and read"
    CURRENT.data = data
    fast, slow = (_both_ways(data, name) for name in ("fast", "pillow"))
    for mine, theirs in zip(fast, slow, strict=True):
        _require_alike(mine, theirs, data)
    if not isinstance(fast[0], np.ndarray):
        return "refused", data
    if data.startswith(corpus.SIGNATURE):
        _require_second(fast[0], data)
    _require_counts(chance, fast[0], data)
    return kind, data


def _made(chance: Random) -> bytes:
    color, depth = chance.choice(READ)
    width = chance.randint(1, 80) if chance.random() < 0.95 else chance.randint(81, 400)
    height = chance.randint(1, 12)
    draw = np.random.default_rng(chance.getrandbits(64))
    channels = corpus.CHANNELS[color]
    shape = (height, width) if channels == 1 else (height, width, channels)
    samples = _drawn(chance, draw, shape, 1 << depth)
    if channels in (2, 4):
        samples[..., -1] = (1 << depth) - 1
    if channels >= 3 and depth == 8:
        colors = np.array(list(masks.COLORS))
        samples[..., :3] = colors[samples[..., 0] % len(colors)]
    filters = [chance.randrange(5) for _ in range(height)] if chance.random() < 0.8 else [chance.randrange(5)]
    pieces = chance.choice((None, None, 1, 7, 100))
    level = chance.choice((0, 1, 6, 9))
    interlaced = chance.random() < 0.05
    return corpus.encode(
        samples, color=color, depth=depth, interlaced=interlaced, filters=filters, idat_bytes=pieces, level=level
    )


def _drawn(chance: Random, draw: np.random.Generator, shape: tuple[int, ...], values: int) -> NDArray[np.int64]:
    """Draw noise, few values, runs, or runs with single pixels in them."""
    kind = chance.randrange(4)
    if kind == 0:
        return draw.integers(0, values, shape)
    few = draw.integers(0, values, 3)
    if kind == 1:
        return few[draw.integers(0, 3, shape)]
    size = int(np.prod(shape))
    runs = np.repeat(few[draw.integers(0, 3, size)], draw.integers(1, 60, size))[:size].reshape(shape)
    if kind == 3:
        runs = np.where(draw.random(shape) < 0.02, draw.integers(0, values, shape), runs)
    return runs


@contextmanager
def _in_lane(name: str) -> Iterator[None]:
    before = os.environ.get(lane.VARIABLE)
    os.environ[lane.VARIABLE] = name
    lane.forget()
    try:
        yield
    finally:
        del os.environ[lane.VARIABLE]
        if before is not None:
            os.environ[lane.VARIABLE] = before
        lane.forget()


def _both_ways(data: bytes, name: str) -> tuple[Outcome, Outcome]:
    with _in_lane(name):
        return _outcome(decode_mask, data, palette=masks.PALETTE), _outcome(decode_probability, data)


def _outcome(decode: Any, data: bytes, **options: Any) -> Outcome:
    try:
        decoded: NDArray[Any] = decode(data, name="a/b.png", max_pixels=MOST_PIXELS, **options)
    except MaskError as error:
        return error.what, error.where, error.fix
    return decoded


def _require_alike(fast: Outcome, slow: Outcome, data: bytes) -> None:
    if isinstance(fast, np.ndarray) and isinstance(slow, np.ndarray):
        if fast.dtype != slow.dtype or not np.array_equal(fast, slow):
            raise WrongError("the lanes read different values", data)
    elif isinstance(fast, np.ndarray) or isinstance(slow, np.ndarray) or fast != slow:
        raise WrongError(f"the lanes differ: {fast!r} and {slow!r}", data)


def _require_second(decoded: NDArray[Any], data: bytes) -> None:
    try:
        expected = masks.as_mask(*corpus.decode(data))
    except corpus.PngError as error:
        raise WrongError(f"read, though the second decoder says {error}", data) from error
    if expected is None or not np.array_equal(decoded.astype(np.int64), expected.astype(np.int64)):
        raise WrongError("read as another value than the second decoder's", data)


def _require_counts(chance: Random, pred: NDArray[Any], data: bytes) -> None:
    gt = np.roll(pred, chance.randrange(pred.size), axis=chance.randrange(2))
    if chance.random() < 0.3:
        gt = gt.astype(np.uint16)
    found: list[JointCounts] = []
    for name in ("fast", "pillow"):
        with _in_lane(name):
            found.append(joint_counts(gt=gt, pred=pred))
    if found[0] != found[1] or [column.dtype for column in (found[0].gt, found[0].pred)] != [
        column.dtype for column in (found[1].gt, found[1].pred)
    ]:
        raise WrongError("the lanes count differently", data)
