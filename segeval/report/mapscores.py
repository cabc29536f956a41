"""The scores of probability maps: of each map, and of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from segeval.protocol.protocol import Inference
from segeval.records import dataclass
from segeval.runs.run import Maps
from segeval.scores.curves import (
    LossCell,
    Threshold,
)
from segeval.scores.losses import (
    Loss,
)
from segeval.scores.overlap import Value
from segeval.scores.ranking import Interval
from segeval.tables.floatlevels import LevelCounts


@dataclass(frozen=True, slots=True)
class MapScores:
    """Hold the scores of one probability map: of one class against the rest, or of the foreground.

    `ranking` has what average precision and AUROC of floats can be, given that a level keeps no order. `pos_weight` and
    `alpha` are the values used, which "auto" takes from the ground truth. `best_iou` and `best_f1` are chosen on the
    data that they are scored on. `in_means` tells whether means over classes have it.
    """

    class_index: int
    scores: Mapping[str, Value]
    histogram: LevelCounts
    pos_weight: Value
    alpha: float | str | None
    best_iou: Threshold | None
    best_f1: Threshold | None
    ranking: Mapping[str, Interval]
    in_means: bool = True


@dataclass(frozen=True, slots=True)
class ProbabilityScores:
    """Hold everything that probability maps tell, over the run.

    `notes` say what an older run does not keep; `skipped_images` are those without valid pixels, where losses are means
    of images, else `None`.

    `losses` have value, interval and clamped pixels by name; `scores` the rest. `cells` is the 2x2 table of true and
    predicted class with the losses of each, for binary maps; those of floats are of the middles of their levels.
    `ranking` has the means over classes of the bounds of what ranks floats. `unnormalised` counts pixels whose classes
    do not add up.
    """

    maps: Maps
    eps: float | str
    losses: Mapping[str, Loss]
    scores: Mapping[str, Value]
    per_map: tuple[MapScores, ...]
    class_weights: tuple[float, ...] | None
    cells: tuple[tuple[LossCell, LossCell], tuple[LossCell, LossCell]] | None
    unnormalised: int
    ranking: Mapping[str, Interval]
    notes: tuple[Inference, ...] = ()
    skipped_images: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that goes beside the scores."""
        return {
            "maps": {"kind": self.maps.kind.name, "count": self.maps.count},
            "eps": self.eps,
            "unnormalised_pixels": self.unnormalised,
            "losses": {name: _loss_to_dict(loss) for name, loss in self.losses.items()},
            **({} if self.skipped_images is None else {"skipped_images": self.skipped_images}),
            "class_weights": None if self.class_weights is None else list(self.class_weights),
            "per_map": [
                {
                    "class_index": entry.class_index,
                    "pos_weight": entry.pos_weight,
                    "alpha": entry.alpha,
                    "best_iou": _threshold_to_dict(entry.best_iou),
                    "best_f1": _threshold_to_dict(entry.best_f1),
                    **_ranking_to_dict(entry.ranking),
                }
                for entry in self.per_map
            ],
            **_ranking_to_dict(self.ranking),
        }


def _ranking_to_dict(ranking: Mapping[str, Interval]) -> dict[str, Any]:
    return {"ranking": {name: asdict(interval) for name, interval in ranking.items()}} if ranking else {}


def _loss_to_dict(loss: Loss) -> dict[str, Any]:
    return {
        "value": loss.value,
        "low": loss.low,
        "high": loss.high,
        "unbounded": loss.unbounded,
        "clamped": loss.clamped,
        "clamped_share": loss.clamped_share,
        "elements": loss.elements,
    }


def _threshold_to_dict(best: Threshold | None) -> dict[str, Any] | None:
    return None if best is None else {"value": best.value, "threshold": best.threshold, "chosen_on_this_data": True}
