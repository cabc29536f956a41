"""From what a user says, in Python or on the command line, to a protocol, pairing rules and palettes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from segeval.errors import UsageError
from segeval.folders.pairing import PairingRules
from segeval.images.readers import MAX_PIXELS
from segeval.protocol.allowing import allowed_errors, parse_allow
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import Convention, parse_mean_over
from segeval.protocol.conventions import convention as named_convention
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import Mapped, Protocol
from segeval.protocol.settings import USUAL, Probabilities
from segeval.protocol.storage import STORAGE_NAMES
from segeval.protocol.widths import parse_widths
from segeval.records import dataclass
from segeval.request.options import ClassList, FolderOptions, NamingOptions, ValueMapping, names_in, spelled
from segeval.request.valuelists import is_list_of_names, parse_ignore, parse_names
from segeval.request.weights import read_alpha, read_class_weights
from segeval.stores.userfiles import read_user_file

if TYPE_CHECKING:  # a run without colours and presets does without their modules
    from segeval.protocol.palettes import Palette
    from segeval.protocol.presets import Preset
    from segeval.protocol.segments import Segments
    from segeval.stores.urls import Place

COLOR_SOURCES = ("preset", "classes", "palette")
"""Options that bring the colours of RGB masks."""
OF_SEGMENTS = ("gt_segments", "pred_segments")
"""Options that say what the ids of panoptic masks are."""
OF_PAIRING = ("preset", *names_in(NamingOptions))
"""Options that say which files pair."""
OF_SURFACES = ("distances", "tolerance", "spacing", "lesions", "connectivity", "lesion_overlap")
"""Options of distances and of lesions."""


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what a scoring needs besides the two folders; without arguments, nothing was asked for."""

    protocol: Protocol = field(default_factory=Protocol)
    rules: PairingRules = field(default_factory=PairingRules)
    pred_palette: Palette | None = None
    gt_palette: Palette | None = None
    max_pixels: int = MAX_PIXELS
    roi: Place | None = None
    preset: Preset | None = None
    allow: tuple[str, ...] = ()
    gt_segments: Segments | None = None
    pred_segments: Segments | None = None


@spelled(FolderOptions)
def build_request(**options: Unpack[FolderOptions]) -> Request:
    """Build a request; what is given beats the preset, what is not given is the default or inferred.

    Texts are those of the command line. Raises `UsageError`.
    """
    return amend(Request(), options)


