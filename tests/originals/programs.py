"""What running an evaluator takes: its name, the inputs it is given, the function that asks it, and how it refuses."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.evaluators import Masks
from tests.originals.inputs import GreyMaps, ProbabilityMaps, digest, inputs_of

Inputs = Masks | GreyMaps | ProbabilityMaps
Printed = Mapping[str, Any]

SINGLE, DOUBLE = 9, 17
"""Significant digits that carry a float32 and a float64."""


@dataclass(frozen=True)
class Program:
    """Describe one evaluator: the golden file's name, which program it is, and how to ask it.

    `inputs` are pairs of a profile and how many of its sets it is given, from seed 0 on. `refusals` are the exceptions
    by which it refuses masks. `digits` are those its numbers carry.
    """

    name: str
    program: str
    inputs: Sequence[tuple[str, int]]
    ask: Callable[[Any], Printed]
    refusals: tuple[type[Exception], ...] = ()
    digits: int = DOUBLE

    def run(self) -> dict[str, Any]:
        """Ask the evaluator about every set and return its golden file."""
        entries = [(profile, seed) for profile, count in self.inputs for seed in range(count)]
        sets = [inputs_of(profile, seed) for profile, seed in entries]
        answers = [self._answer(entry) for entry in sets]
        return {
            "program": self.program,
            "digest": digest(sets),
            "sets": [
                {"inputs": profile, "seed": seed, **answer}
                for (profile, seed), answer in zip(entries, answers, strict=True)
            ],
        }

    def _answer(self, masks: Inputs) -> dict[str, Any]:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return {"scores": plain(self.ask(masks), self.digits)}
        except self.refusals as stop:
            return {"refused": type(stop).__name__}


def plain(value: Any, digits: int) -> Any:
    """Turn what a program returned into JSON's types: NaN is null, numbers carry `digits` significant digits."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry, digits) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(entry, digits) for entry in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write a golden file with one line a set, so that a difference shows the set."""
    head = {key: value for key, value in found.items() if key != "sets"}
    lines = ",\n".join("  " + json.dumps(entry, separators=(",", ":")) for entry in found["sets"])
    path.write_text(f'{json.dumps(head)[:-1]}, "sets": [\n{lines}\n]}}\n', encoding="utf-8")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say where two golden files of one evaluator differ: by name, inputs, or any number beyond its own rounding."""
    if old["digest"] != new["digest"]:
        return [f"inputs: {old['digest']} was written, {new['digest']} is drawn now"]
    tell = []
    for before, after in zip(old["sets"], new["sets"], strict=True):
        if not _same(before, after):
            tell.append(f"{before['inputs']} {before['seed']}: {before} became {after}")
    return tell


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, float) and isinstance(after, float):
        return math.isclose(before, after, rel_tol=1e-6, abs_tol=1e-9)
    return bool(before == after)
