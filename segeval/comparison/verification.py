"""A published number checked: scored again under its signature, and compared to the digits that were printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from segeval.errors import UsageError, nearest
from segeval.protocol.classlists import class_digest
from segeval.protocol.imagekeys import is_of_list
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.protocol import Protocol
from segeval.protocol.signature import OF_DATA, VERSION, Signature, known_keys
from segeval.records import dataclass
from segeval.report.gates import metric, metric_name
from segeval.report.report import Report
from segeval.request import OF_SEGMENTS, Request, amend
from segeval.request.options import FolderOptions
from segeval.sampling.resampling import Resampling
from segeval.sampling.uncertainty import resampling_fields

AS_PRINTED = "Give a score with its digits as printed, as miou=0.7425 or miou=74.25%"
OF_INTERVALS = tuple(key for key, _ in resampling_fields(Resampling(), "image", 0))
VALUE, PROTOCOL, GROUND_TRUTH, OF_VERSION = "value", "protocol", "ground truth", "version"


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold a printed number: the score's name, its text, and whether it was in percent."""

    metric: str
    text: str
    in_percent: bool

    def holds(self, value: float) -> bool:
        """Tell whether a value, rounded to the digits given, is the number; a tie may go either way."""
        number = Decimal(self.text)
        exact = Decimal(value) * (100 if self.in_percent else 1)
        unit = Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))
        return exact.quantize(unit, ROUND_HALF_EVEN) == number

    def digits_of(self, value: float) -> str:
        """Write a value with the digits of the claim."""
        exponent = min(0, int(Decimal(self.text).as_tuple().exponent))
        exact = Decimal(value) * (100 if self.in_percent else 1)
        return f"{exact.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN):f}{'%' if self.in_percent else ''}"


def parse_claim(text: str) -> Claim:
    """Read NAME=VALUE, a fraction or number, or with a percent sign; raises `UsageError`."""
    name, equals, printed = (part.strip() for part in text.rpartition("="))
    number = printed.removesuffix("%").strip()
    try:
        finite = Decimal(number).is_finite()
    except InvalidOperation:
        finite = False
    if not equals or not finite:
        raise UsageError("a printed number must be NAME=VALUE", (text,), AS_PRINTED)
    return Claim(metric_name(name), number, printed.endswith("%"))


@dataclass(frozen=True, slots=True)
class Difference:
    """Tell in what a check differs: `kind` is value, protocol, ground truth or version, `what` says it in words."""

    kind: str
    what: str

    @property
    def decides(self) -> bool:
        """Tell whether this alone is a failure; another version, or re-encoded ground truth, is not."""
        return self.kind in (VALUE, PROTOCOL)


@dataclass(frozen=True, slots=True)
class Verification:
    """Hold the outcome of checking a number: the value found, unrounded, and everything in which it differs."""

    claim: Claim
    value: float | None
    differences: tuple[Difference, ...]
    report: Report

    def holds(self, *, strict: bool = False) -> bool:
        """Tell whether the number stands; `strict` lets nothing differ."""
        return not any(strict or one.decides for one in self.differences)


def claimed_request(signature: Signature, options: FolderOptions) -> Request:
    """Return what a signature asks for; `options` give again what it holds as a digest only, and how files are named.

    Raises `UsageError` where a class list, a palette or a preset is not that of its digest or was not given.
    """
    _check_fields(signature)
    protocol = signature.protocol()
    given: FolderOptions = {**options}
    given["probs"] = protocol.probabilities is not None
    if given.get("preset") is None and protocol.preset is not None:
        if "@" in protocol.preset:
            raise _needed("preset", protocol.preset, "--preset FILE")
        given["preset"] = protocol.preset
    base = amend(Request(), given)
    if base.protocol.preset != protocol.preset:
        raise _mismatch("preset", protocol.preset or "none", base.protocol.preset or "none", "--preset")
    protocol = replace(protocol, classes=_classes(signature, protocol, base.protocol), groups=base.protocol.groups)
    for name in OF_SEGMENTS:
        claimed, found = getattr(protocol.storage, name), getattr(base.protocol.storage, name)
        option = f"--{name.replace('_', '-')}"
        if claimed is not None and found is None:
            raise _needed("panoptic JSON", claimed, f"{option} FILE")
        if claimed != found:
            raise _mismatch("panoptic JSON", claimed or "none", found or "none", option)
    if protocol.palette is not None and base.protocol.palette is None:
        raise _needed("palette", protocol.palette, "--palette FILE")
    if protocol.palette is not None and base.protocol.palette != protocol.palette:
        raise _mismatch("palette", protocol.palette, base.protocol.palette or "none", "--palette")
    if protocol.keys is not None and is_of_list(protocol.keys):
        if base.protocol.keys is None:
            raise _needed("list of keys", protocol.keys, "--keys FILE")
        if base.protocol.keys != protocol.keys:
            raise _mismatch("list of keys", protocol.keys, base.protocol.keys, "--keys")
    return replace(base, protocol=protocol, allow=protocol.allow)


