"""Runs of other images, or of the same ones, as one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from segeval.errors import RunFileError
from segeval.runs.differences import protocol_differences
from segeval.runs.run import Maps, Row, Run, sort_key, traits_of_all

if TYPE_CHECKING:
    from segeval.tables.floatlevels import LevelCounts


def union(named: Sequence[tuple[str, Run]]) -> Run:
    """Unite runs by key: equal rows count once, differing rows for a key are an error that names both.

    `named` pairs each run with the name that errors call it. The union is idempotent, commutative and associative.
    Raises `RunFileError` where protocols, kinds of map or rows differ.
    """
    if not named:
        raise RunFileError("there is no run to merge", (), "Give at least one run file")
    _, first = named[0]
    held: dict[str, tuple[str, Row]] = {}
    conflicts: list[str] = []
    kinds: dict[Maps, str] = {}
    for name, run in named:
        check_protocols(named[0], (name, run))
        if run.maps is not None:
            kinds.setdefault(run.maps, name)
        for row in run.rows:
            owner, known = held.setdefault(row.key, (name, row))
            if known != row:
                conflicts.append(f"{row.key}: {owner} and {name}")
    check_kinds(kinds)
    if conflicts:
        raise conflict_error(conflicts)
    rows = tuple(held[key][1] for key in sorted(held, key=sort_key))
    traits = traits_of_all(run.traits for _, run in named)
    return Run(first.protocol, rows, next(iter(kinds), None), _united_levels(named), traits)


def check_protocols(first: tuple[str, Run], other: tuple[str, Run]) -> None:
    """Raise `RunFileError` where two runs, each with its name, have different protocols."""
    if differences := protocol_differences(first[1].protocol, other[1].protocol):
        raise RunFileError(
            "runs with different protocols cannot be merged",
            (f"{first[0]} and {other[0]}", *differences),
            "Measure all of them with the same options",
        )


def check_kinds(kinds: Mapping[Maps, str]) -> None:
    """Raise `RunFileError` where runs, by the name of the first of each kind, have different kinds of maps."""
    if len(kinds) > 1:
        raise RunFileError(
            "runs of different probability maps cannot be merged",
            [f"{name}: {maps.count} of {maps.kind.name} an image" for maps, name in kinds.items()],
            "Store all maps in the same type, one map a class",
        )


def conflict_error(conflicts: Sequence[str]) -> RunFileError:
    """Return what tells that runs disagree on images."""
    return RunFileError(
        "runs disagree on an image", conflicts, "Keep one of them, or measure the image again and save it once"
    )


def _united_levels(named: Sequence[tuple[str, Run]]) -> tuple[LevelCounts, ...]:
    """Add run-wide histograms; those of a run whose rows are all in another are already counted there."""
    from segeval.tables.floatlevels import add_levels

    with_levels = [(name, run, {row.key for row in run.rows if row.sums}) for name, run in named if run.levels]
    with_levels.sort(key=lambda part: -len(part[2]))
    counted: dict[str, str] = {}
    parts: list[tuple[LevelCounts, ...]] = []
    for name, run, keys in with_levels:
        seen = keys & counted.keys()
        if seen and seen != keys:
            owners = sorted({counted[key] for key in seen})
            raise RunFileError(
                "runs of 16-bit or float maps share some of their images, so their level tables cannot be merged",
                [name, *owners],
                "Merge runs that share no image",
            )
        if not seen:
            counted.update(dict.fromkeys(keys, name))
            parts.append(run.levels)
    return tuple(add_levels(tables) for tables in zip(*parts, strict=True))
