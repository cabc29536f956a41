"""The first line of a run file: its schema, tool and version, and the protocol, maps and traits of its rows."""

from __future__ import annotations

from typing import Any

from segeval.runs.leveltables import LevelReader
from segeval.runs.rows import maps_from_json, maps_to_json, protocol_from_json, protocol_to_json
from segeval.runs.run import NO_TRAITS, Maps, Run
from segeval.runs.traitrows import traits_from_json, traits_to_json
from segeval.runs.values import Damage, loads
from segeval.version import __version__

SCHEMA = 2
FLOATS_SINCE = 2
"""Float maps have had levels of their own since this schema; all other runs are still what schema 1 says."""
TOOL = "segeval"
WRITE_AGAIN = "Save the run again with --save; a file that segeval wrote is whole"


def header(run: Run) -> dict[str, Any]:
    """Return the first line of a run file as JSON values."""
    facts = {
        "schema": schema_of(run.maps),
        "tool": TOOL,
        "version": __version__,
        "protocol": protocol_to_json(run.protocol),
        "maps": maps_to_json(run.maps),
    }
    return {**facts, "traits": traits_to_json(run.traits)} if run.traits.telling else facts


def schema_of(maps: Maps | None) -> int:
    """Return the first schema that can say what a run of these maps says, so that older versions read what they can."""
    return FLOATS_SINCE if maps is not None and maps.kind.levels is None else 1


class NotOurs(Damage):
    """Tell that a file is something else than a run file of this version, and what to do."""

    def __init__(self, detail: str, what: str, fix: str) -> None:
        super().__init__(detail)
        self.what, self.fix = what, fix


def level_reader(head: Run) -> LevelReader:
    """Return what reads the run-wide levels of a run, of which most have none."""
    maps, losses = head.maps, head.protocol.probabilities
    if maps is None or maps.in_rows or losses is None:
        return LevelReader(0, None, 0.0)
    return LevelReader(maps.count, maps.kind.levels, losses.threshold)


def header_from(line: bytes) -> Run:
    """Read the first line into a run without rows; raises `Damage`."""
    try:
        facts = loads(line)
    except Damage as damage:
        raise not_a_run(str(damage)) from damage
    if not isinstance(facts, dict) or facts.get("tool") != TOOL or type(facts.get("schema")) is not int:
        raise not_a_run("the first line is not that of a run")
    if facts["schema"] > SCHEMA:
        raise NotOurs(
            f"schema {facts['schema'] if facts['schema'] < 10**9 else 'beyond 10^9'}, known is {SCHEMA}",
            "a run file was written by a newer segeval",
            "Upgrade segeval (pip install -U segeval-masks)",
        )
    if facts.get("partial") is True:
        raise NotOurs(
            "the file is the unfinished part of a run",
            "a run is not finished",
            "Go on with the same command and --resume, which writes the run itself",
        )
    if set(facts) - {"traits"} != {"schema", "tool", "version", "protocol", "maps"} or not isinstance(
        facts["version"], str
    ):
        raise Damage("the header has other fields")
    if facts["schema"] < 1:
        raise Damage("there never was such a schema")
    traits = traits_from_json(facts["traits"]) if "traits" in facts else NO_TRAITS
    run = Run(protocol_from_json(facts["protocol"]), (), maps_from_json(facts["maps"]), traits=traits)
    if run.maps is not None and run.protocol.probabilities is None:
        raise Damage("there are maps without a protocol for them")
    if facts["schema"] < schema_of(run.maps):
        raise NotOurs(
            "float maps in schema 1 have p rounded to 16 bits, too coarse to rank it",
            "a run of float maps was written by an older segeval",
            "Score the images again with --save",
        )
    if facts["schema"] > schema_of(run.maps):
        raise Damage("such runs have another schema")
    return run


def not_a_run(detail: str) -> NotOurs:
    """Return what tells that a file is no run file."""
    return NotOurs(detail, "this is not a run file", "Name a file that 'segeval score --save' or 'combine' has written")
