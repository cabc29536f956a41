"""All that changes a number, as one value; and what of it was inferred from the data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from segeval.axes import MISSING as MISSING_CHOICES
from segeval.conventions import Convention, convention
from segeval.errors import LabelError, UsageError
from segeval.labeling import UNKNOWN, VOID, Color, Group, Labeling, SegmentationClass, ValueMap, value_map
from segeval.presets import Preset

DEFAULT_VOID = 255
BINARY_CLASSES = (SegmentationClass(0, "background"), SegmentationClass(1, "foreground"))
MOST_INFERRED_CLASSES = 1024

Mapped = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """Choose how probability maps are read: the label threshold of binary maps and the losses' parameters.

    `alpha` in [0, 1], "auto" or `None` (off); `pos_weight` > 0 or "auto"; `eps` in (0, 0.5), "half-step", "torch" or
    `None` (half-step for 8- and 16-bit maps, torch for floats); `class_weights` one weight a class, "auto" or `None`.
    """

    threshold: float = 0.5
    gamma: float = 2.0
    alpha: float | str | None = 0.25
    pos_weight: float | str = 1.0
    eps: float | str | None = None
    class_weights: tuple[float, ...] | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Hold what was asked for; `None` and empty mean that it was not, so it is the default or inferred.

    `classes` in report order; `ignore` mapped values or class names; the maps hold (raw value, mapped value),
    `mapping` for both folders. Under `closed` maps, as presets have them, a raw value that no map names is unknown.
    `palette` is a digest of the colours that RGB masks were decoded with, `keys` a glob that chose the images.
    """

    preset: str | None = None
    classes: tuple[SegmentationClass, ...] | None = None
    ignore: tuple[int | str, ...] | None = None
    mapping: Mapped = ()
    gt_map: Mapped = ()
    pred_map: Mapped = ()
    closed: bool = False
    binary: bool = False
    groups: tuple[Group, ...] = ()
    palette: str | None = None
    convention: Convention = field(default_factory=Convention)
    missing: str = "error"
    keys: str | None = None
    probabilities: Probabilities | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING_CHOICES:
            raise UsageError(
                f"'{self.missing}' is no choice of missing", (), f"Choose one of {', '.join(MISSING_CHOICES)}"
            )

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
            "groups": [{"name": group.name, "ids": list(group.ids)} for group in self.groups],
            "palette": self.palette,
            "convention": {"name": self.convention.name, **self.convention.axes()},
            "missing": self.missing,
            "keys": self.keys,
            "probabilities": None
            if self.probabilities is None
            else {field.name: getattr(self.probabilities, field.name) for field in fields(self.probabilities)},
        }


def protocol_from_dict(facts: Mapping[str, Any]) -> Protocol:
    """Read a protocol back from its JSON values; raises KeyError, TypeError or ValueError where they are none."""
    classes, losses = facts["classes"], facts["probabilities"]
    weights = losses and losses["class_weights"]
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
        groups=tuple(Group(str(group["name"]), tuple(map(int, group["ids"]))) for group in facts["groups"]),
        palette=facts["palette"],
        convention=Convention(**facts["convention"]),
        missing=facts["missing"],
        keys=facts["keys"],
        probabilities=None
        if losses is None
        else Probabilities(**{**losses, "class_weights": tuple(weights) if isinstance(weights, list) else weights}),
    )


def _pairs(pairs: Iterable[Iterable[int]]) -> Mapped:
    return tuple((int(raw), int(value)) for raw, value in pairs)


