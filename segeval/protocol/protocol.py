"""All that changes a number, as one value; and what of it was inferred from the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from segeval.errors import UsageError
from segeval.protocol.axes import MISSING_CHOICES
from segeval.protocol.conventions import Convention, convention
from segeval.protocol.labeling import Color, Group, SegmentationClass
from segeval.protocol.settings import LossSettings, Probabilities
from segeval.protocol.widths import Width, parse_widths

if TYPE_CHECKING:
    from segeval.protocol.presets import Preset

Mapped = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Hold what was asked for; `None` and empty mean that it was not, so it is the default or inferred.

    `classes` in report order; `ignore` mapped values or class names; the maps hold (raw value, mapped value),
    `mapping` for both folders; a stored value above `gt_threshold` or `pred_threshold` is foreground, and no map stands
    beside them. Under `closed` maps, as presets have them, a raw value that no map names is unknown.
    `palette` is a digest of the colours that RGB masks were decoded with, `keys` a glob that chose the images,
    `allow` the kinds of errors that are accepted (see `segeval.errors.KINDS`). `mean_over` are ids or names of the
    classes of means, or "foreground" alone; `mean_weights` those of a weighted mean, or "auto". `boundary` are the
    widths at which contours are counted.
    """

    preset: str | None = None
    classes: tuple[SegmentationClass, ...] | None = None
    ignore: tuple[int | str, ...] | None = None
    mapping: Mapped = ()
    gt_map: Mapped = ()
    pred_map: Mapped = ()
    closed: bool = False
    binary: bool = False
    gt_threshold: int | None = None
    pred_threshold: int | None = None
    groups: tuple[Group, ...] = ()
    palette: str | None = None
    convention: Convention = field(default_factory=Convention)
    missing: str = "error"
    keys: str | None = None
    allow: tuple[str, ...] = ()
    mean_over: tuple[int | str, ...] | None = None
    mean_weights: tuple[float, ...] | str | None = None
    probabilities: Probabilities | None = None
    boundary: tuple[Width, ...] | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING_CHOICES:
            raise UsageError(
                f"'{self.missing}' is not a choice for missing", (), f"Choose one of {', '.join(MISSING_CHOICES)}"
            )
        if (self.gt_threshold, self.pred_threshold) != (None, None):
            self._check_thresholds()
        if self.boundary is not None and self.probabilities is not None:
            raise UsageError(
                "--boundary is of label masks, and the predictions are probability maps",
                (),
                "Leave --boundary out, or score the label masks that the maps give",
            )

    def _check_thresholds(self) -> None:
        """Refuse what would read a value that a threshold reads already, and masks that are not binary."""
        if self.mapping or self.gt_map or self.pred_map:
            raise UsageError(
                "--gt-threshold and --pred-threshold read every value, so that a map has nothing left to rename",
                ("--map, --gt-map or --pred-map",),
                "Leave the map or the threshold out; --ignore takes void values out before the threshold",
            )
        if self.pred_threshold is not None and self.probabilities is not None:
            raise UsageError(
                "--pred-threshold is of label masks, and the predictions are probability maps",
                (),
                "Give --threshold, a probability, in its place",
            )
        for level in (self.gt_threshold, self.pred_threshold):
            if level is not None and (isinstance(level, bool) or not isinstance(level, int)):
                raise UsageError(
                    "a threshold of masks is no whole number", (str(level),), "Give a stored value, as 127"
                )
        if not self.binary:
            raise UsageError("--gt-threshold and --pred-threshold are of binary masks", (), "Add --binary")

    def to_dict(self) -> dict[str, Any]:
        """Return the protocol as JSON values; `protocol_from_dict` reads them back."""
        classes = (
            None
            if self.classes is None
            else [
                {"id": entry.id, "name": entry.name, "color": entry.color and list(entry.color)}
                for entry in self.classes
            ]
        )
        return {
            "preset": self.preset,
            "classes": classes,
            "ignore": None if self.ignore is None else list(self.ignore),
            "map": [list(pair) for pair in self.mapping],
            "gt_map": [list(pair) for pair in self.gt_map],
            "pred_map": [list(pair) for pair in self.pred_map],
            "closed": self.closed,
            "binary": self.binary,
            **({} if self.gt_threshold is None else {"gt_threshold": self.gt_threshold}),
            **({} if self.pred_threshold is None else {"pred_threshold": self.pred_threshold}),
            "groups": [{"name": group.name, "ids": list(group.ids)} for group in self.groups],
            "palette": self.palette,
            "convention": {"name": self.convention.name, **self.convention.axes()},
            "missing": self.missing,
            "keys": self.keys,
            **({"allow": list(self.allow)} if self.allow else {}),
            **({} if self.mean_over is None else {"mean_over": list(self.mean_over)}),
            **({} if self.mean_weights is None else {"mean_weights": _listed(self.mean_weights)}),
            "probabilities": None if self.probabilities is None else _losses_to_dict(self.probabilities),
            **({} if self.boundary is None else {"boundary": list(self.boundary)}),
        }


