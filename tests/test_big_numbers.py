"""Numbers at their ends: counts beyond 2^53, values by the ten thousand, images of one pixel and of 900 million."""

from __future__ import annotations

import io
import json
import os
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.protocol.protocol import Protocol
from segeval.render import render
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.run import Row, Run
from segeval.tables.counts import table, total
from tests.corpora import png_corpus, tiff_corpus, zeros
from tests.support import processes
from tests.support.commandline import run_segeval

ROOT = Path(__file__).resolve().parents[1]
FORMATS = ("table", "json", "csv", "markdown", "latex", "junit", "github")


def row(key: str, counts: list[tuple[int, int, int]], size: tuple[int, int]) -> Row:
    """Make up a row; `counts` has (ground truth, prediction, pixels)."""
    gt, pred, pixels = (np.array(column, np.int64) for column in zip(*counts, strict=True))
    assert pixels.sum() == size[0] * size[1]
    return Row(key, *size, f"blake2b:{0:032x}", table(gt, pred, pixels))


# --- Counts ----------------------------------------------------------------------------------------------------------


def test_counts_beyond_2_to_the_53_stay_exact_and_score_right() -> None:
    """Doubles cannot tell 2^53 from 2^53 + 1: the sums over 9,000 images of 2^40 pixels are 2^53.1 and odd."""
    images, side = 9001, 1 << 20
    pixels = side * side
    counts = [(0, 0, pixels - 7), (0, 1, 3), (1, 0, 1), (1, 1, 3)]
    rows = tuple(row(f"{index:05}", counts, (side, side)) for index in range(images))
    run = Run(Protocol(), rows)
    report = build_report(run)
    tp, fn, fp = images * (pixels - 7), images * 3, images
    assert tp > 2**53
    assert (report.classes[0].tp, report.classes[0].fp, report.classes[0].fn) == (tp, fp, fn)
    assert float(tp) != tp, "a count that a double holds proves nothing"
    assert report.data.pixels == images * pixels
    assert report.classes[0].iou == float(Fraction(tp, tp + fp + fn))
    assert report.classes[1].iou == float(Fraction(3, 7))
    assert report.scores["pixel_accuracy"] == float(Fraction(tp + 3 * images, images * pixels))
    document = json.loads(render(report, "json", color=False, width=None, verbose=False))
    assert document["classes"][0]["tp"] == tp
    assert document["data"]["pixels"] == images * pixels
    for form in FORMATS:
        assert render(report, form, color=False, width=None, verbose=True)


def test_counts_beyond_2_to_the_53_survive_a_run_file() -> None:
    side = 1 << 20
    counts = [(0, 0, side * side - 1), (0, 1, 1)]
    run = Run(build_request().protocol, tuple(row(f"{index:05}", counts, (side, side)) for index in range(8300)))
    again = run_from_bytes(run_to_bytes(run, packed=False), name="run")
    assert again == run
    assert int(again.table().pixels.sum()) == 8300 * side * side > 2**53


@pytest.mark.parametrize("gt", [0, 10**9], ids=["dense", "sparse"])
def test_sums_that_do_not_fit_are_refused_and_never_wrapped(gt: int) -> None:
    """Int64 wraps in silence. No run file holds that much; several united could."""

    def summed(pixels: int, times: int) -> int:
        return total([table(np.array([0, gt]), np.array([0, gt]), np.array([pixels, 1]))] * times).total

    most = 4 * 10**18
    assert summed(most, 2) in (2 * most + 2, 2 * (most + 1))
    with pytest.raises(MaskError, match="more pixels than can be counted"):
        summed(most, 3)


# --- Values ----------------------------------------------------------------------------------------------------------


