"""Fuzz by coverage: `python -m tests.fuzz.guided png --seconds 60`, with atheris (the extra `fuzz`).

Starts from the files of `tests/corpora/TARGET`; a file that breaks a promise is written to the working folder. Whatever
the bytes, a reader gives a value or a `SegevalError`; masks are then held against the second decoders of `tests.fuzz`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["segeval"]):
    from segeval.errors import SegevalError
    from segeval.images.readers import decode_mask, decode_probability, describe
    from segeval.runs.file import run_from_bytes, run_to_bytes

CORPORA = Path(__file__).resolve().parents[1] / "corpora"
MOST_PIXELS = 1 << 16
SECONDS_A_CASE = 5
MEGABYTES = 2048


def one_mask(data: bytes) -> None:
    """Read bytes as mask, as map and as header."""
    for read in (
        lambda: decode_mask(data, name="a", max_pixels=MOST_PIXELS),
        lambda: decode_probability(data, name="a", max_pixels=MOST_PIXELS),
        lambda: describe(data, name="a"),
    ):
        try:
            read()
        except SegevalError as error:
            # What a decoder raised unforeseen is told as damage: here it is a finding.
            if error.__cause__ is not None and isinstance(error.__cause__, UNFORESEEN):
                raise error.__cause__ from None


UNFORESEEN = (AssertionError, AttributeError, IndexError, KeyError, NameError, TypeError, RecursionError)


def one_run(data: bytes) -> None:
    """Read bytes as a run file; what is read is written again and read as the same run."""
    try:
        run = run_from_bytes(data, name="a")
    except SegevalError:
        return
    again = run_to_bytes(run, packed=False)
    if run_to_bytes(run_from_bytes(again, name="a"), packed=False) != again:
        raise AssertionError("another run after one more reading")


TARGETS: dict[str, Callable[[bytes], None]] = {"png": one_mask, "tiff": one_mask, "npy": one_mask, "runs": one_run}


def main() -> None:
    """Fuzz one target for some seconds; exits with 77 where something was found, as libFuzzer does."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="folder where what reaches new code is kept")
    chosen = parser.parse_args()
    folders = [str(folder) for folder in (chosen.corpus, CORPORA / chosen.target) if folder is not None]
    bounds = [f"-max_total_time={chosen.seconds}", f"-timeout={SECONDS_A_CASE}", f"-rss_limit_mb={MEGABYTES}"]
    if chosen.corpus is None:
        bounds.append("-runs=-1")
    atheris.Setup([sys.argv[0], *folders, "-max_len=4096", *bounds], TARGETS[chosen.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