def _losses_to_dict(chosen: Probabilities) -> dict[str, Any]:
    """Return the threshold and the losses' settings, side by side, and what else was asked for."""
    settings = {field.name: getattr(chosen, field.name) for field in fields(LossSettings)}
    asked = {name: getattr(chosen, name) for name in ("loss_reduction", "beta2")}
    facts = {"threshold": chosen.threshold, **settings} | {name: one for name, one in asked.items() if one is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}


def protocol_from_dict(facts: Mapping[str, Any]) -> Protocol:
    """Read a protocol back from its JSON values; raises KeyError, TypeError or ValueError where they are none."""
    classes, losses = facts["classes"], facts["probabilities"]
    return Protocol(
        preset=facts["preset"],
        classes=None
        if classes is None
        else tuple(
            SegmentationClass(int(entry["id"]), str(entry["name"]), _color(entry["color"])) for entry in classes
        ),
        ignore=None if facts["ignore"] is None else tuple(facts["ignore"]),
        mapping=_pairs(facts["map"]),
        gt_map=_pairs(facts["gt_map"]),
        pred_map=_pairs(facts["pred_map"]),
        closed=bool(facts["closed"]),
        binary=bool(facts["binary"]),
        gt_threshold=facts.get("gt_threshold"),
        pred_threshold=facts.get("pred_threshold"),
        groups=tuple(Group(str(group["name"]), tuple(map(int, group["ids"]))) for group in facts["groups"]),
        palette=facts["palette"],
        convention=Convention(**facts["convention"]),
        missing=facts["missing"],
        keys=facts["keys"],
        allow=tuple(map(str, facts.get("allow", ()))),
        mean_over=tuple(facts["mean_over"]) if "mean_over" in facts else None,
        mean_weights=_tupled(facts.get("mean_weights")),
        probabilities=None if losses is None else _losses_from_dict(losses),
        boundary=parse_widths(facts["boundary"]) if "boundary" in facts else None,
    )


def _losses_from_dict(facts: Mapping[str, Any]) -> Probabilities:
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
    }
    return Probabilities(**settings)


def _listed(weights: tuple[float, ...] | str) -> list[float] | str:
    return list(weights) if isinstance(weights, tuple) else weights


def _tupled(weights: Any) -> tuple[float, ...] | str | None:
    return tuple(map(float, weights)) if isinstance(weights, list) else weights


def _pairs(pairs: Iterable[Iterable[int]]) -> Mapped:
    return tuple((int(raw), int(value)) for raw, value in pairs)


def _color(color: Iterable[int] | None) -> Color | None:
    if color is None:
        return None
    red, green, blue = map(int, color)
    return red, green, blue


def from_preset(preset: Preset, *, name: str | None = None) -> Protocol:
    """Return what a data set's preset asks for; `name` is what the signature calls it."""
    return Protocol(
        preset=name or preset.name,
        classes=preset.classes,
        ignore=None if preset.binary else tuple(preset.ignore),
        gt_map=() if preset.binary else tuple(sorted(preset.gt_map.items())),
        pred_map=() if preset.binary else tuple(sorted(preset.pred_map.items())),
        closed=not preset.binary,
        binary=preset.binary,
        groups=preset.groups,
        convention=convention(preset.convention),
    )