def test_65536_values_in_both_masks_are_counted_and_scored(tmp_path: Path) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for side, array in (("gt", values), ("pred", np.roll(values, 1))):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", array)
    np.save(tmp_path / "gt/b.npy", values)
    np.save(tmp_path / "pred/b.npy", values)
    start = time.process_time()
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json", "--unknown", "miss")
    assert done.code == 2, "nobody has 65,536 classes unless they say so"
    assert "1,024" in done.stderr
    assert "photograph" in done.stderr
    assert "--probs" in done.stderr
    found = run_segeval(
        "score", tmp_path / "pred", tmp_path / "gt", "--only", "miou", "--gt-threshold", "0", "--pred-threshold", "0"
    )
    # Of 131,072 pixels four are 0: one image has it where it belongs, in the other it has moved by one.
    assert found.code == 0, found.stderr
    zero, rest = Fraction(1, 3), Fraction(131072 - 3, 131072 - 1)
    assert float(found.stdout) == pytest.approx(float((zero + rest) / 2), rel=1e-12)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("side", ["gt", "pred"])
def test_distinct_values_are_bounded_where_no_classes_are_given(tmp_path: Path, side: str) -> None:
    most, more = np.arange(1024, dtype=np.uint16).reshape(32, 32), np.arange(33 * 32, dtype=np.uint16).reshape(33, 32)
    for folder in ("gt", "pred"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "a.npy", most)
    folders = (tmp_path / "pred", tmp_path / "gt")
    assert run_segeval("score", *folders, "--ignore", "none", "--only", "miou").stdout == "1.0\n"
    for folder in ("gt", "pred"):
        np.save(tmp_path / folder / "b.npy", more if folder == side else more % 1000)
    done = run_segeval("score", *folders)
    assert (done.code, done.stdout) == (2, "")
    assert "more than 1,024 distinct values" in done.stderr
    assert "b.npy: 1,056 values" in done.stderr
    assert "a.npy" not in done.stderr
    assert "photograph" in done.stderr
    assert run_segeval("score", *folders, "--ignore", "none", "--classes", "1056").code == 0


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_thousand_classes_are_scored_and_rendered_in_time(tmp_path: Path, format_name: str) -> None:
    rng = np.random.default_rng(0)
    gt = rng.integers(0, 1000, (600, 600), np.uint16)
    pred = np.where(rng.random(gt.shape) < 0.7, gt, rng.integers(0, 1000, gt.shape, np.uint16))
    for side, array in (("gt", gt), ("pred", pred)):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", array)
    start = time.process_time()
    done = run_segeval(
        "score",
        tmp_path / "pred",
        tmp_path / "gt",
        "--classes",
        "1000",
        "-f",
        format_name,
        "-v",
        "--gain",
        "--worst",
        "1",
    )
    assert time.process_time() - start < 10
    assert done.code == 0, done.stderr
    if format_name == "json":
        document = json.loads(done.stdout)
        counts = np.array(document["confusion"]["counts"])
        assert counts.shape == (1000, 1000)
        expected = np.zeros((1000, 1000), np.int64)
        np.add.at(expected, (gt.ravel(), pred.ravel()), 1)
        assert np.array_equal(counts, expected)
        hits = np.diag(expected)
        ious = hits / (expected.sum(0) + expected.sum(1) - hits)
        assert document["scores"]["miou"] == pytest.approx(ious.mean(), rel=1e-12)


def test_images_of_one_pixel_are_scored(tmp_path: Path) -> None:
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
    for index in range(50):
        gt, pred = index % 2, index % 5 % 2
        for side, value in (("gt", gt), ("pred", pred)):
            (tmp_path / side / f"{index}.png").write_bytes(png_corpus.encode(np.array([[value]])))
    document = json.loads(run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json", "--ci", "95").stdout)
    pairs = [(index % 2, index % 5 % 2) for index in range(50)]
    expected = [[sum(pair == (g, p) for pair in pairs) for p in (0, 1)] for g in (0, 1)]
    assert document["confusion"]["counts"] == expected
    assert document["data"]["pixels"] == 50


@pytest.mark.parametrize("shape", [(1, 70000), (70000, 1)])
def test_images_of_one_row_or_column_are_scored(tmp_path: Path, shape: tuple[int, int]) -> None:
    array = (np.arange(70000) % 3).reshape(shape)
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.png").write_bytes(_big_png(array.astype(np.uint8)))
    assert run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--only", "miou").stdout == "1.0\n"


def _big_png(array: NDArray[Any]) -> bytes:
    height, width = array.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), array])
    return png_corpus.png(
        png_corpus.header(width, height, 8, png_corpus.GRAY),
        png_corpus.chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)),
    )


