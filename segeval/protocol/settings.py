"""What changes a loss, with its defaults and its limits; and the threshold that makes labels of a map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, TypeGuard

from segeval.errors import UsageError
from segeval.protocol.mapkinds import usual_eps
from segeval.records import dataclass

LOSS_REDUCTIONS = ("pixels", "images", "all-pixels", "weights")
"""What a loss can be divided by; see `Probabilities`."""
Eps = float | str | None
"""What keeps a logarithm finite: a number, "half-step", "torch", or None for the usual one of the two."""


@dataclass(frozen=True, slots=True)
class LossSettings:
    """Choose what changes a loss.

    - `gamma` >= 0: focal exponent.
    - `alpha` in [0, 1]: focal weight of positives, 1 - alpha that of negatives; None weighs neither, "auto" is
      N_neg / (N_neg + N_pos); a tuple has one a class.
    - `pos_weight` > 0: weight of positives in BCE; "auto" is N_neg / N_pos.
    - `eps` in (0, 0.5): p becomes min(max(p, eps), 1 - eps); "half-step" is half a level of the map; "torch" clamps
      each logarithm at -100 and nothing else; None is half-step for maps of levels and torch for floats.
    - `class_weights` >= 0, one a class: weights of cross-entropy; "auto" is inverse frequency, None weighs all alike.

    Raises `UsageError` for anything else.
    """

    gamma: float = 2.0
    alpha: float | str | tuple[float, ...] | None = 0.25
    pos_weight: float | str = 1.0
    eps: Eps = None
    class_weights: tuple[float, ...] | str | None = None

    def __post_init__(self) -> None:
        check_gamma(self.gamma)
        check_alpha(self.alpha)
        check_pos_weight(self.pos_weight)
        check_eps(self.eps)
        check_class_weights(self.class_weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities(LossSettings):
    """Choose how probability maps are read: the losses' settings, and the `threshold` above which p is label 1.

    The threshold is that of binary maps; of several maps the highest p decides. `loss_reduction` is what losses are
    divided by: "pixels", the valid ones; "all-pixels", with void; "weights", the sum of the class weights of valid
    pixels, for cross-entropy, while other losses stay with pixels; "images", each image's loss by its own rule and
    then their plain mean. None is weights for cross-entropy and pixels for all else. `beta2` > 0 is the squared beta
    of F-measures, None is 0.3.

    Raises `UsageError` for anything else.
    """

    threshold: float = 0.5
    loss_reduction: str | None = None
    beta2: float | None = None

    def __post_init__(self) -> None:
        LossSettings.__post_init__(self)
        if self.loss_reduction is not None and self.loss_reduction not in LOSS_REDUCTIONS:
            raise UsageError(
                f"'{self.loss_reduction}' is no reduction of losses", (), f"Choose one of {', '.join(LOSS_REDUCTIONS)}"
            )
        if self.beta2 is not None and (not is_number(self.beta2) or not 0 < self.beta2 < math.inf):
            raise UsageError(f"beta2 is {self.beta2}", (), "Give a finite beta2 above 0, as 0.3")


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a whole number or a float; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_gamma(gamma: object) -> None:
    """Raise `UsageError` unless `gamma` is a finite number >= 0."""
    if not is_number(gamma) or not 0 <= gamma < math.inf:
        raise UsageError(f"gamma is {gamma}", (), "Give a finite gamma of 0 or more")


def check_alpha(alpha: object) -> None:
    """Raise `UsageError` unless `alpha` is None, "auto", a number in [0, 1] or a tuple of such, one a class."""
    if alpha is None or alpha == "auto":
        return
    if not all(is_number(one) and 0 <= one <= 1 for one in (alpha if isinstance(alpha, tuple) else (alpha,))):
        raise UsageError(f"alpha is {alpha}", (), "Give alpha in [0, 1], 'auto', or none to switch it off")


def check_pos_weight(pos_weight: object) -> None:
    """Raise `UsageError` unless `pos_weight` is "auto" or a finite number > 0."""
    if pos_weight == "auto":
        return
    if not is_number(pos_weight) or not 0 < pos_weight < math.inf:
        raise UsageError(f"pos_weight is {pos_weight}", (), "Give a finite pos_weight above 0, or 'auto'")


def check_eps(eps: object) -> None:
    """Raise `UsageError` unless `eps` is None, "half-step", "torch", or a number in (0, 0.5) with 1 - eps < 1."""
    if eps is None or eps in ("half-step", "torch"):
        return
    if not is_number(eps) or not 0 < eps < 0.5:
        raise UsageError(f"eps is {eps}", (), "Give eps between 0 and 0.5, 'half-step' or 'torch'")
    if 1 - eps == 1:
        raise UsageError(f"eps is {eps}, and 1 - eps is 1 in float64", (), "Give an eps of 1e-16 or more, or 'torch'")


def check_class_weights(class_weights: object) -> None:
    """Raise `UsageError` unless `class_weights` is None, "auto", or finite weights >= 0 that are not all 0."""
    if class_weights is None or class_weights == "auto":
        return
    weights = class_weights if isinstance(class_weights, tuple) else ()
    if not all(is_number(weight) and 0 <= weight < math.inf for weight in weights) or not any(weights):
        raise UsageError(
            f"class weights are {class_weights}",
            (),
            "Give one finite weight of 0 or more a class, not all 0, or 'auto'",
        )


def resolve_eps(eps: Eps, levels: int | None) -> float | Literal["torch"]:
    """Return the eps that is used on maps of `levels` levels (None: floats): a number, or "torch".

    Half a step is 1 / (2 (levels - 1)): 1/510 for 8 bits, 1/131070 for 16. Raises `UsageError` where `eps` is no eps,
    and for half a step of floats, which have none.
    """
    check_eps(eps)
    if eps is None:
        eps = usual_eps(levels)
    if eps == "torch":
        return "torch"
    if eps == "half-step":
        if levels is None:
            raise UsageError("floating-point maps have no half-step", (), "Give eps as a number or 'torch'")
        return 1 / (2 * (levels - 1))
    return float(eps)


def probabilities_to_dict(chosen: Probabilities) -> dict[str, Any]:
    """Return as JSON values the threshold and the losses' settings, side by side, and what else was asked for."""
    settings = {field.name: getattr(chosen, field.name) for field in fields(LossSettings)}
    asked = {name: getattr(chosen, name) for name in ("loss_reduction", "beta2")}
    facts = {"threshold": chosen.threshold, **settings} | {name: one for name, one in asked.items() if one is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}


def probabilities_from_dict(facts: Mapping[str, Any]) -> Probabilities:
    """Read back what `probabilities_to_dict` returned; raises TypeError where it is none."""
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
    }
    return Probabilities(**settings)


USUAL = Probabilities()
"""What holds where nothing is asked for."""
assert isinstance(USUAL.alpha, float), "one alpha serves all classes"
USUAL_ALPHA: float = USUAL.alpha
"""The focal weight of positives where nothing is asked for."""
