"""What distances between surfaces are asked for: whose definition, up to which tolerance, in which spacing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.numbers import number
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


@dataclass(frozen=True, slots=True)
class DistanceRules:
    """Say by which rules a program measures distances, each a choice of `RULES`, and which measures it is `lacking`."""

    lacking: frozenset[str]
    surface: str
    percentile: str
    one_empty: str
    both_empty: str
    everywhere: str
    divisor: str


RULES: Mapping[str, Mapping[str, str]] = {
    "surface": {
        "pixels": "elements of the class with a neighbour outside, face to face, each of weight 1",
        "corners": "corners between elements, weighted by the contour or surface there",
    },
    "percentile": {"together": "of both directions together", "larger": "the larger of the two directions'"},
    "one_empty": {"undefined": "no score", "nsd=0": "NSD is 0, the others have no value"},
    "both_empty": {"undefined": "no score", "perfect": "distances are 0 and NSD is 1"},
    "everywhere": {"defined": "as any other class", "undefined": "a class everywhere on a side has no distance"},
    "divisor": {"elements": "all elements of both surfaces", "elements+1e-8": "the same plus 1e-8"},
}
"""Every rule with its choices, in words."""
DEFINITIONS: Mapping[str, DistanceRules] = {
    name: DistanceRules(frozenset(lacking.split()), *rules)
    for name, (lacking, *rules) in {
        "deepmind": ("assd masd", "corners", "larger", "nsd=0", "undefined", "defined", "elements"),
        "metricsreloaded": ("", "pixels", "larger", "nsd=0", "perfect", "defined", "elements"),
        "medpy": ("masd nsd", "pixels", "together", "undefined", "undefined", "defined", "elements"),
        "monai": ("masd", "pixels", "larger", "nsd=0", "undefined", "defined", "elements"),
        "nnunet": ("masd", "pixels", "together", "undefined", "undefined", "undefined", "elements+1e-8"),
    }.items()
}
"""Every definition with the rules of its program."""
USUAL_TOLERANCE = 1.0
SHORTEST, LONGEST = 1e-12, 1e12
"""Bounds of a spacing, and the upper one of a tolerance: squares and areas of what lies between are numbers."""
OF_FILE = "file"
"""What signatures say where each file has its own spacing; one that names none has 1 along every axis."""
SPACING_FIX = "Give one number for every axis, or height and width (0.5,0.7); of volumes slices first (3,0.5,0.7)"

Spacing = tuple[float, ...]
"""One number for every axis, or one for each: (height, width), or (slices, height, width)."""


@dataclass(frozen=True, slots=True)
class Distances:
    """Choose a definition, the `tolerance` of NSD, and the spacing of pixels, `None` for that of each file.

    Tolerance and distances are in the unit of the spacing. Raises `UsageError` for what is not possible.
    """

    definition: str
    tolerance: float = USUAL_TOLERANCE
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        if self.definition not in DEFINITIONS:
            raise UsageError(
                f"--distances {self.definition} is no definition", (), f"Choose one of {', '.join(DEFINITIONS)}"
            )
        if not 0 <= self.tolerance <= LONGEST:
            raise UsageError(
                "--tolerance is no distance", (f"{self.tolerance:g}",), f"Give a number from 0 to {LONGEST:g}"
            )
        check_spacing(self.spacing)

    @property
    def rules(self) -> DistanceRules:
        """Return the rules of the definition."""
        return DEFINITIONS[self.definition]

    @property
    def scores(self) -> tuple[str, ...]:
        """Return the scores that the definition has."""
        return tuple(name for name in MEASURES if name not in self.rules.lacking)

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        spacing = spacing_to_json(self.spacing)
        return {"definition": self.definition, "tolerance": float(self.tolerance), "spacing": spacing}


def distances_from_dict(facts: Mapping[str, Any]) -> Distances:
    """Read what `Distances.to_dict` returned; raises KeyError, TypeError or ValueError where it is none."""
    return Distances(str(facts["definition"]), float(facts["tolerance"]), spacing_from_json(facts["spacing"]))


def check_spacing(spacing: Spacing | None) -> None:
    """Raise `UsageError` for what is no spacing of images or of volumes."""
    if spacing is not None and not (len(spacing) in (1, 2, 3) and all(SHORTEST <= part <= LONGEST for part in spacing)):
        raise UsageError("--spacing is not that of an image or a volume", (write_spacing(spacing),), SPACING_FIX)


def parse_spacing(spacing: str | float | Sequence[float]) -> Spacing:
    """Return the spacing from "0.5,0.7", one number for every axis, or a list; raises `UsageError`.

    >>> parse_spacing("3,0.75,0.75")
    (3.0, 0.75, 0.75)
    """
    parts: Sequence[Any] = [spacing] if isinstance(spacing, int | float) else spacing
    if isinstance(parts, str):
        parts = parts.split(",")
    try:
        found = tuple(map(float, parts))
    except ValueError:
        found = ()
    if not found:
        raise UsageError("--spacing is no list of numbers", (str(spacing),), SPACING_FIX)
    return found


def spacing_along(axes: int, asked: Spacing | None, own: Spacing | None) -> Spacing | None:
    """Return the spacing of an array of so many axes: as `asked`, as its file has it (`own`), or 1.

    `None` says that a spacing was asked for that has other axes.
    """
    if asked is None:
        return own or (1.0,) * axes
    if len(asked) == 1:
        return asked * axes
    return asked if len(asked) == axes else None


def spacing_to_json(spacing: Spacing | None) -> list[float] | None:
    """Return a spacing as JSON: null is that of each file."""
    return None if spacing is None else list(map(float, spacing))


def spacing_from_json(facts: Any) -> Spacing | None:
    """Read what `spacing_to_json` returned; raises TypeError or ValueError where it is none."""
    return None if facts is None else tuple(map(float, facts))


def write_spacing(spacing: Spacing | None) -> str:
    """Write a spacing as `parse_spacing` reads it, "file" for that of each file."""
    return OF_FILE if spacing is None else ",".join(map(number, spacing))


def read_spacing(parts: Sequence[str]) -> Spacing | None:
    """Read what `write_spacing` wrote, split at its commas."""
    return None if list(parts) == [OF_FILE] else tuple(map(float, parts))


def write_distances(chosen: Distances) -> str:
    """Write the choice for a signature, with what is done where a side has nothing.

    As in "monai,1,0.5,0.5,one-empty:nsd=0,both-empty:undefined,void:no-border".
    """
    rules = chosen.rules
    empties = f"one-empty:{rules.one_empty},both-empty:{rules.both_empty}"
    tolerance, spacing = number(chosen.tolerance), write_spacing(chosen.spacing)
    return f"{chosen.definition},{tolerance},{spacing},{empties},{VOID_RULE}"


def read_distances(text: str) -> Distances | None:
    """Read what `write_distances` wrote: what has a colon follows from the definition."""
    if text == "none":
        return None
    definition, tolerance, *spacing = (part for part in text.split(",") if ":" not in part)
    return Distances(definition, float(tolerance), read_spacing(spacing))
