"""A plan: what measuring all pairs of two folders would take, as numbers that are ready to render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segeval.records import dataclass

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what was measured of two folders with an engine, and what follows for all `pairs`.

    Measured: `listing` and `start` in seconds, `sample` pairs in `sample_seconds` beyond the start, bytes of the
    process at its peak, of a row in memory, and of a row in a run file and in a packed one. `price` is that of an hour.
    """

    engine: str
    pairs: int
    listing: float
    sample: int
    sample_seconds: float
    start: float
    peak: int | None
    row_memory: float
    row_file: float
    row_packed: float
    price: float | None = None

    @property
    def per_pair(self) -> float:
        """Return the seconds from one row to the next."""
        return self.sample_seconds / self.sample

    @property
    def complete(self) -> bool:
        """Tell whether the sample was all there is."""
        return self.sample == self.pairs

    @property
    def seconds(self) -> float:
        """Return the seconds that all pairs would take."""
        return self.listing + self.start + self.pairs * self.per_pair

    @property
    def memory(self) -> int | None:
        """Return the bytes that this process would need, which holds all rows."""
        return None if self.peak is None else round(self.peak + (self.pairs - self.sample) * self.row_memory)

    def cost(self, pairs: int) -> float | None:
        """Return the price of the time in which so many pairs are measured."""
        return None if self.price is None else self.price * pairs * self.per_pair / 3600

    def to_dict(self) -> Mapping[str, Any]:
        """Return the JSON of the plan: seconds and bytes, and the unit of the price."""
        measured = {
            "listing_seconds": self.listing,
            "start_seconds": self.start,
            "pairs": self.sample,
            "seconds": self.sample_seconds,
            "peak_bytes": self.peak,
            "row_bytes": self.row_memory,
            "row_file_bytes": self.row_file,
            "row_packed_bytes": self.row_packed,
        }
        extrapolated = {
            "seconds": self.seconds,
            "seconds_per_million": MILLION * self.per_pair,
            "memory_bytes": self.memory,
            "file_bytes": round(self.pairs * self.row_file),
            "packed_bytes": round(self.pairs * self.row_packed),
            "cost": self.cost(self.pairs),
            "cost_per_million": self.cost(MILLION),
        }
        return {"pairs": self.pairs, "engine": self.engine, "measured": measured, "extrapolated": extrapolated}
