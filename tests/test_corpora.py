"""The corpora of the guided fuzzer: small, whole, and read without anything unforeseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from segeval.errors import InternalError, SegevalError
from segeval.images.readers import decode_mask, decode_probability, describe
from segeval.runs.file import run_from_bytes
from tests.corpora.__main__ import MAKERS, ROOT

FILES = sorted(path for path in ROOT.glob("*/*") if path.is_file() and path.suffix not in {".py", ".pyc"})


def test_every_target_has_a_small_corpus() -> None:
    assert {path.parent.name for path in FILES} == set(MAKERS)
    assert sum(path.stat().st_size for path in FILES) < 200_000
    assert all(path.stat().st_size <= 4096 for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_file_is_read_or_refused_in_words(path: Path) -> None:
    data = path.read_bytes()
    readers = (decode_mask, decode_probability, describe, run_from_bytes)
    refused: list[SegevalError] = []
    for reader in readers:
        try:
            reader(data, name="a")
        except SegevalError as error:
            refused.append(error)
    unforeseen = AttributeError | IndexError | KeyError | NameError | TypeError
    assert not [
        error for error in refused if isinstance(error, InternalError) or isinstance(error.__cause__, unforeseen)
    ]
    assert len(refused) < len(readers) or path.name.startswith("found-")
