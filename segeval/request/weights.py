"""One number a class, from a text that the user wrote: weights of cross-entropy, alphas of the focal loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from segeval.errors import UsageError
from segeval.files.usertexts import json_data
from segeval.protocol.labeling import SegmentationClass
from segeval.stores.userfiles import read_user_file


def parse_weights(
    text: str, *, name: str, classes: Sequence[SegmentationClass], what: str = "class weight"
) -> tuple[float, ...]:
    """Read one number a class, in the order of the classes.

    The text is JSON, a list of numbers or an object of class name to number, or has a number, or name and number, a
    line; `name` is its file and `what` a number is called in errors. Raises `UsageError`.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return _by_class(_of_json(text, name, what), classes, what)
    named: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, _, value = line.strip().replace(",", " ").rpartition(" ")
        if not value:
            continue
        try:
            named[key.strip() or str(len(named))] = float(value)
        except ValueError:
            raise _no_number(what, f"{name}, line {number}: {value}", f"Write one {what} a line") from None
    return _by_class(named, classes, what)


def _of_json(text: str, name: str, what: str) -> dict[str, float]:
    try:
        data = json_data(text)
    except ValueError as error:
        raise UsageError(f"the file of each {what} is not JSON", (f"{name}: {error}",), "Check the file") from None
    entries: Iterator[tuple[str, object]] = iter(
        data.items() if isinstance(data, dict) else ((str(at), one) for at, one in enumerate(_list_of(data)))
    )
    named: dict[str, float] = {}
    for key, value in entries:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _no_number(what, f"{name}, {key}: {value}", f'Write one {what} a class, as in {{"road": 1.5}}')
        named[key] = float(value)
    return named


def _list_of(data: object) -> list[object]:
    return data if isinstance(data, list) else []


def _no_number(what: str, where: str, fix: str) -> UsageError:
    return UsageError(f"a {what} is not a number", (where,), fix)


def _by_class(named: dict[str, float], classes: Sequence[SegmentationClass], what: str) -> tuple[float, ...]:
    names = [entry.name for entry in classes]
    if set(named) == {str(index) for index in range(len(named))} and len(named) == (len(names) or len(named)):
        return tuple(named[str(index)] for index in range(len(named)))
    if not names or set(named) != set(names):
        lacking = sorted(set(names) ^ set(named))
        raise UsageError(f"{what}s and classes do not match", lacking, f"Give each class one {what}, by its name")
    return tuple(named[name] for name in names)


def read_class_weights(
    weights: str | Path | Sequence[float] | None, classes: Sequence[SegmentationClass]
) -> tuple[float, ...] | str | None:
    """Return one weight a class, from numbers or a file (see `parse_weights`); "auto" stays."""
    if weights is None or weights == "auto":
        return None if weights is None else "auto"
    if not isinstance(weights, str | Path):
        return tuple(map(float, weights))
    return parse_weights(read_user_file(weights), name=str(weights), classes=classes)


def read_alpha(
    alpha: float | str | Path | Sequence[float], classes: Sequence[SegmentationClass]
) -> float | str | tuple[float, ...] | None:
    """Return a number, "auto", None for "none", or one number a class, from numbers or a file as of class weights."""
    if not isinstance(alpha, str | Path | int | float):
        return tuple(map(float, alpha))
    if alpha in ("auto", "none"):
        return "auto" if alpha == "auto" else None
    try:
        return float(str(alpha))
    except ValueError:
        return parse_weights(read_user_file(str(alpha)), name=str(alpha), classes=classes, what="alpha")
