"""All that changes a number, as one value; and what it leaves open, made definite by the values in the masks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from segeval.errors import LabelError, UsageError
from segeval.protocol.axes import MISSING_CHOICES
from segeval.protocol.conventions import Convention, convention
from segeval.protocol.distances import Distances, distances_from_dict
from segeval.protocol.labeling import (
    DEFAULT_VOID,
    NO_FILE,
    VOID,
    WHAT,
    Group,
    Labeling,
    SegmentationClass,
    SideFiles,
    ValueMap,
    color_of,
    doubt_of,
    is_binary,
    ranges,
    set_labeling,
    side_files,
    value_map,
)
from segeval.protocol.settings import Probabilities, probabilities_from_dict, probabilities_to_dict
from segeval.protocol.storage import PLAINLY, Storage, storage_from_dict
from segeval.protocol.widths import Width, parse_widths, refuse_maps
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.protocol.lesions import Lesions
    from segeval.protocol.presets import Preset

Mapped = tuple[tuple[int, int], ...]
THRESHOLDS = ("gt_threshold", "pred_threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Hold what was asked for; `None` and empty mean that it was not, so it is the default or inferred.

    `classes` in report order; `ignore` mapped values or class names; the maps hold (raw value, mapped value),
    `mapping` for both folders; a stored value above `gt_threshold` or `pred_threshold` is foreground, and no map stands
    beside them. Under `closed` maps, as presets have them, a raw value that no map names is unknown.
    `palette` is a digest of the colours of RGB masks, `keys` a glob of images, `allow` kinds of errors, `mean_over` ids
    or names of the classes of means, or "foreground" alone; `mean_weights` are those of a weighted mean, or "auto".
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
    storage: Storage = PLAINLY
    boundary: tuple[Width, ...] | None = None
    distances: Distances | None = None
    lesions: Lesions | None = None

    def __post_init__(self) -> None:
        if self.missing not in MISSING_CHOICES:
            fix = f"Choose one of {', '.join(MISSING_CHOICES)}"
            raise UsageError(f"'{self.missing}' is not a choice for missing", (), fix)
        if (self.gt_threshold, self.pred_threshold) != (None, None):
            from segeval.protocol.thresholds import check_thresholds  # few masks need one

            renamed = bool(self.mapping or self.gt_map or self.pred_map)
            probs, two_valued = self.probabilities is not None, self.binary or self.storage.multilabel
            levels = self.gt_threshold, self.pred_threshold
            check_thresholds(*levels, renamed=renamed, probs=probs, two_valued=two_valued)
        if self.probabilities is not None:
            refuse_maps(boundary=self.boundary, distances=self.distances, lesions=self.lesions)

    def to_dict(self) -> dict[str, Any]:
        """Return the protocol as JSON values; `protocol_from_dict` reads them back."""
        weights = self.mean_weights
        listed = self.classes or ()
        classes = [{"id": one.id, "name": one.name, "color": one.color and list(one.color)} for one in listed]
        return {
            "preset": self.preset,
            "classes": None if self.classes is None else classes,
            "ignore": None if self.ignore is None else list(self.ignore),
            "map": [list(pair) for pair in self.mapping],
            "gt_map": [list(pair) for pair in self.gt_map],
            "pred_map": [list(pair) for pair in self.pred_map],
            "closed": self.closed,
            "binary": self.binary,
            **{name: getattr(self, name) for name in THRESHOLDS if getattr(self, name) is not None},
            "groups": [{"name": group.name, "ids": list(group.ids)} for group in self.groups],
            "palette": self.palette,
            "convention": {"name": self.convention.name, **self.convention.axes()},
            "missing": self.missing,
            "keys": self.keys,
            **({"allow": list(self.allow)} if self.allow else {}),
            **({} if self.mean_over is None else {"mean_over": list(self.mean_over)}),
            **({} if weights is None else {"mean_weights": list(weights) if isinstance(weights, tuple) else weights}),
            **self.storage.to_dict(),
            "probabilities": None if self.probabilities is None else probabilities_to_dict(self.probabilities),
            **({} if self.boundary is None else {"boundary": list(self.boundary)}),
            **({} if self.distances is None else {"distances": self.distances.to_dict()}),
            **({} if self.lesions is None else {"lesions": self.lesions.to_dict()}),
        }


def protocol_from_dict(facts: Mapping[str, Any]) -> Protocol:
    """Read a protocol back from its JSON values; raises KeyError, TypeError or ValueError where they are none."""
    classes, losses, lesions = facts["classes"], facts["probabilities"], None
    if "lesions" in facts:
        from segeval.protocol.lesions import lesions_from_dict  # few runs look for lesions

        lesions = lesions_from_dict(facts["lesions"])
    return Protocol(
        preset=facts["preset"],
        classes=None
        if classes is None
        else tuple(
            SegmentationClass(int(entry["id"]), str(entry["name"]), color_of(entry["color"])) for entry in classes
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
        probabilities=None if losses is None else probabilities_from_dict(losses),
        storage=storage_from_dict(facts),
        boundary=parse_widths(facts["boundary"]) if "boundary" in facts else None,
        distances=distances_from_dict(facts["distances"]) if "distances" in facts else None,
        lesions=lesions,
    )


def _tupled(weights: Any) -> tuple[float, ...] | str | None:
    return tuple(map(float, weights)) if isinstance(weights, list) else weights


def _pairs(pairs: Iterable[Iterable[int]]) -> Mapped:
    return tuple((int(raw), int(value)) for raw, value in pairs)


def from_preset(preset: Preset, *, name: str | None = None, storage: Storage = PLAINLY) -> Protocol:
    """Return what a data set's preset asks for; `name` is what the signature calls it.

    `storage` is kept where the preset has none of its own.
    """
    mapped = not (preset.binary or preset.storage.multilabel)
    closed = mapped and bool(preset.classes)
    return Protocol(
        preset=name or preset.name,
        classes=preset.classes or None,
        ignore=tuple(preset.ignore) if mapped or preset.storage.label_regions else None,
        gt_map=tuple(sorted(preset.gt_map.items())) if closed else (),
        pred_map=tuple(sorted(preset.pred_map.items())) if closed else (),
        closed=closed,
        binary=preset.binary,
        gt_threshold=preset.gt_threshold,
        storage=storage if preset.storage == PLAINLY else preset.storage,
        groups=preset.groups,
        convention=convention(preset.convention),
    )


BINARY_CLASSES = (SegmentationClass(0, "background"), SegmentationClass(1, "foreground"))
MOST_INFERRED_CLASSES, MOST_COUNTED = 1024, 1 << 16


@dataclass(frozen=True, slots=True)
class Inference:
    """Tell one thing that was taken from the data: in words, and the option that sets it explicitly."""

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


def resolve(
    protocol: Protocol,
    *,
    gt_values: Collection[int],
    pred_values: Collection[int],
    map_count: int | None = None,
    sides: tuple[SideFiles, SideFiles] | None = None,
) -> Resolution:
    """Fix what `protocol` leaves open from the raw values of both folders, by the house's rules.

    `map_count` is the number of probability maps an image has: one describes two classes, more are one a class.
    `sides` tell what the files of ground truth and predictions hold; without them each side is one file.
    Raises `LabelError` where the values admit two readings or are too many to be classes.
    """
    if protocol.storage.multilabel:
        several = protocol.classes or ()
        return Resolution(replace(protocol, classes=several, ignore=protocol.ignore or ()), set_labeling(several))
    inferred: list[str] = []
    notes: list[Inference] = []
    gt_side, pred_side = sides or (side_files(gt_values), side_files(pred_values))
    if doubt := doubt_of(protocol, gt_side, pred_side, map_count):
        named = [f"{side}/{key}" for side, keys in (("gt", doubt.gt), ("pred", doubt.pred)) for key in keys if key]
        raise LabelError(WHAT, named, doubt.fix, kind="zero-255")
    if is_binary(protocol, gt_side, pred_side, map_count):
        protocol = replace(protocol, binary=True)
        inferred.append("binary")
        notes.append(Inference("found 2 classes: 0 is background, 255 foreground", "--binary"))
    if map_count is not None:
        protocol = _with_map_classes(protocol, map_count, inferred, notes)
    if protocol.binary:
        return _resolve_binary(protocol, inferred, notes, labels_are_indices=map_count is not None)
    mapping, gt_map, pred_map = dict(protocol.mapping), dict(protocol.gt_map), dict(protocol.pred_map)
    classes = protocol.classes
    ignore = _ignored(protocol, classes)
    if classes is None:
        both = ((gt_values, mapping | gt_map), (pred_values, mapping | pred_map))
        met = {ids.get(one, one) for raw, ids in both for one in islice(raw, MOST_COUNTED + len(ids) + len(ignore))}
        classes = _met_classes(sorted(met - set(ignore)), notes)
        inferred.append("classes")
    keep = protocol.convention.ignored_class == "keep" and "classes" not in inferred
    scored = classes if keep else tuple(entry for entry in classes if entry.id not in ignore)
    kept_ids = {entry.id for entry in scored}
    void_pred = [value for value in ignore if value not in kept_ids]
    if map_count is not None:
        # Labels that were read off probability maps are class ids already.
        pred = value_map(scored, ignore=void_pred)
    else:
        pred = value_map(scored, ignore=void_pred, mapping={**mapping, **pred_map}, closed=protocol.closed)
    if protocol.convention.ignored_class == "miss":
        listed = {entry.id for entry in classes if "classes" not in inferred} & set(ignore)
        pred = ValueMap({**pred.indices, **dict.fromkeys(listed & pred.indices.keys(), NO_FILE)}, pred.default)
    gt = value_map(scored, ignore=ignore, mapping={**mapping, **gt_map}, closed=protocol.closed)
    labeling = Labeling(scored, gt, pred, protocol.groups)
    return Resolution(replace(protocol, classes=classes, ignore=tuple(ignore)), labeling, tuple(inferred), tuple(notes))


def _met_classes(ids: list[int], notes: list[Inference]) -> tuple[SegmentationClass, ...]:
    """Make classes of the values met."""
    if len(ids) > MOST_INFERRED_CLASSES:
        many = f"{len(ids):,}" if len(ids) < MOST_COUNTED else f"at least {MOST_COUNTED:,}"
        raise LabelError(
            f"the masks hold {many} distinct values, more than {MOST_INFERRED_CLASSES:,} classes that could be meant",
            (),
            "This looks like a photograph or a probability map (--probs); if they are labels, name them with --classes",
            kind="probability-maps",
        )
    contiguous = ids == list(range(len(ids)))
    notes.append(
        Inference(
            f"found {len(ids)} classes: {ranges(ids)}",
            f"--classes {len(ids)}" if contiguous else "--classes FILE",
        )
    )
    return tuple(SegmentationClass(value, str(value)) for value in ids)


def _with_map_classes(protocol: Protocol, map_count: int, inferred: list[str], notes: list[Inference]) -> Protocol:
    """Hold the class list to the number of maps, or take it from there."""
    size = max(2, map_count)
    if protocol.classes is None and not protocol.binary:
        from segeval.protocol.classlists import numbered_classes

        inferred.append("classes")
        notes.append(Inference(f"found {size} classes, from the number of probability maps", f"--classes {size}"))
        return replace(protocol, classes=numbered_classes(size))
    named = 2 if protocol.classes is None else len(protocol.classes)
    if named != size:
        raise UsageError(
            f"there are {named} classes, but the probability maps describe {size}",
            (f"{map_count} map{'s' if map_count > 1 else ''} an image; one map is P(class 1) of two classes",),
            "Give --classes as many names as there are maps (two names, or --binary, for one map)",
        )
    return protocol


def _resolve_binary(
    protocol: Protocol, inferred: list[str], notes: list[Inference], *, labels_are_indices: bool
) -> Resolution:
    classes = protocol.classes or BINARY_CLASSES
    if len(classes) != 2:
        raise UsageError(f"--binary has two classes, not {len(classes)}", (), "Name two classes or none")
    ignore = _ignored(protocol, classes) if protocol.ignore is not None else []
    mapping = dict(protocol.mapping)

    def lookup(own: Mapped, level: int | None) -> ValueMap:
        if level is not None:
            return ValueMap(dict.fromkeys(ignore, VOID), default=1, level=level, lower=0)
        ordered = tuple(SegmentationClass(index, entry.name, entry.color) for index, entry in enumerate(classes))
        return value_map(ordered, ignore=ignore, mapping={**mapping, **dict(own)}, default=1)

    pred = ValueMap({0: 0, 1: 1}) if labels_are_indices else lookup(protocol.pred_map, protocol.pred_threshold)
    labeling = Labeling(classes, lookup(protocol.gt_map, protocol.gt_threshold), pred, protocol.groups)
    return Resolution(replace(protocol, classes=classes, ignore=tuple(ignore)), labeling, tuple(inferred), tuple(notes))


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
                    f"--ignore names '{value}', which is not a class",
                    (),
                    f"Give a value or one of {', '.join(named)}" if named else "Give values, or names with --classes",
                )
            value = named[value]
        values.append(value)
    return sorted(set(values))