# --- Giants and bombs, in a process of their own ----------------------------------------------------------------------

PROBE = """
import resource, sys, time
import segeval.measuring.measure, segeval.images.readers, segeval.runs.file
import segeval.cli.verbs.score, segeval.api.scoring
limit, *arguments = sys.argv[1:]
if limit != "none":
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
from segeval.cli import run
code = run(arguments)
took = time.process_time() - start
print(f"PROBE {code} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before} {took:.3f}", file=sys.stderr)
"""


def probed(*arguments: str | Path, memory: int | None = None) -> tuple[int, int, float, str, str]:
    """Return exit code, KiB used beyond the imports, seconds, stdout and stderr of a run of its own."""

    # Threads of numerical libraries reserve address space, which is what the limit counts.
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    done = processes.run("none" if memory is None else str(memory), *arguments, cwd=ROOT, env=env, program=PROBE)
    *told, last = done.stderr.decode().splitlines()
    assert last.startswith("PROBE"), told
    code, used, took = last.split()[1:]
    return int(code), int(used), float(took), done.stdout.decode(), "\n".join(told)


def giant_png(side: int) -> bytes:
    """Return a legal flat image of `side` x `side` pixels, made without holding it."""
    data = zeros.compressed(side * (side + 1))
    return png_corpus.png(png_corpus.header(side, side, 8, png_corpus.GRAY), png_corpus.chunk(b"IDAT", data))


@pytest.fixture(scope="module")
def giants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("giants")
    data = giant_png(30_000)
    for side in ("gt", "pred"):
        (root / side).mkdir()
        (root / side / "giant.png").write_bytes(data)
    return root


def test_thirty_thousand_squared_is_refused_from_the_header_with_the_sizes_named(giants: Path) -> None:
    code, used, took, stdout, stderr = probed("score", giants / "pred", giants / "gt", memory=1 << 30)
    assert (code, stdout) == (2, "")
    assert "30000 x 30000 = 900000000 pixels, the limit is 268435456" in stderr
    assert "--max-pixels" in stderr
    assert used < 50 << 10
    assert took < 5


@pytest.mark.slow
def test_thirty_thousand_squared_is_scored_where_it_is_allowed_in_stated_memory(giants: Path) -> None:
    """8-bit PNG: both masks are held, and the row that is being decoded; 2 bytes a pixel and 256 MiB at most."""
    code, used, took, stdout, stderr = probed(
        *("score", giants / "pred", giants / "gt", "--max-pixels", str(10**9), "-f", "json", "-i", "none"), "-j", "1"
    )
    assert code == 0, stderr
    assert json.loads(stdout)["data"]["pixels"] == 900_000_000
    assert used * 1024 < 2 * 900_000_000 + (256 << 20), f"{used / 2**20:.2f} GiB"
    assert took < 120