def require_regions(request: Request) -> None:
    """Raise `UsageError` where a signature is of regions of interest and none are given, or the reverse."""
    if request.protocol.storage.roi == (request.roi is not None):
        return
    if request.roi is None:
        raise UsageError("the number is of regions of interest", ("roi:yes",), "Give their folder with --roi")
    raise UsageError("the number is of whole images", (f"--roi {request.roi}",), "Leave --roi out")


def _classes(signature: Signature, restored: Protocol, given: Protocol) -> tuple[SegmentationClass, ...] | None:
    """Return the class list that a signature means: its own, or the one given that has its digest."""
    text = signature.get("classes")
    if "@" not in text:
        return restored.classes
    if given.classes is None:
        raise _needed("class list", text, "--classes FILE")
    found = f"{len(given.classes)}@{class_digest(given.classes)}"
    if found != text:
        raise _mismatch("class list", text, found, "--classes")
    return given.classes


def _needed(what: str, text: str, option: str) -> UsageError:
    return UsageError(
        f"the signature holds its {what} as a digest only", (text,), f"Give the {what} with {option}, to be checked"
    )


def _mismatch(what: str, claimed: str, found: str, option: str) -> UsageError:
    return UsageError(
        f"the {what} given is not that of the signature",
        (f"signature {claimed}, given {found}",),
        f"Give the one that was used with {option}",
    )


def _check_fields(signature: Signature) -> None:
    known = [*known_keys(), *OF_INTERVALS]
    unknown = [key for key, _ in signature.fields if key not in known]
    if unknown:
        places = [f"{key}: did you mean {near}?" if (near := nearest(key, known)) else key for key in unknown]
        raise UsageError("the signature has a field that there is not", places, "Give the whole line as it was printed")


def verification(signature: Signature, claim: Claim, report: Report) -> Verification:
    """Compare a report, made under `claimed_request(signature)`, with what was printed."""
    value = metric(report, claim.metric)
    found: list[Difference] = []
    if value is None:
        found.append(Difference(VALUE, f"{claim.metric} is undefined here"))
    elif not claim.holds(value):
        printed = claim.text + ("%" if claim.in_percent else "")
        found.append(Difference(VALUE, f"{claim.metric} was printed as {printed}, and is {claim.digits_of(value)}"))
    ours = report.signature
    asked = Signature(tuple((key, text) for key, text in signature.fields if key not in OF_INTERVALS))
    theirs = Signature(tuple((key, text) for key, text in asked.fields if key not in (VERSION, *OF_DATA)))
    protocol = Signature(tuple((key, text) for key, text in ours.fields if key not in (VERSION, *OF_DATA)))
    found += [Difference(PROTOCOL, f"protocol: {line}, printed and here") for line in theirs.differences(protocol)]
    for key, kind, words in _DATA_FIELDS:
        printed, here = asked.get(key), ours.get(key)
        if printed and printed != here:
            found.append(Difference(kind, f"{words} {printed} was printed, and here is {here}"))
    return Verification(claim, value, tuple(found), report)


_DATA_FIELDS: Sequence[tuple[str, str, str]] = (
    # Files that are encoded anew have another digest; another number of images is another protocol.
    (OF_DATA[0], PROTOCOL, "number of images"),
    (OF_DATA[1], GROUND_TRUTH, "ground-truth digest"),
    (VERSION, OF_VERSION, "segeval version"),
)
