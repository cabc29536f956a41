"""Write the corpora of the guided fuzzer: `python -m tests.corpora`; files called found-* are left as they are."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from segeval.protocol.protocol import Protocol
from segeval.runs.file import run_to_bytes
from segeval.runs.run import Row, Run
from segeval.tables.counts import table
from tests.corpora import png_corpus as corpus

ROOT = Path(__file__).resolve().parent


def pngs() -> Iterator[bytes]:
    """One small PNG of every legal form, plain and interlaced."""
    for color, depth in corpus.ALL_FORMS:
        for interlaced in (False, True):
            samples = corpus.pattern(5, 4, color=color, depth=depth)
            yield corpus.encode(samples, color=color, depth=depth, interlaced=interlaced, filters=(0, 1, 2, 3, 4))


def tiffs() -> Iterator[bytes]:
    """One small TIFF of every packing, with and without a predictor."""
    for array in (corpus.pattern(6, 5, depth=8).astype(np.uint8), corpus.pattern(6, 5, depth=8).astype(np.uint16)):
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma"):
            for predictor in (1, 2) if compression not in (None, "packbits") else (1,):
                target = io.BytesIO()
                info = {317: predictor, 278: 2} if compression else {}
                Image.fromarray(array).save(target, "TIFF", compression=compression, tiffinfo=info)
                yield target.getvalue()


def arrays() -> Iterator[bytes]:
    """Small .npy and .npz files of several types."""
    base = corpus.pattern(5, 4, depth=8)
    for name in ("u1", "<i4", ">u2", "?", "<f4", "<f8"):
        array = (base % 2 if name in ("?", "<f4", "<f8") else base).astype(name)
        target = io.BytesIO()
        np.save(target, array)
        yield target.getvalue()
        target = io.BytesIO()
        np.savez_compressed(target, array)
        yield target.getvalue()


def runs() -> Iterator[bytes]:
    """Run files without rows, with one and with three, one of them packed."""
    counts = table(*np.array([[0, 0, 1], [0, 1, 1], [3, 2, 1]]))
    rows = tuple(Row(f"a/{index}", 2, 3, "blake2b:" + "0" * 32, counts) for index in range(3))
    for chosen in (rows[:0], rows[:1], rows):
        yield run_to_bytes(Run(Protocol(), chosen), packed=False)
    yield run_to_bytes(Run(Protocol(), rows), packed=True)


MAKERS = {"png": pngs, "tiff": tiffs, "npy": arrays, "runs": runs}


def main() -> None:
    """Write every corpus."""
    for target, make in MAKERS.items():
        folder = ROOT / target
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if not path.name.startswith("found-"):
                path.unlink()
        for data in make():
            (folder / hashlib.blake2b(data, digest_size=6).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
