"""The options of how files store labels, held against the rest of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from segeval.errors import UsageError
from segeval.protocol.bitcodes import parse_bits
from segeval.protocol.labeling import MOST_IN_SETS, SegmentationClass
from segeval.protocol.protocol import Protocol


def stored_so(protocol: Protocol, changes: Mapping[str, Any]) -> Protocol:
    """Return `protocol` with `changes` of its storage, by keyword; raises `UsageError` where options contradict."""
    stores = {**changes, "roi": bool(changes.get("roi", protocol.storage.roi))}
    protocol = replace(protocol, storage=replace(protocol.storage, **stores))
    if protocol.storage.logits and protocol.probabilities is None:
        raise UsageError("--logits is of probability maps", (), "Add --probs, or leave --logits out")
    if protocol.storage.resize_pred == "bilinear" and protocol.probabilities is None:
        raise UsageError(
            "--resize-pred bilinear mixes values, and the mean of two labels is another label",
            (),
            "Choose --resize-pred nearest for label masks",
        )
    if protocol.storage.stack and protocol.probabilities is not None:
        raise UsageError("--stack is of label masks", (), "Save volumes of probabilities as NIfTI, or leave it out")
    if protocol.storage.forgiving is not None and not (protocol.storage.multilabel and protocol.probabilities is None):
        raise UsageError(
            "boundary pixels are forgiven in masks of several classes a pixel",
            (f"forgiving {protocol.storage.forgiving}",),
            "Score masks, without --probs and with --multilabel",
        )
    if protocol.storage.bits is not None:
        protocol = _with_bits(protocol, protocol.storage.bits)
    if protocol.storage.multilabel:
        _check_multilabel(protocol, asked="multilabel" in changes)
    return protocol


def _with_bits(protocol: Protocol, bits: str) -> Protocol:
    """Take the classes from the bits, where they are not given."""
    if not protocol.storage.multilabel:
        raise UsageError("--bits is of pixels that may be of several classes", (), "Add --multilabel")
    names = [entry.name for entry in parse_bits(bits)]
    if protocol.classes is None:
        return replace(protocol, classes=tuple(SegmentationClass(index, name) for index, name in enumerate(names)))
    if [entry.name for entry in protocol.classes] != names:
        raise UsageError("--bits and --classes name other classes", (", ".join(names),), "Leave --classes out")
    return protocol


def _check_multilabel(protocol: Protocol, *, asked: bool) -> None:
    one_label = {
        "--binary": protocol.binary,
        "--map": protocol.mapping,
        "--gt-map": protocol.gt_map,
        "--pred-map": protocol.pred_map,
        "--boundary": protocol.boundary is not None,
        "--distances": protocol.distances is not None,
        "--lesions": protocol.lesions is not None,
        "--preset": asked and protocol.preset is not None,
    }
    met = [option for option, given in one_label.items() if given]
    if met:
        raise UsageError(
            "--multilabel scores each class by itself, and these options are of masks with one label a pixel",
            met,
            "Leave them out, or leave --multilabel out",
        )
    if protocol.classes is not None and len(protocol.classes) == 1 and protocol.probabilities is not None:
        raise UsageError(
            "maps of one class have one label a pixel", (), "Leave --multilabel out, and add --binary for one map"
        )
    if protocol.classes is not None and len(protocol.classes) > MOST_IN_SETS:
        raise UsageError(
            f"--multilabel takes at most {MOST_IN_SETS} classes",
            (f"{len(protocol.classes)} classes",),
            "Score them in several runs, each with some of the classes",
        )
    if any(isinstance(value, str) for value in protocol.ignore or ()):
        raise UsageError(
            "under --multilabel --ignore takes stored values, not classes",
            tuple(str(value) for value in protocol.ignore or ()),
            "Leave a class out of --classes, or of the means with --mean-over",
        )