def amend(base: Request, options: FolderOptions) -> Request:
    """Return what `base` asks for but for what `options` say otherwise; what is absent or `None` stays.

    A preset brings its own classes, maps and convention. Under its closed maps, what the options name is added to them,
    as kinds are to those allowed. Options of losses say something of probability maps. Raises `UsageError`.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    allowed = _allowed(base, given.get("allow", ()))
    facts, protocol = base.preset, base.protocol
    if "preset" in given or "dataset" in given:
        from segeval.request.presets import asked_preset, check_classes  # many folders are of no known data set

        facts, protocol = asked_preset(given, protocol)
        protocol = _relabeled(protocol, given)
        check_classes(facts, protocol)
    else:
        protocol = _relabeled(protocol, given)
    protocol = replace(
        protocol,
        convention=_convention(protocol.convention, given),
        missing=given.get("missing", protocol.missing),
        allow=allowed_errors(allowed) if allowed else (),
        mean_over=parse_mean_over(given["mean_over"]) if "mean_over" in given else protocol.mean_over,
        boundary=parse_widths(given["boundary"]) if "boundary" in given else protocol.boundary,
    )
    if any(name in given for name in OF_SURFACES):
        from segeval.request.surfaces import with_surfaces  # few runs measure distances, or look for lesions

        protocol = with_surfaces(protocol, given)
    if "class_weights" in given and protocol.convention.average == "weighted":
        protocol = replace(protocol, mean_weights=read_class_weights(given["class_weights"], protocol.classes or ()))
    protocol = replace(protocol, probabilities=_reweighed(protocol, given))
    rules = base.rules
    if any(name in given for name in OF_PAIRING):
        from segeval.request.pairingrules import keys_text, pairing_rules  # many folders pair by equal names

        rules = pairing_rules(rules, given, facts)
        protocol = replace(protocol, keys=keys_text(rules) if "keys" in given else protocol.keys)
    segments = {name: getattr(base, name) for name in OF_SEGMENTS}
    if any(name in given for name in OF_SEGMENTS):
        from segeval.request.segmentfiles import read_segments, with_segments  # few masks are panoptic

        segments = read_segments(given, segments)
        protocol, stored_segments = with_segments(protocol, segments, given)
        given |= stored_segments
    if (stored := {name: given[name] for name in STORAGE_NAMES if name in given}) or protocol.storage.multilabel:
        from segeval.request.storing import stored_so  # few files need an option

        protocol = stored_so(protocol, stored)
    changed = replace(
        base,
        protocol=protocol,
        rules=rules,
        max_pixels=given.get("max_pixels", base.max_pixels),
        roi=_place(given["roi"]) if "roi" in given else base.roi,
        preset=facts,
        allow=allowed,
        **segments,
    )
    return _colored(changed, given) if any(name in given for name in COLOR_SOURCES) else changed


def _place(named: str | Path) -> Place:
    if "://" not in str(named):
        return Path(named)
    from segeval.folders.roots import root_of  # for URLs

    return root_of(named)


def _allowed(base: Request, allow: str | Iterable[str]) -> tuple[str, ...]:
    named = (*base.protocol.allow, *base.allow, *((allow,) if isinstance(allow, str) else allow))
    return parse_allow(named) if named else ()


def _relabeled(protocol: Protocol, given: Mapping[str, Any]) -> Protocol:
    if "classes" in given:
        protocol = replace(protocol, classes=read_classes(given["classes"]), groups=())
    if "ignore" in given:
        protocol = _with_ignored(protocol, parse_ignore(given["ignore"]))
    levels = {name: given[name] for name in ("gt_threshold", "pred_threshold") if name in given}
    if levels or given.get("binary"):
        several = bool(given.get("multilabel", protocol.storage.multilabel))
        stores = replace(protocol.storage, multilabel=several)
        protocol = replace(protocol, binary=not several or bool(given.get("binary")), storage=stores, **levels)
    return _with_maps(
        protocol, {name: parse_map(given[name]) for name in ("map", "gt_map", "pred_map") if name in given}
    )


def _convention(stored: Convention, given: Mapping[str, Any]) -> Convention:
    chosen = named_convention(given["convention"]) if "convention" in given else stored
    return chosen.with_axes(**{axis: given[axis] for axis in AXES if axis in given})


def _reweighed(protocol: Protocol, given: Mapping[str, Any]) -> Probabilities | None:
    """Read the options of losses over what is stored; `None` for label masks."""
    stored = protocol.probabilities
    if stored is None:
        if not given.get("probs"):
            return None
        stored = USUAL
    parsers: dict[str, Callable[[Any], object]] = {
        "threshold": partial(_fraction, "threshold"),
        "gamma": float,
        "alpha": partial(read_alpha, classes=protocol.classes or ()),
        "pos_weight": partial(_number_or, "auto", "pos-weight"),
        "eps": lambda value: value if value in ("half-step", "torch") else _number_or("default", "eps", value),
        "loss_reduction": str,
        "beta2": float,
        "class_weights": partial(read_class_weights, classes=protocol.classes or ()),
    }
    changes: dict[str, Any] = {name: parse(given[name]) for name, parse in parsers.items() if name in given}
    return replace(stored, **changes)


def _colored(request: Request, given: Mapping[str, Any]) -> Request:
    """Bring the palettes, and in the protocol the digest of those that are the user's own."""
    palette = given.get("palette")
    pred_palette, gt_palette = _palettes(palette, request.preset, request.protocol, str(given.get("classes")))
    own_colors = palette is not None or (request.preset is None and gt_palette is not None)
    digest = palette_digest(pred_palette, gt_palette) if own_colors else None
    return replace(
        request,
        protocol=replace(request.protocol, palette=digest),
        pred_palette=pred_palette,
        gt_palette=gt_palette,
    )


