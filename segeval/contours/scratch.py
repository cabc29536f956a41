"""Buffers that one thread works in from image to image: fresh ones cost more in page faults than the work in them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Scratch(threading.local):
    """Hold one thread's buffers by name; each keeps the largest size that was asked for."""

    def __init__(self) -> None:
        self.held: dict[str, NDArray[Any]] = {}

    def flat(self, name: str, size: int, kind: Any = np.uint8) -> NDArray[Any]:
        """Return the buffer `name`, shape (size,), with whatever it held."""
        found = self.held.get(name)
        if found is None or found.dtype != kind or len(found) < size:
            found = self.held[name] = np.empty(size, kind)
        return found[:size]


SCRATCH = Scratch()
