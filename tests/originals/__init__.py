"""What the field's evaluators print, as golden files: run in an environment of their own, compared to by the tests.

`python -m tests.originals` makes that environment, runs the evaluators on the inputs of `tests.originals.inputs` and
writes `golden/*.json`; `--check` compares instead. A test loads a file by `golden(name)`: each of its sets has the name
of a profile, a seed, and what the evaluator printed or how it refused. `facts.json` says what each score means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "golden"


@dataclass(frozen=True)
class GoldenSet:
    """Hold what an evaluator printed for one set of inputs: scores by segeval's names, lists by class; or a refusal.

    `inputs` names the profile, which is a key of `tests.originals.inputs`; `refused` is the kind of exception.
    """

    inputs: str
    seed: int
    scores: Mapping[str, Any]
    refused: str | None = None


@dataclass(frozen=True)
class Golden:
    """Hold the sets of one evaluator, which program and version it was, and a digest of the inputs it was given."""

    name: str
    program: str
    digest: str
    sets: tuple[GoldenSet, ...]


@cache
def golden(name: str) -> Golden:
    """Load the golden file of one evaluator."""
    found = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    sets = tuple(
        GoldenSet(entry["inputs"], entry["seed"], entry.get("scores", {}), entry.get("refused"))
        for entry in found["sets"]
    )
    return Golden(name, found["program"], found["digest"], sets)


def golden_names() -> list[str]:
    """Return the evaluators that have a golden file."""
    return sorted(path.stem for path in GOLDEN.glob("*.json"))


@cache
def facts() -> Mapping[str, Any]:
    """Return what each evaluator's scores mean, by evaluator."""
    found: Mapping[str, Any] = json.loads((FOLDER / "facts.json").read_text(encoding="utf-8"))
    return found
