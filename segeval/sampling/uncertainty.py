"""Intervals together with how they were drawn."""

from __future__ import annotations

from typing import Any

from segeval.records import dataclass
from segeval.sampling.poisson import MOST_DRAWN
from segeval.sampling.resampling import Intervals, Resampling


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Hold the intervals of a run, how they were drawn, and what was drawn as one: "image", or a regular expression."""

    settings: Resampling
    unit: str
    intervals: Intervals

    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return what the signature says of the intervals."""
        return resampling_fields(self.settings, self.unit, self.intervals.units)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of how the intervals were drawn, with the resamples that left a score undefined."""
        return resampling_dict(self.settings, self.unit, self.intervals.units) | {
            "undefined": {name: one.undefined for name, one in self.intervals.scores.items() if one.undefined}
        }


def resampling_fields(settings: Resampling, unit: str, units: int) -> tuple[tuple[str, str], ...]:
    """Return the fields of a signature that say how resamples were drawn."""
    return (
        ("ci", f"{settings.level:g}"),
        ("ci-method", settings.method),
        ("resamples", str(settings.resamples)),
        ("seed", str(settings.seed)),
        ("unit", unit),
        ("n", str(units)),
        *((("draws", "poisson"),) if units > MOST_DRAWN else ()),
    )


def resampling_dict(settings: Resampling, unit: str, units: int) -> dict[str, Any]:
    """Return the JSON of how resamples were drawn."""
    return {
        "level": settings.level,
        "method": settings.method,
        "resamples": settings.resamples,
        "seed": settings.seed,
        "unit": unit,
        "units": units,
        **({"draws": "poisson"} if units > MOST_DRAWN else {}),
    }
