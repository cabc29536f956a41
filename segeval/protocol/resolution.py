"""What a protocol leaves open, made definite by the values in the masks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from segeval.errors import LabelError, UsageError
from segeval.protocol.classlists import numbered_classes
from segeval.protocol.fullrange import DEFAULT_VOID, WHAT, SideFiles, doubt_of, is_binary, side_files
from segeval.protocol.labeling import NO_FILE, UNKNOWN, VOID, Labeling, SegmentationClass, ValueMap, value_map
from segeval.protocol.protocol import Mapped, Protocol

BINARY_CLASSES = (SegmentationClass(0, "background"), SegmentationClass(1, "foreground"))
MOST_INFERRED_CLASSES = 1024


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
        met = {gt_map.get(value, mapping.get(value, value)) for value in gt_values}
        met |= {pred_map.get(value, mapping.get(value, value)) for value in pred_values}
        ids = sorted(met - set(ignore))
        classes = _met_classes(ids, notes)
        inferred.append("classes")
    keep = protocol.convention.ignored_class == "keep" and "classes" not in inferred
    scored = classes if keep else tuple(entry for entry in classes if entry.id not in ignore)
    kept_ids = {entry.id for entry in scored}
    void_pred = [value for value in ignore if value not in kept_ids]
    if map_count is not None:
        # Labels that were read off probability maps are class ids already.
        pred = value_map(scored, ignore=void_pred)
    else:
        pred = _lookup(protocol, scored, void_pred, {**mapping, **pred_map})
    if protocol.convention.ignored_class == "miss":
        listed = {entry.id for entry in classes if "classes" not in inferred} & set(ignore)
        pred = ValueMap({**pred.indices, **dict.fromkeys(listed & pred.indices.keys(), NO_FILE)}, pred.default)
    gt = _lookup(protocol, scored, ignore, {**mapping, **gt_map})
    labeling = Labeling(scored, gt, pred, protocol.groups)
    return Resolution(replace(protocol, classes=classes, ignore=tuple(ignore)), labeling, tuple(inferred), tuple(notes))


def _met_classes(ids: list[int], notes: list[Inference]) -> tuple[SegmentationClass, ...]:
    """Make classes of the values met."""
    if len(ids) > MOST_INFERRED_CLASSES:
        raise LabelError(
            f"the masks hold {len(ids):,} distinct values, more than {MOST_INFERRED_CLASSES:,} classes that "
            "could be meant",
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
                    f"--ignore names '{value}', which is not a class",
                    (),
                    f"Give a value or one of {', '.join(named)}" if named else "Give values, or names with --classes",
                )
            value = named[value]
        values.append(value)
    return sorted(set(values))


def _lookup(
    protocol: Protocol, classes: tuple[SegmentationClass, ...], ignore: Iterable[int], mapping: Mapping[int, int]
) -> ValueMap:
    found = value_map(classes, ignore=ignore, mapping=mapping)
    if not protocol.closed:
        return found
    return ValueMap({value: index for value, index in found.indices.items() if value in mapping}, UNKNOWN)


def ranges(values: Iterable[int]) -> str:
    """Write ascending integers with runs joined: 0..3,7."""
    parts: list[list[int]] = []
    for value in values:
        if parts and value == parts[-1][-1] + 1:
            parts[-1][1:] = [value]
        else:
            parts.append([value])
    return ",".join("..".join(map(str, part)) for part in parts)
