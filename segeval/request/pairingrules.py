"""How the files of two folders pair, from what a user says of their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segeval.folders.matching import PairingRules
from segeval.protocol.imagekeys import is_list_file, list_text
from segeval.stores.userfiles import LARGEST_LIST, read_user_file

if TYPE_CHECKING:
    from segeval.protocol.presets import Preset

NAMING = ("gt_suffix", "pred_suffix", "gt_prefix", "pred_prefix", "key_regex")
"""Options that the rules take as they are."""


def pairing_rules(base: PairingRules, given: Mapping[str, Any], facts: Preset | None) -> PairingRules:
    """Return `base` but for what options and a preset say; an option stands over the preset. Raises `UsageError`."""
    rules = base
    if "preset" in given and facts is not None:
        rules = replace(
            rules,
            key_regex=facts.pairing.key_regex,
            gt_glob=facts.pairing.gt_glob,
            gt_suffixes=facts.pairing.gt_suffixes,
            pred_suffixes=facts.pairing.pred_suffixes,
        )
    rules = replace(rules, **{name: given[name] for name in NAMING if name in given})
    if "name_map" in given:
        rules = replace(rules, name_map=_name_map(given["name_map"]))
    if "keys" not in given:
        return rules
    text = given["keys"]
    if not (isinstance(text, Path) or is_list_file(text)):
        return replace(rules, keys=None, key_glob=text)
    return replace(rules, keys=read_keys(text), key_glob=None)


def read_keys(path: str | Path) -> tuple[str, ...]:
    """Return the names in a split list; raises `UsageError`."""
    from segeval.folders.lists import parse_keys

    return parse_keys(read_user_file(path, most=LARGEST_LIST), name=str(path))


def keys_text(rules: PairingRules) -> str | None:
    """Return what the protocol says of the images that are chosen, `None` for all."""
    if rules.keys is None:
        return rules.key_glob
    return list_text(rules.keys)


def _name_map(given: str | Path | Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if isinstance(given, Mapping):
        return tuple(given.items())
    from segeval.folders.lists import parse_name_map

    return parse_name_map(read_user_file(given, most=LARGEST_LIST), name=str(given))
