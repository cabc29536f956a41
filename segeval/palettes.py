"""From colours to raw values: what decodes an RGB mask, read from text or taken from classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from segeval.labeling import Color


@dataclass(frozen=True, slots=True)
class Palette:
    """Name the raw value of each 8-bit RGB colour.

    `name` says where the palette comes from (a file or a preset); `names` has the class name of each colour, where it
    has one, for messages.
    """

    colors: Mapping[Color, int]
    name: str = "palette"
    names: Mapping[Color, str] = field(default_factory=dict)
