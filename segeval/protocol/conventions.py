"""How each evaluator of the field counts: one named choice on every axis, read from `presets/conventions.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

from segeval.errors import UsageError
from segeval.protocol.axes import AXES

__all__ = ["AXES", "Convention", "convention", "conventions"]


@dataclass(frozen=True, slots=True)
class Convention:
    """Choose on every axis on which evaluators differ.

    - `absent`: IoU of a class in neither ground truth nor prediction: left out, 0, 1, or undefined with its mean;
      "skip-image" leaves it out of such images, and is undefined with its mean where no image has it (nnU-Net).
    - `pred_only`: IoU of a class that is predicted but not in the ground truth: 0, or left out.
    - `pred_void`: void predicted on a valid pixel: a miss of the true class, dropped with its pixel, or an error.
    - `unknown`: a predicted value outside classes and void, likewise.
    - `gt_unknown`: such a value in the ground truth: an error, dropped, or dropped but for the false positive.
    - `ignored_class`: an ignored value inside the class list: no class, a class without ground truth (mmseg, HF), or
      no class whose predictions are misses whatever `pred_void` says (torchmetrics).
    - `average`: what the mean runs over.

    `name` is the evaluator that chooses so; after `with_axes` it is the one that the choices started from.
    """

    name: str = "segeval"
    absent: str = "skip"
    pred_only: str = "zero"
    pred_void: str = "miss"
    unknown: str = "error"
    gt_unknown: str = "error"
    ignored_class: str = "leave-out"
    average: str = "dataset"

    def __post_init__(self) -> None:
        for axis, choices in AXES.items():
            if getattr(self, axis) not in choices:
                raise UsageError(
                    f"'{getattr(self, axis)}' is not a choice for {axis}", (), f"Choose one of {', '.join(choices)}"
                )

    def with_axes(self, **axes: str | None) -> Convention:
        """Return this convention with some axes chosen otherwise; `None` leaves an axis as it is."""
        return replace(self, **{axis: choice for axis, choice in axes.items() if choice is not None})

    def axes(self) -> dict[str, str]:
        """Return every axis with the choice made."""
        return {axis.name: getattr(self, axis.name) for axis in fields(self) if axis.name != "name"}


DEFAULT = Convention()
"""What segeval does where nobody asks for another; its line in the data file says the same."""


SALIENCY = ("sod", "pysodmetrics")
"""Evaluators of salient object detection: their names decide MAE and F-measures, and overlap is segeval's own."""


@cache
def conventions() -> Mapping[str, Convention]:
    """Return every convention by name, in the order of the data file."""
    import tomllib

    found = tomllib.loads(Path(__file__).with_name("conventions.toml").read_text(encoding="utf-8"))
    return {name: Convention(name=name, **axes) for name, axes in found["conventions"].items()}


def convention(name: str) -> Convention:
    """Return the convention called `name`, one of `conventions` or of `SALIENCY`."""
    if name == DEFAULT.name:
        return DEFAULT
    if name in SALIENCY:
        return replace(DEFAULT, name=name)
    try:
        return conventions()[name]
    except KeyError:
        raise UsageError(
            f"there is no convention '{name}'", (), f"Choose one of {', '.join((*conventions(), *SALIENCY))}"
        ) from None
