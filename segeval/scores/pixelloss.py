"""The loss of one pixel of one map: what BCE, focal loss and cross-entropy sum."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LOG_CLAMP = 100.0
"""torch's `BCELoss` lets no logarithm be below minus this."""
SMALLEST = math.exp(-LOG_CLAMP)
"""The probability below which that clamp acts."""


def clip(p: FloatArray, eps: float | Literal["torch"]) -> FloatArray:
    """Return min(max(p, eps), 1 - eps), or `p` itself under "torch"."""
    return p if eps == "torch" else np.clip(p, eps, 1 - eps)


def log_loss(p: FloatArray, *, positive: bool) -> FloatArray:
    """Return -ln p of positives, -ln(1 - p) of negatives, at most 100 (torch `BCELoss`). `p` is in [0, 1]."""
    with np.errstate(divide="ignore"):
        logarithm = np.log(p) if positive else np.log1p(-p)
    return np.minimum(np.abs(logarithm), LOG_CLAMP)


def focal_factor(p: FloatArray, *, positive: bool, gamma: float) -> FloatArray:
    """Return (1 - p_t)^gamma: (1 - p)^gamma of positives, p^gamma of negatives (Lin et al. 2017, equation 4)."""
    factor: FloatArray = (1 - p if positive else p) ** gamma
    return factor


def clamped(p: FloatArray, *, positive: bool, eps: float | Literal["torch"]) -> NDArray[np.bool_]:
    """Tell where the loss is not that of `p` itself: p outside [eps, 1 - eps], or a logarithm below -100."""
    if eps == "torch":
        return (p if positive else 1 - p) < SMALLEST
    return (p < eps) | (p > 1 - eps)
