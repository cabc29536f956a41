"""What looks wrong in the names and headers of two folders, before a pixel is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from fractions import Fraction

from segeval.errors import ColorsMet, Finding, SegevalError, merged
from segeval.findings.colors import duplicate_colors
from segeval.findings.runs import swapped_names
from segeval.findings.values import shown
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, pred_name
from segeval.images.colors import COLORS_FIX
from segeval.images.readers import ImageFacts
from segeval.protocol.presets import explain_colors
from segeval.protocol.storage import RESIZE_FIX
from segeval.records import dataclass
from segeval.request import Request

FEW_PLACES = 3


@dataclass(frozen=True, slots=True)
class Headers:
    """Hold what the files of one folder say of themselves, and the errors of those that cannot be told.

    `colors` are those of the first few files that are RGB where nothing decodes it.
    """

    facts: Mapping[str, ImageFacts]
    broken: Mapping[str, SegevalError]
    colors: Mapping[str, ColorsMet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Files:
    """Hold how two folders pair and the headers of their files."""

    pairing: Pairing
    request: Request
    gt: Headers
    pred: Headers

    def told(self) -> set[str]:
        """Return the files that findings about headers tell, as messages name them."""
        gt = (*self.gt.broken, *_colored(self, "gt"))
        unequal = (file for pair in _unequal(self) for file in pair.pred)
        pred = (*self.pred.broken, *_colored(self, "pred"), *_map_files(self), *unequal)
        return {*map(gt_name, gt), *map(pred_name, pred)}

    def sides(self) -> Iterator[tuple[str, Callable[[str], str], Headers]]:
        """Yield ("gt" or "pred", what messages call one of its files, headers)."""
        yield "gt", gt_name, self.gt
        yield "pred", pred_name, self.pred


def file_findings(files: Files) -> Iterator[Finding]:
    """Tell what looks wrong in names and headers."""
    for look in (_broken, _rgb, _maps, _sizes):
        yield from look(files)
    yield from swapped_names(files.pairing)
    yield from _extra(files)


def _broken(files: Files) -> Iterator[Finding]:
    for error in merged((*files.gt.broken.values(), *files.pred.broken.values())):
        yield Finding(error.kind, error.what, shown(error.where), error.fix)


def _rgb(files: Files) -> Iterator[Finding]:
    for side, called, headers in files.sides():
        names = _colored(files, side)
        if not names:
            continue
        where = [f"{called(name)}: {headers.facts[name].encoding}" for name in names]
        request = files.request
        shared = duplicate_colors(request.preset) if request.preset is not None else None
        if shared is not None:
            places = (*shown(where, FEW_PLACES), *shared.where)
            yield Finding("palette-duplicates", shared.what, places, shared.fix)
            continue
        colors: Counter[tuple[int, int, int]] = Counter()
        for name in names:
            if name in headers.colors:
                colors.update(headers.colors[name].pixels)
        fix = f"{found}. Or: {COLORS_FIX}" if (found := explain_colors(colors)) else COLORS_FIX
        yield Finding(
            "rgb",
            "masks hold RGB colours, not labels, and no palette says what they mean",
            shown(where),
            fix,
        )


def _colored(files: Files, side: str) -> list[str]:
    headers = files.gt if side == "gt" else files.pred
    met = [color for known in headers.colors.values() for color in known.pixels]
    if met and all(len(set(color)) == 1 for color in met):
        return []  # gray, as far as one looked
    return colored_files(headers.facts, files.request, side)


def colored_files(facts: Mapping[str, ImageFacts], request: Request, side: str) -> list[str]:
    """Return the files of a folder that are RGB where nothing decodes it."""
    palette = request.gt_palette if side == "gt" else request.pred_palette
    read_so = palette is not None or request.protocol.storage.side(side).channel is not None
    if read_so or (side == "pred" and request.protocol.probabilities is not None):
        return []
    return [name for name, known in facts.items() if known.kind in ("RGB", "RGBA")]


def _maps(files: Files) -> Iterator[Finding]:
    """Find predictions that can be nothing but probability maps."""
    names = _map_files(files)
    if names:
        yield Finding(
            "probability-maps",
            "predictions are floats or arrays of several maps: probability maps, not labels",
            shown(f"{pred_name(name)}: {files.pred.facts[name].encoding}" for name in names),
            "Score them with --probs",
        )


def _map_files(files: Files) -> list[str]:
    """Return the predictions that are read as labels and are floats or arrays of several maps."""
    if files.request.protocol.probabilities is not None:
        return []
    storage = files.request.protocol.storage
    return [
        name
        for name, facts in files.pred.facts.items()
        if (facts.sample == "f" and not storage.cast_labels)
        or (facts.kind == "array" and facts.channels > 1 and storage.class_axis is None)
    ]


def _sizes(files: Files) -> Iterator[Finding]:
    unequal = _unequal(files)
    if not unequal or files.request.protocol.storage.resize_pred is not None:
        return
    factors: Counter[tuple[Fraction, Fraction]] = Counter()
    where = []
    turned = 0
    for pair in unequal:
        gt = files.gt.facts[pair.gt]
        for name in pair.pred:
            pred = files.pred.facts.get(name)
            if pred is None or (pred.width, pred.height) == (gt.width, gt.height):
                continue
            where.append(f"{pred_name(name)}: {pred.width}x{pred.height}, GT {gt.width}x{gt.height}")
            factors[Fraction(pred.width, max(1, gt.width)), Fraction(pred.height, max(1, gt.height))] += 1
            turned += (pred.width, pred.height) == (gt.height, gt.width)
    (across, down), _ = factors.most_common(1)[0]
    if turned == len(where):
        yield Finding(
            "transposed",
            "predictions have width and height exchanged",
            shown(where),
            "Write arrays as (height, width): transpose them before saving",
        )
    elif across == down and len(factors) == 1:
        yield Finding(
            "resized",
            f"predictions are {_times(across)} the size of the ground truth",
            shown(where),
            RESIZE_FIX,
        )
    else:
        yield Finding("resized", "predictions and ground truth differ in size", shown(where), RESIZE_FIX)


def _times(factor: Fraction) -> str:
    return f"{factor.numerator}" if factor.denominator == 1 else f"{factor.numerator}/{factor.denominator}"


def _unequal(files: Files) -> list[Pair]:
    """Return the pairs whose headers differ in size."""

    def differs(pair: Pair) -> bool:
        gt = files.gt.facts.get(pair.gt)
        others = (files.pred.facts.get(name) for name in pair.pred)
        return gt is not None and any(
            other is not None and (other.width, other.height) != (gt.width, gt.height) for other in others
        )

    pairs = {(pair.gt, pair.pred): pair for pair in files.pairing.pairs}  # those of single slices share their files
    return [pair for pair in pairs.values() if differs(pair)]


def _extra(files: Files) -> Iterator[Finding]:
    if files.pairing.extra and any(pair.pred for pair in files.pairing.pairs):
        yield Finding(
            "extra",
            "predictions without ground truth are not scored",
            shown(map(pred_name, files.pairing.extra)),
            "Leave them, or add their ground truth",
        )