def _color(color: Iterable[int] | None) -> Color | None:
    if color is None:
        return None
    red, green, blue = map(int, color)
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Inference:
    """Tell one thing that was taken from the data: in words, and the option that pins it."""

    what: str
    option: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Hold a protocol made definite for one set of values.

    `protocol` has no inferred part left; `labeling` is what it means; `inferred` names the fields that came from the
    data and `notes` tells them.
    """

    protocol: Protocol
    labeling: Labeling
    inferred: tuple[str, ...] = ()
    notes: tuple[Inference, ...] = ()


def resolve(protocol: Protocol, *, gt_values: Collection[int], pred_values: Collection[int]) -> Resolution:
    """Fix what `protocol` leaves open from the raw values of both folders, by the house's rules.

    Raises `LabelError` where the values admit two readings or are too many to be classes.
    """
    inferred: list[str] = []
    notes: list[Inference] = []
    if _looks_binary(protocol, gt_values):
        labels = set(pred_values) <= {0, DEFAULT_VOID} or protocol.probabilities is not None
        if protocol.classes is not None or not labels:
            raise LabelError(
                "ground truth holds only 0 and 255, which can be two classes or one class and void",
                (),
                "Say --binary (0 is background, everything else foreground) or --ignore 255 (255 is void)",
            )
        protocol = replace(protocol, binary=True)
        inferred.append("binary")
        notes.append(Inference("masks are binary: 0 is background, 255 foreground", "--binary"))
    if protocol.binary:
        return _resolve_binary(protocol, inferred, notes)
    mapping, gt_map, pred_map = dict(protocol.mapping), dict(protocol.gt_map), dict(protocol.pred_map)
    classes = protocol.classes
    ignore = _ignored(protocol, classes)
    if classes is None:
        met = {gt_map.get(value, mapping.get(value, value)) for value in gt_values}
        met |= {pred_map.get(value, mapping.get(value, value)) for value in pred_values}
        ids = sorted(met - set(ignore))
        if len(ids) > MOST_INFERRED_CLASSES:
            raise LabelError(
                f"the masks hold {len(ids):,} distinct values, more than {MOST_INFERRED_CLASSES:,} classes that "
                "could be meant",
                (),
                "This looks like a photograph or a probability map (--probs); if they are labels, name them with "
                "--classes",
            )
        classes = tuple(SegmentationClass(value, str(value)) for value in ids)
        inferred.append("classes")
        contiguous = ids == list(range(len(ids)))
        notes.append(
            Inference(
                f"{len(ids)} classes were met: {ranges(ids)}",
                f"--classes {len(ids)}" if contiguous else "--classes FILE",
            )
        )
    keep = protocol.convention.ignored_class == "keep" and "classes" not in inferred
    scored = classes if keep else tuple(entry for entry in classes if entry.id not in ignore)
    kept_ids = {entry.id for entry in scored}
    labeling = Labeling(
        scored,
        _lookup(protocol, scored, ignore, {**mapping, **gt_map}),
        _lookup(protocol, scored, [value for value in ignore if value not in kept_ids], {**mapping, **pred_map}),
        protocol.groups,
    )
    return Resolution(replace(protocol, classes=classes, ignore=tuple(ignore)), labeling, tuple(inferred), tuple(notes))


def _looks_binary(protocol: Protocol, gt_values: Collection[int]) -> bool:
    return (
        not protocol.binary
        and protocol.ignore is None
        and not (protocol.mapping or protocol.gt_map)
        and set(gt_values) == {0, DEFAULT_VOID}
    )


def _resolve_binary(protocol: Protocol, inferred: list[str], notes: list[Inference]) -> Resolution:
    classes = protocol.classes or BINARY_CLASSES
    if len(classes) != 2:
        raise UsageError(f"--binary has two classes, not {len(classes)}", (), "Name two classes or none")
    ignore = _ignored(protocol, classes) if protocol.ignore is not None else []
    mapping = dict(protocol.mapping)

    def lookup(own: Mapped) -> ValueMap:
        ordered = tuple(SegmentationClass(index, entry.name, entry.color) for index, entry in enumerate(classes))
        return value_map(ordered, ignore=ignore, mapping={**mapping, **dict(own)}, default=1)

    labeling = Labeling(classes, lookup(protocol.gt_map), lookup(protocol.pred_map), protocol.groups)
    protocol = replace(protocol, classes=classes, ignore=tuple(ignore))
    return Resolution(protocol, labeling, tuple(inferred), tuple(notes))


def _ignored(protocol: Protocol, classes: Iterable[SegmentationClass] | None) -> list[int]:
    """Return the ignored values: what was asked for, by value or name, or 255 where it can be no class."""
    if protocol.ignore is None:
        return [] if classes is not None and len(tuple(classes)) > DEFAULT_VOID else [DEFAULT_VOID]
    named = {entry.name: entry.id for entry in classes or ()}
    values = []
    for value in protocol.ignore:
        if isinstance(value, str):
            if value not in named:
                raise UsageError(
                    f"--ignore names '{value}', which is no class",
                    (),
                    f"Give a value or one of {', '.join(named)}" if named else "Give values, or names with --classes",
                )
            value = named[value]
        values.append(value)
    return sorted(set(values))


def _lookup(
    protocol: Protocol, classes: tuple[SegmentationClass, ...], ignore: Iterable[int], mapping: Mapping[int, int]
) -> ValueMap:
    open_map = value_map(classes, ignore=ignore, mapping=mapping)
    if not protocol.closed:
        return open_map
    ignored = set(ignore)
    known = {
        value: index
        for value, index in open_map.indices.items()
        if value in mapping or (index == VOID and value in ignored)
    }
    return ValueMap(known, UNKNOWN)


def ranges(values: Iterable[int]) -> str:
    """Write ascending integers with runs joined: 0..3,7."""
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][-1] + 1:
            parts[-1][1:] = [value]
        else:
            parts.append([value])
    return ",".join("..".join(map(str, part)) for part in parts)


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