def _npz(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as stream:
        stream.write(content)
    return target.getvalue()


def _npy_header(shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


GIB = 1 << 30


def _nested_npz() -> bytes:
    inner = _npz(_npy_header((10, 10)) + bytes(100))
    for _ in range(20):
        inner = _npz(inner)
    return inner


SMALL = png_corpus.header(4, 4, 8, png_corpus.GRAY)
ROWS = png_corpus.chunk(b"IDAT", zlib.compress(bytes(20)))


def _packed_tiff(code: int, packed: bytes) -> bytes:
    """Make a TIFF of 4 x 4 pixels whose one strip is `packed`."""
    data = tiff_corpus.tiff(np.zeros((4, 4), np.uint8), tags={259: (code,), 279: (len(packed),)})
    entry = data.index((273).to_bytes(2, "little"), int.from_bytes(data[4:8], "little"))
    return data[: entry + 8] + len(data).to_bytes(4, "little") + data[entry + 12 :] + packed


def _with_text(kind: bytes, head: bytes) -> bytes:
    """Make a PNG that is good, with compressed text or a profile before its data, which is passed over unread."""
    return png_corpus.png(SMALL, png_corpus.chunk(kind, head + zeros.compressed(GIB)), ROWS)


def _lying_npz() -> bytes:
    """Make an archive whose directory says 228 bytes where a gibibyte comes."""
    honest = bytearray(_npz(_npy_header((10, 10)) + bytes(100)))
    size = len(_npy_header((10, 10))) + 100
    packed = zeros.deflated(GIB, _npy_header((10, 10)))
    directory = honest.index(b"PK\1\2")
    start = honest.index(b"a.npy") + 5
    local = honest[:start]
    struct.pack_into("<II", local, 18, len(packed), size)
    central = honest[directory:]
    struct.pack_into("<II", central, 20, len(packed), size)
    end = central.index(b"PK\5\6")
    struct.pack_into("<I", central, end + 16, start + len(packed))
    return bytes(local) + packed + bytes(central)


def _gif_bomb() -> bytes:
    """Make a GIF of 4 x 4 pixels with megabytes of codes behind its last pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\x08"
    return head + (b"\xff" + bytes(255)) * 40_000 + b"\0;"


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "IDAT": ("png", lambda: png_corpus.png(SMALL, png_corpus.chunk(b"IDAT", zeros.compressed(GIB)))),
    "interlaced IDAT": (
        "png",
        lambda: png_corpus.png(
            png_corpus.header(4, 4, 8, png_corpus.GRAY, interlace=1), png_corpus.chunk(b"IDAT", zeros.compressed(GIB))
        ),
    ),
    "npz that says so": ("npz", lambda: _npz(_npy_header((1 << 15, 1 << 15)))),
    "nested npz": ("npz", _nested_npz),
    "gz": ("png", lambda: zeros.gzipped(GIB)),
    "deflated TIFF": ("tif", lambda: _packed_tiff(8, zeros.compressed(GIB))),
    "TIFF PackBits": ("tif", lambda: _packed_tiff(32773, b"\x81\0" * 4_000_000)),
    "TIFF LZW": ("tif", lambda: _packed_tiff(5, b"\x80\0\0" * 2_000_000)),
    # What follows the last value or pixel is not unpacked: NumPy and every GIF decoder read these as what comes before.
    "harmless: npz that lies": ("npz", _lying_npz),
    "harmless: GIF": ("gif", _gif_bomb),
    "legal: zTXt": ("png", lambda: _with_text(b"zTXt", b"Comment\0\0")),
    "legal: iTXt": ("png", lambda: _with_text(b"iTXt", b"Comment\0\1\0\0\0")),
    "legal: iCCP": ("png", lambda: _with_text(b"iCCP", b"profile\0\0")),
}
"""Name -> suffix and maker of files that are small and would be large."""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_in_an_error_at_bounded_memory_and_time(tmp_path: Path, name: str) -> None:
    suffix, make = BOMBS[name]
    data = make()
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        (tmp_path / side / f"bomb.{suffix}").write_bytes(data)
    code, used, took, stdout, stderr = probed("score", tmp_path / "pred", tmp_path / "gt", "-j", "1", memory=GIB)
    assert used < 64 << 10, f"{used / 1024:.0f} MiB"
    assert took < 5
    assert "internal error" not in stderr
    if name.startswith(("legal", "harmless")):
        assert code == 0, stderr
    else:
        assert (code, stdout) == (2, "")
        assert f"bomb.{suffix}" in stderr


def test_a_bomb_of_a_run_file_ends_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl.gz").write_bytes(zeros.gzipped(GIB))
    code, used, took, _, stderr = probed("report", tmp_path / "run.jsonl.gz", memory=GIB)
    assert code == 2
    assert "run.jsonl.gz" in stderr
    assert used < 256 << 10, f"{used / 1024:.0f} MiB"
    assert took < 5
