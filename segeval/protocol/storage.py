"""How the files of both sides store their labels, where a file could be read in another way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from segeval.errors import UsageError

CHANNELS = ("R", "G", "B", "A")
_INDEX = re.compile("[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class SideStorage:
    """Say how the files of one side store labels; see `Storage`."""

    channel: str | None = None


AS_STORED = SideStorage()
"""Each file is read as its header says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Choose how files are read; `None` and False mean that nothing was asked for.

    `gt_channel` and `pred_channel` are R, G, B, A or the place of a channel from 0. Raises `UsageError` for anything
    else.
    """

    gt_channel: str | None = None
    pred_channel: str | None = None

    def __post_init__(self) -> None:
        for option, channel in (("--gt-channel", self.gt_channel), ("--pred-channel", self.pred_channel)):
            if channel is not None and channel not in CHANNELS and not _INDEX.fullmatch(channel):
                raise UsageError(
                    f"{option} names no channel", (channel,), "Give R, G, B or A, or its place from 0: 0, 1, 2, 3"
                )

    def side(self, name: str) -> SideStorage:
        """Return what holds for "gt" or "pred"."""
        return SideStorage(self.gt_channel if name == "gt" else self.pred_channel)

    def to_dict(self) -> dict[str, Any]:
        """Return as JSON values what was asked for."""
        return {name: value for name, value in self._values().items() if value != getattr(PLAINLY, name)}

    def _values(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


PLAINLY = Storage()
"""What holds where nothing is asked for."""
STORAGE_NAMES = tuple(one.name for one in fields(Storage))
"""The options of this module, by their keywords."""


def storage_text(value: str | int | bool | None) -> str:
    """Write a choice as the signature has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def read_storage(texts: Mapping[str, str]) -> Storage:
    """Read back from the texts of `storage_text`, by keyword; raises `ValueError` where a text is none of them."""
    changes: dict[str, Any] = {}
    for name, text in texts.items():
        usual = getattr(PLAINLY, name)
        changes[name] = text == "yes" if isinstance(usual, bool) else int(text) if isinstance(usual, int) else text
    return Storage(**{name: None if value == "none" else value for name, value in changes.items()})


def storage_from_dict(facts: Mapping[str, Any]) -> Storage:
    """Read back what `Storage.to_dict` returned among other facts; raises `TypeError` where it is none."""
    given = {name: facts[name] for name in STORAGE_NAMES if name in facts}
    for name, value in given.items():
        usual = getattr(PLAINLY, name)
        if type(value) is not (str if usual is None else type(usual)):
            raise TypeError(f"{name} is {value!r}")
    return Storage(**given)
