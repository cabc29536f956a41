"""What distances between surfaces are asked for: whose definition, up to which tolerance, in which spacing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.widths import VOID_RULE
from segeval.records import dataclass

MEASURES: Mapping[str, str] = {
    "hd": "the largest distance",
    "hd95": "its 95th percentile",
    "assd": "the mean of both directions together",
    "masd": "the mean of the means of both directions",
    "nsd": "the share of both surfaces within the tolerance",
}
"""What is measured of two surfaces, in words."""
LACKING: Mapping[str, frozenset[str]] = {
    "deepmind": frozenset({"assd", "masd"}),
    "metricsreloaded": frozenset(),
    "medpy": frozenset({"masd", "nsd"}),
    "monai": frozenset({"masd"}),
    "nnunet": frozenset({"masd"}),
}
"""Every definition with the measures that its program does not have."""
DEFINITIONS: Mapping[str, tuple[str, ...]] = {
    name: tuple(one for one in MEASURES if one not in lacking) for name, lacking in LACKING.items()
}
"""Every definition with the measures that its program has."""
USUAL_TOLERANCE = 1.0
SHORTEST, LONGEST = 1e-12, 1e12
"""Bounds of a spacing, and the upper one of a tolerance: squares and areas of what lies between are numbers."""


@dataclass(frozen=True, slots=True)
class Distances:
    """Choose a definition, the `tolerance` of NSD, and the spacing of pixels along each axis, (height, width).

    Tolerance and distances are in the unit of the spacing. Raises `UsageError` for what is not possible.
    """

    definition: str
    tolerance: float = USUAL_TOLERANCE
    spacing: tuple[float, ...] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if self.definition not in DEFINITIONS:
            raise UsageError(
                f"--distances {self.definition} is no definition", (), f"Choose one of {', '.join(DEFINITIONS)}"
            )
        if not 0 <= self.tolerance <= LONGEST:
            raise UsageError(
                "--tolerance is no distance", (f"{self.tolerance:g}",), f"Give a number from 0 to {LONGEST:g}"
            )
        if len(self.spacing) != 2 or not all(SHORTEST <= part <= LONGEST for part in self.spacing):
            told = (write_spacing(self.spacing),)
            raise UsageError(
                "--spacing is not that of an image", told, "Give height and width of a pixel, as in 0.5,0.5"
            )

    @property
    def scores(self) -> tuple[str, ...]:
        """Return the scores that the definition has."""
        return DEFINITIONS[self.definition]

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        spacing = list(map(float, self.spacing))
        return {"definition": self.definition, "tolerance": float(self.tolerance), "spacing": spacing}


def distances_from_dict(facts: Mapping[str, Any]) -> Distances:
    """Read what `Distances.to_dict` returned; raises KeyError, TypeError or ValueError where it is none."""
    return Distances(str(facts["definition"]), float(facts["tolerance"]), tuple(map(float, facts["spacing"])))


def parse_spacing(spacing: str | float | Sequence[float]) -> tuple[float, ...]:
    """Return the spacing of both axes from "0.5,0.7", one number for both, or a list; raises `UsageError`."""
    parts: Sequence[Any] = [spacing] if isinstance(spacing, int | float) else spacing
    if isinstance(parts, str):
        parts = parts.split(",")
    try:
        found = tuple(map(float, parts))
    except ValueError:
        found = ()
    if not found:
        raise UsageError("--spacing is no list of numbers", (str(spacing),), "Write it as in --spacing 0.5,0.5")
    return found * 2 if len(found) == 1 else found


def write_spacing(spacing: Sequence[float]) -> str:
    """Write a spacing as `parse_spacing` reads it."""
    return ",".join(f"{part:g}" if float(f"{part:g}") == part else repr(part) for part in spacing)


def write_distances(chosen: Distances) -> str:
    """Write the choice for a signature: "monai,1,0.5,0.5,void:no-border"."""
    return f"{chosen.definition},{write_spacing((chosen.tolerance, *chosen.spacing))},{VOID_RULE}"


def read_distances(text: str) -> Distances | None:
    """Read what `write_distances` wrote."""
    if text == "none":
        return None
    definition, tolerance, *spacing = text.removesuffix(f",{VOID_RULE}").split(",")
    return Distances(definition, float(tolerance), tuple(map(float, spacing)))
