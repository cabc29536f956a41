"""Say on which way images are read and counted, for `-v` and reports of faults."""

from __future__ import annotations

from segeval.images.png import LIBDEFLATE
from segeval.tables.lane import lane


def lane_text() -> str:
    """Return the lane and what works in it."""
    name = lane()
    if name == "fast":
        return f"images take the fast lane: compiled kernels and {'libdeflate' if LIBDEFLATE else 'zlib'}"
    return f"images take the {name} lane: Pillow and NumPy"
