"""Numbers for people: percent, losses, counts, and a value beside its bound; rounding never turns a verdict round."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segeval.scores.overlap import Value

UNDEFINED = "-"
MOST_DECIMALS = 17


def percent(value: Value, bounds: Iterable[float] = (), digits: int = 2) -> str:
    """Write a fraction in percent with so many decimals, or as many as keep it on its side of every bound: 69.998."""
    return UNDEFINED if value is None else f"{_rounded(value, digits + 2, bounds).scaleb(2):f}"


def fraction(value: Value, bounds: Iterable[float] = ()) -> str:
    """Write a fraction with four decimals, or as many as keep it on its side of every bound."""
    return UNDEFINED if value is None else f"{_rounded(value, 4, bounds):f}"


def loss(value: Value, bounds: Iterable[float] = (), significant: int = 5) -> str:
    """Write a loss with so many significant digits, or as many as keep it on its side of every bound."""
    if value is None:
        return UNDEFINED
    limits = tuple(bounds)
    for digits in range(significant, MOST_DECIMALS):
        text = f"{value:#.{digits}g}"
        if _agrees(Decimal(text), value, limits):
            return text.removesuffix(".")
    return repr(value)


def against(value: float, bound: float) -> tuple[str, str]:
    """Write a value and the bound it was held against so that they compare as the unrounded ones do."""
    bound_text = repr(bound)
    if len(bound_text.partition(".")[2]) == 1 and "e" not in bound_text:
        bound_text += "0"
    text = fraction(value, (bound,)) if value >= 0.001 or value == 0 else loss(value, (bound,))
    return text, bound_text


def against_in_percent(value: float, bound: float) -> tuple[str, str]:
    """Write both as `against` does, in percent with two decimals or more."""
    scaled = Decimal(repr(bound)).scaleb(2)
    places = max(2, -int(scaled.normalize().as_tuple().exponent))
    return percent(value, (bound,)), f"{scaled:.{places}f}"


def count(number: int) -> str:
    """Write a count with its thousands set apart."""
    return f"{number:,}"


def _rounded(value: float, decimals: int, bounds: Iterable[float]) -> Decimal:
    limits = tuple(bounds)
    for places in range(decimals, MOST_DECIMALS):
        text = Decimal(f"{value:.{places}f}")
        if _agrees(text, value, limits):
            return text
    return Decimal(repr(value))


def _agrees(shown: Decimal, value: float, bounds: tuple[float, ...]) -> bool:
    """Tell whether what is shown lies below, on or above each bound (as that is written) just as the value does."""
    return all(
        (shown > Decimal(repr(bound))) == (value > bound) and (shown < Decimal(repr(bound))) == (value < bound)
        for bound in bounds
    )
