"""The kinds of probability maps: how each is stored, counted, and told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from segeval.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MapKind:
    """Say what one kind of map is.

    `name` is what run files and JSON call it, `words` what people read. `stored` has the types that hold it: numpy's
    letter and bits. A map has `levels` levels, `None` where p is a float. Where `in_rows`, each row of a run keeps the
    whole table of levels, else only sums of losses.
    """

    name: str
    words: str
    stored: tuple[tuple[str, int], ...]
    levels: int | None
    in_rows: bool

    @property
    def top(self) -> int:
        """Return the stored value that stands for p = 1."""
        return 1 if self.levels is None else self.levels - 1

    @property
    def counted_levels(self) -> int:
        """Return the number of levels; floats, which have none, raise `ValueError`."""
        if self.levels is None:
            raise ValueError("maps of floats have no number of levels")
        return self.levels

    @property
    def usual_eps(self) -> Literal["half-step", "torch"]:
        """Return what an eps that is left open is."""
        return usual_eps(self.levels)


EIGHT_BIT = MapKind(name="uint8", words="8-bit", stored=(("u", 8),), levels=1 << 8, in_rows=True)
SIXTEEN_BIT = MapKind(name="uint16", words="16-bit", stored=(("u", 16),), levels=1 << 16, in_rows=False)
FLOAT = MapKind(
    name="float",
    words="float",
    stored=(("f", 16), ("f", 32), ("f", 64)),
    levels=None,
    in_rows=False,
)
MAP_KINDS = (EIGHT_BIT, SIXTEEN_BIT, FLOAT)
MAP_KIND: Mapping[str, MapKind] = {kind.name: kind for kind in MAP_KINDS}
"""Every kind of map by its name."""
LEVELS = tuple(kind.levels for kind in MAP_KINDS if kind.levels is not None)
"""Numbers of levels that a stored map can have: 256 and 65536."""


def usual_eps(levels: int | None) -> Literal["half-step", "torch"]:
    """Return what an eps that is left open is for maps of `levels` levels, `None` for floats."""
    return "torch" if levels is None else "half-step"


def kind_stored_as(sample: str, bits: int) -> MapKind | None:
    """Return the kind of maps whose values have a type, by numpy's letter ("u", "f") and bits; `None` for no map."""
    return next((kind for kind in MAP_KINDS if (sample, bits) in kind.stored), None)
