"""What lesions are and when one is found: whose definition, which elements touch, how much has to overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.distances import (
    Spacing,
    check_spacing,
    read_spacing,
    spacing_from_json,
    spacing_to_json,
    write_spacing,
)
from segeval.protocol.numbers import number
from segeval.records import dataclass

RANKS: Mapping[int, Mapping[int, int]] = {2: {4: 1, 8: 2}, 3: {6: 1, 18: 2, 26: 3}}
"""By axes and the number of neighbours of an element, along how many axes at once these lie one step away."""
CONNECTIVITIES = tuple(neighbours for of_axes in RANKS.values() for neighbours in of_axes)
CRITERIA = ("iou", "dice")
VOID_RULE = "void:left-out"
"""What signatures say of void: it is taken out of both sides first."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Say how BraTS 2023 joins and drops lesions of the ground truth.

    Those that touch once each is grown by `steps` elements are one; those of at most `smallest` cubic units, the volume
    of elements, are neither found nor missed.
    """

    steps: int
    smallest: float


GROWTHS: Mapping[str, Growth] = {
    "brats2023-gli": Growth(3, 50),
    "brats2023-ssa": Growth(3, 50),
    "brats2023-men": Growth(1, 50),
    "brats2023-ped": Growth(3, 50),
    "brats2023-met": Growth(1, 2),
}
"""The challenges of BraTS 2023, with what each of them chose."""
DETECTION = "detection"
LESION_WISE = ("lesion_dice", "lesion_hd95")
"""What a definition of BraTS 2023 gives of each image beside counts."""
MEASURES: Mapping[str, tuple[str, ...]] = {
    DETECTION: tuple(f"lesion_{name}" for name in ("precision", "recall", "f1", "fp")),
    **dict.fromkeys(GROWTHS, (*LESION_WISE, "lesion_fp")),
}
"""Every definition with the scores that it has."""


@dataclass(frozen=True, slots=True)
class Lesions:
    """Choose a definition, and for `detection` the neighbours that touch and the overlap from which lesions match.

    `connectivity` `None` is all neighbours, corners too: 8 in images and 26 in volumes. `overlap` is a criterion and
    its least value. `spacing` is that of each file where it is `None`. Raises `UsageError` for what is not possible.
    """

    definition: str
    connectivity: int | None = None
    overlap: tuple[str, float] | None = None
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        if self.definition not in MEASURES:
            raise UsageError(
                f"--lesions {self.definition} is no definition", (), f"Choose one of {', '.join(MEASURES)}"
            )
        if self.connectivity not in (None, *CONNECTIVITIES):
            fix = "Choose 4 or 8 in images, 6, 18 or 26 in volumes"
            raise UsageError("--connectivity is no number of neighbours", (str(self.connectivity),), fix)
        if self.definition == DETECTION and self.overlap is None:
            object.__setattr__(self, "overlap", ("iou", 0.5))
        if self.definition != DETECTION and (self.connectivity, self.overlap) != (None, None):
            told = (self.definition,)
            fix = "Leave --connectivity and --lesion-overlap out, or say --lesions detection"
            raise UsageError("a definition of lesions has its own neighbours and overlap", told, fix)
        check_spacing(self.spacing)

    @property
    def scores(self) -> tuple[str, ...]:
        """Return the scores that the definition has."""
        return MEASURES[self.definition]

    @property
    def values(self) -> tuple[str, ...]:
        """Return those of them that do not follow from counts, which rows keep."""
        return () if self.growth is None else LESION_WISE

    @property
    def growth(self) -> Growth | None:
        """Return how lesions are joined and dropped, `None` for detection."""
        return GROWTHS.get(self.definition)

    def __str__(self) -> str:
        """Write the choice for a signature: "detection,connectivity:all,iou=0.5,file,void:left-out"."""
        parts = [self.definition]
        if self.overlap is not None:
            parts += [f"connectivity={self.connectivity or 'all'}", write_overlap(self.overlap)]
        empties = "both-empty:undefined" if self.growth is None else "both-empty:perfect"
        return ",".join([*parts, write_spacing(self.spacing), "one-empty:0", empties, VOID_RULE])

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as JSON values."""
        return {
            "definition": self.definition,
            "connectivity": self.connectivity,
            "overlap": None if self.overlap is None else write_overlap(self.overlap),
            "spacing": spacing_to_json(self.spacing),
        }


def lesions_from_dict(facts: Mapping[str, Any]) -> Lesions:
    """Read what `Lesions.to_dict` returned; raises KeyError, TypeError or ValueError where it is none."""
    neighbours, overlap = facts["connectivity"], facts["overlap"]
    return Lesions(
        str(facts["definition"]),
        None if neighbours is None else int(neighbours),
        None if overlap is None else parse_overlap(overlap),
        spacing_from_json(facts["spacing"]),
    )


def parse_overlap(text: str) -> tuple[str, float]:
    """Return criterion and value from "iou=0.5" or "dice=0.3"; raises `UsageError`."""
    criterion, _, value = text.strip().partition("=")
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if criterion not in CRITERIA or not 0 < found <= 1:
        fix = "Write it as in iou=0.5 or dice=0.3, with a number above 0 and at most 1"
        raise UsageError("--lesion-overlap is no criterion of overlap", (text,), fix)
    return criterion, found


def write_overlap(overlap: tuple[str, float]) -> str:
    """Write an overlap as `parse_overlap` reads it."""
    return f"{overlap[0]}={number(overlap[1])}"


def read_lesions(text: str) -> Lesions | None:
    """Read what a signature says of lesions: what has a colon follows from the definition."""
    if text == "none":
        return None
    definition, *parts = (part for part in text.split(",") if ":" not in part)
    if definition != DETECTION:
        return Lesions(definition, spacing=read_spacing(parts))
    neighbours, overlap, *spacing = parts
    touching = neighbours.removeprefix("connectivity=")
    return Lesions(
        definition, None if touching == "all" else int(touching), parse_overlap(overlap), read_spacing(spacing)
    )
