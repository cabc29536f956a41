"""Which preset a user means: one of the package's, a file of the user's own, or one completed by a data set's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.presets import Preset, parse_preset, preset_digest
from segeval.protocol.presets import preset as named_preset
from segeval.protocol.protocol import Protocol, from_preset
from segeval.stores.userfiles import read_user_file

KEPT = ("missing", "palette", "keys", "probabilities", "boundary", "distances", "lesions")
"""What a preset leaves as it was."""


def preset_facts(name: str | Path) -> Preset:
    """Return a preset of the package by its name, or that of a user's file; raises `UsageError`."""
    if _is_file_name(name):
        return parse_preset(read_user_file(name), name=str(name))
    return named_preset(str(name))


def asked_preset(given: Mapping[str, Any], stored: Protocol) -> tuple[Preset, Protocol]:
    """Return the preset that options name, and what of `stored` it leaves with what it brings; raises `UsageError`."""
    facts = preset_facts(given["preset"]) if "preset" in given else None
    if "dataset" in given:
        from segeval.request.datasets import with_dataset  # few folders are nnU-Net's

        facts = with_dataset(facts, given["dataset"])
    assert facts is not None, "one of the two is given"
    own_file = "dataset" in given or _is_file_name(given["preset"])
    name = f"{facts.name}@{preset_digest(facts)}" if own_file else facts.name
    kept = {one: getattr(stored, one) for one in KEPT}
    return facts, replace(from_preset(facts, name=name, storage=stored.storage), **kept)


def check_classes(facts: Preset, protocol: Protocol) -> None:
    """Raise `UsageError` where a preset goes with any classes, and none are given."""
    if facts.classes_from and protocol.classes is None:
        what = f"the preset {facts.name} goes with any classes, and none are given"
        raise UsageError(what, (), f"Give {facts.classes_from}, or --classes")


def _is_file_name(name: str | Path) -> bool:
    return isinstance(name, Path) or str(name).endswith(".toml") or "/" in str(name)
