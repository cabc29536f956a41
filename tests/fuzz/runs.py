"""Mutated run files: a spoiled one is refused or is the same run; one whose digest was mended is refused or possible.

A run that is read must survive writing and reading unchanged, and scoring it gives a report or a `SegevalError`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import SegevalError
from segeval.measuring.measure import measure
from segeval.render import render
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.runs.file import run_from_bytes, run_to_bytes
from segeval.runs.run import Run
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import TELLING_NUMBERS, spoiled

DEEP = "list in 2,000 lists"
"""Stands for what Python cannot write itself."""


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated run file, read it, and score what was read."""
    seed = chance.choice(seeds())
    mended = chance.random() < 0.7
    plain = _sealed(_spoiled_lines(chance, seed)) if mended else spoiled(chance, seed, seeds())
    data = plain
    if chance.random() < 0.2:
        data = gzip.compress(plain, mtime=0)
        if chance.random() < 0.5:
            data = spoiled(chance, data)
    CURRENT.data = data
    try:
        run = run_from_bytes(data, name="a.jsonl")
    except SegevalError as error:
        if not all(place.startswith("a.jsonl") for place in error.where):
            raise WrongError(f"an error that does not name its file: {error!r}", data) from error
        return "refused", data
    written = run_to_bytes(run, packed=False)
    if not mended and written not in seeds():
        raise WrongError("a spoiled file was read as another run", data)
    if run_to_bytes(run_from_bytes(written, name="again"), packed=False) != written:
        raise WrongError("a run that was read does not survive writing and reading", data)
    return _scored(run), data


def _scored(run: Run) -> str:
    try:
        report = build_report(run)
        for form in ("json", "table", "junit"):
            text = render(report, form, color=False, width=None, verbose=False)
            if form == "json":
                json.loads(text, parse_constant=_never)
    except SegevalError:
        return "read, and refused by scoring"
    return "read and scored"


def _never(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


def _spoiled_lines(chance: Random, seed: bytes) -> list[bytes]:
    lines = seed.splitlines()[:-1]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not lines:
            break
        at = chance.randrange(len(lines))
        kind = chance.randrange(10)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines[at] = spoiled(chance, lines[at])
        elif kind == 4:
            lines[at] = chance.choice(chance.choice(seeds()).splitlines())
        else:
            try:
                facts = json.loads(lines[at])
            except (ValueError, RecursionError):
                continue
            way = _other_table if kind > 7 and isinstance(facts, dict) and "counts" in facts else _changed
            deep = b"[" * 2000 + b"]" * 2000
            lines[at] = (
                json.dumps(way(chance, facts), separators=(",", ":")).encode().replace(f'"{DEEP}"'.encode(), deep)
            )
    return lines


def _changed(chance: Random, value: Any) -> Any:
    """Change something at a random depth of a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        kind = chance.randrange(8)
        if kind == 0:
            return {key: part for key, part in value.items() if key != name}
        if kind == 1:
            return {**value, chance.choice(("x", "key", "map", "levels", "sums", "rows", "unnormalised")): value[name]}
        return {**value, name: _changed(chance, value[name])}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        kind = chance.randrange(8)
        if kind == 0:
            return value[:at] + value[at + 1 :]
        if kind == 1:
            return value[: at + 1] + value[at:]
        if kind == 2:
            return value[::-1]
        return [*value[:at], _changed(chance, value[at]), *value[at + 1 :]]
    if isinstance(value, int) and not isinstance(value, bool) and chance.random() < 0.5:
        return value + chance.choice((-1, 1))
    return _any_value(chance)


def _other_table(chance: Random, facts: dict[str, Any]) -> dict[str, Any]:
    """Give a row of labels another size and table that agree: huge counts, far values, many of them."""
    values = sorted({chance.choice((*range(8), 255, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63) + 1)) for _ in range(4)})
    height, width = chance.choice(((1, 1), (6, 7), (1, 2**40), (2**20, 2**20), (2**26, 3)))
    left, table = height * width, []
    for value in values:
        last = value == values[-1]
        pixels = left if last else max(1, left // chance.choice((2, 3, 1000)))
        if left and pixels <= left:
            half = pixels // 2
            columns = [values[:1], [pixels]] if half == 0 or len(values) < 2 else [values[:2], [half, pixels - half]]
            table.append([value, *columns])
            left -= pixels
    return {**facts, "size": [height, width], "counts": table}


def _any_value(chance: Random) -> Any:
    return chance.choice(
        (
            *(None, True, False, "", "a", "\n\x1b[31m", "\ud800", "a" * 1000, "none", "torch", "255"),
            *(chance.choice(TELLING_NUMBERS), chance.choice(TELLING_NUMBERS), 10**400, 0.5, -0.0, 1e308, float("nan")),
            *(float("inf"), [], {}, DEEP, [[[[]]]], [0], [None], {"id": 0, "name": "road"}),
        )
    )


def _sealed(lines: list[bytes]) -> bytes:
    """Write lines with an end whose count and digest are right."""
    body = b"".join(line + b"\n" for line in lines)
    rows = sum(line.startswith(b'{"key"') for line in lines)
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return body + json.dumps({"rows": rows, "digest": f"blake2b:{digest}"}, separators=(",", ":")).encode() + b"\n"


@cache
def seeds() -> tuple[bytes, ...]:
    """Return the run files of label masks and of every kind of probability map, measured from small folders."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (3, 6, 7), np.uint8)
    binary = rng.integers(0, 2, (3, 6, 7), np.uint8)
    maps: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "labels": (labels, labels[::-1], {}),
        "named": (labels, labels[::-1], {"classes": ["road", "sky", "car"], "ignore": "255,car"}),
        "missing": (labels, labels[:2], {"missing": "miss"}),
        "negative": (labels.astype(np.int32) - 1, labels.astype(np.int64) - 1, {"ignore": "-1", "map": "2=1"}),
        "binary": (binary * 255, binary[::-1] * 255, {"binary": True}),
        "uint8": (binary, rng.integers(0, 256, (3, 6, 7), np.uint8), {"probs": True}),
        "uint16": (binary, rng.integers(0, 65536, (3, 6, 7), np.uint16), {"probs": True}),
        "float": (binary, rng.random((3, 6, 7)), {"probs": True, "gamma": 1.5}),
        "classes": (labels, rng.dirichlet((1, 1, 1), (3, 6, 7)).transpose(0, 3, 1, 2), {"probs": True}),
        "levels": (labels, rng.integers(0, 256, (3, 3, 6, 7), np.uint8), {"probs": True}),
    }
    return tuple(_run_file(*facts) for facts in maps.values())


def _run_file(gt: NDArray[Any], pred: NDArray[Any], options: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for side, arrays in (("gt", gt), ("pred", pred)):
            (Path(folder) / side).mkdir()
            for index, array in enumerate(arrays):
                stem = Path(folder) / side / f"{index}"
                if array.dtype == np.uint8 and array.ndim == 2:
                    Image.fromarray(array).save(stem.with_suffix(".png"))
                else:
                    np.save(stem.with_suffix(".npy"), array)
        found = measure(Path(folder) / "pred", Path(folder) / "gt", build_request(**options), jobs=1)
    assert not found.problems, found.problems
    return run_to_bytes(found.run, packed=False)