def read_classes(classes: ClassList) -> tuple[SegmentationClass, ...]:
    """Return a class list from a number, a file, or names: a list, or "road,car"."""
    from segeval.protocol.classlists import checked_classes, numbered_classes, parse_classes

    if isinstance(classes, int):
        return numbered_classes(classes)
    if isinstance(classes, str | Path):
        if str(classes).isdecimal():
            return numbered_classes(int(str(classes)))
        if isinstance(classes, str) and is_list_of_names(classes):
            return read_classes(parse_names(classes))
        return parse_classes(read_user_file(classes), name=str(classes))
    entries = [
        entry if isinstance(entry, SegmentationClass) else SegmentationClass(index, entry)
        for index, entry in enumerate(classes)
    ]
    return checked_classes(entries, name="classes")


def _number_or(word: str, option: str, value: float | str | None) -> float | str | None:
    """Read a number; the `word` stays what it is, except "default", which is `None`."""
    if value is None or value == word:
        return None if word == "default" or value is None else word
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--{option} is neither a number nor {word}", (str(value),), "Give a number") from None


def _fraction(option: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise UsageError(f"--{option} is not between 0 and 1", (str(value),), "Give a probability such as 0.5")
    return value


def parse_map(pairs: ValueMapping | None) -> Mapped:
    """Return (raw value, mapped value) pairs from "27=255,3=2" or a mapping, ascending."""
    if pairs is None:
        return ()
    if not isinstance(pairs, str):
        return tuple(sorted(pairs.items()))
    found: dict[int, int] = {}
    for part in pairs.split(","):
        raw, _, value = (piece.strip() for piece in part.partition("="))
        try:
            source, target = int(raw), int(value)
        except ValueError:
            raise UsageError("a map is not of the form RAW=VALUE", (part,), "Write it as in --map 27=255,3=2") from None
        if found.setdefault(source, target) != target:
            raise UsageError("a map sends one value to two", (pairs,), "Name each raw value once")
    return tuple(sorted(found.items()))


def _palettes(
    palette: str | Path | None, facts: Preset | None, protocol: Protocol, classes: str
) -> tuple[Palette | None, Palette | None]:
    """Return the palettes of predictions and ground truth: the user's, the preset's, or that of the class list."""
    if palette is None and facts is None and not any(entry.color for entry in protocol.classes or ()):
        return None, None
    from segeval.protocol.palettes import class_palette, parse_palette
    from segeval.protocol.presets import preset_palette

    if palette is not None:
        text, named = read_user_file(palette), protocol.classes or ()
        pred, gt = (
            replace(parse_palette(text, name=str(palette), classes=named, mapping=dict(side) or None), explicit=True)
            for side in (protocol.pred_map, protocol.gt_map)
        )
        return pred, gt
    if facts is None:
        colors = class_palette(protocol.classes or (), name=classes)
        return colors, colors
    if not facts.has_palette:
        return None, None
    return preset_palette(facts, side="pred"), preset_palette(facts, side="gt")


def palette_digest(*palettes: Palette | None) -> str:
    """Return a digest of the colours of both sides."""
    colors = [sorted(palette.colors.items()) for palette in palettes if palette is not None]
    return hashlib.blake2b(repr(colors).encode(), digest_size=4).hexdigest()


def _with_ignored(protocol: Protocol, values: tuple[int | str, ...]) -> Protocol:
    """Ignore values; of a preset, whose maps are closed, also raw ones that it does not name."""
    protocol = replace(protocol, ignore=values)
    if not protocol.closed:
        return protocol
    themselves = [(value, value) for value in values if isinstance(value, int)]
    return replace(protocol, gt_map=_over(themselves, protocol.gt_map), pred_map=_over(themselves, protocol.pred_map))


def _with_maps(protocol: Protocol, maps: Mapping[str, Mapped]) -> Protocol:
    """Put the user's maps in place of the protocol's; over a preset's they win value by value."""
    if not protocol.closed:
        return replace(
            protocol,
            mapping=maps.get("map", protocol.mapping),
            gt_map=maps.get("gt_map", protocol.gt_map),
            pred_map=maps.get("pred_map", protocol.pred_map),
        )
    both, gt_map, pred_map = (maps.get(name, ()) for name in ("map", "gt_map", "pred_map"))
    return replace(
        protocol,
        gt_map=_over(protocol.gt_map, both, gt_map),
        pred_map=_over(protocol.pred_map, both, pred_map),
    )


def _over(*maps: Iterable[tuple[int, int]]) -> Mapped:
    merged: dict[int, int] = {}
    for pairs in maps:
        merged.update(pairs)
    return tuple(sorted(merged.items()))
