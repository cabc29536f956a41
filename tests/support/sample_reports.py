"""The shared set of reports that every renderer is shown: plain ones, empty ones, and hostile names.

But for the losses, scores are computed here by the plainest formulas, so that a change in scoring changes no snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from segeval.errors import Finding
from segeval.protocol.labeling import Color
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Inference, Protocol
from segeval.protocol.signature import Signature
from segeval.report.gates import parse_gate, with_verdicts
from segeval.report.report import ClassScores, Data, GroupScores, Report, Verdict
from segeval.report.scoring import build_report
from segeval.request import build_request
from segeval.runs.run import Maps, Row, Run
from segeval.scores.calibration import confidence_bins
from segeval.tables.counts import Confusion, table

SIGNATURE = Signature((("classes", "infer(0..2)"), ("ignore", "255"), ("convention", "segeval"), ("v", "0.0.0")))

HOSTILE_NAMES = (
    "[red]x[/red]",
    "a|b",
    "a_b & c% $ # { } ~ ^ \\",
    "=cmd|'/C calc'!A0",
    "+1",
    "-1",
    "@SUM(1+1)*cmd",
    "two\nlines",
    "tab\there",
    "bell\x07 and escape\x1b[31m",
    "right\u202eto left\u200f",
    "<script>alert('1')</script>",
    "a`b``c",
    "Straße 🚗 道路",
    "lone \udc80 surrogate, \ufffe noncharacter",
    "",
    "a.b=c",
    "]]> --> <!-- &amp;",
    'quoted "name", comma',
    "[](https://example.org) #1 **bold**",
)


def ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None


def average(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def report_of(
    matrix: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    colors: Sequence[Color | None] = (),
    scores: Mapping[str, float | None] | None = None,
    losses: Sequence[Mapping[str, float | None]] = (),
) -> Report:
    """Make a report of a (K, K) confusion matrix, rows the ground truth."""
    size, total = len(names), sum(map(sum, matrix))
    counts = np.zeros((size + 2, size + 3), np.int64)
    counts[:size, :size] = matrix
    counts[size, 0] = 7
    classes = []
    for index, name in enumerate(names):
        hit, true = matrix[index][index], sum(matrix[index])
        found = sum(row[index] for row in matrix)
        classes.append(
            ClassScores(
                id=index,
                name=name,
                color=colors[index] if colors else None,
                iou=ratio(hit, true + found - hit),
                dice=ratio(2 * hit, true + found),
                precision=ratio(hit, found),
                recall=ratio(hit, true),
                tp=hit,
                fp=found - hit,
                fn=true - hit,
                gt_share=ratio(true, total),
                losses=losses[index] if losses else {},
            )
        )
    ious = [entry.iou for entry in classes]
    means = {
        "miou": average(ious),
        "mdice": average([entry.dice for entry in classes]),
        "pixel_accuracy": ratio(sum(matrix[index][index] for index in range(size)), total),
        "mean_accuracy": average([entry.recall for entry in classes]),
        "fwiou": sum((entry.iou or 0) * (entry.gt_share or 0) for entry in classes),
        "image_miou": average(ious),
        "class_miou": average(ious),
    }
    return Report(
        signature=SIGNATURE,
        protocol=Protocol(),
        data=Data(images=12, pixels=total + 7, void_pixels=7, gt_digest="blake2b:00"),
        scores=means | dict(scores or {}),
        classes_in_mean=sum(iou is not None for iou in ious),
        classes=tuple(classes),
        groups=(),
        counted=Confusion(counts),
    )


def blurred(size: int) -> list[list[int]]:
    """Return a confusion matrix in which later classes are rarer and worse."""
    return [
        [(2000 if row == column else (37 * row + 11 * column) % 53) // (1 + row // 2) for column in range(size)]
        for row in range(size)
    ]


STREET = ("road", "sidewalk", "building", "wall", "fence", "pole", "sky", "person", "rider", "car", "train")
STREET_COLORS: tuple[Color, ...] = (
    *((128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153)),
    *((70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 80, 100)),
)


def _street() -> Report:
    matrix = blurred(len(STREET))
    matrix[10] = [0] * 11
    for row in matrix:
        row[10] = 0
    report = report_of(matrix, STREET, colors=STREET_COLORS, scores={"group_miou": 0.5})
    groups = (
        GroupScores("flat", (0, 1), 0.9312345, 0.9644, 5000, 200, 169),
        GroupScores("human [b]", (7, 8), None, None, 0, 0, 0),
    )
    return replace(
        report,
        groups=groups,
        data=Data(500, 1_048_576_000, 123, "blake2b:01", unscored_images=1, missing_images=2),
        warnings=(Finding("missing", "2 images without prediction count as wrong"),),
        notes=(Inference("found 11 classes: 0..10", "--classes 11"),),
    )


def _gated() -> Report:
    report = report_of([[70, 10], [20, 0]], ("background", "person"))
    report = replace(report, scores={**report.scores, "miou": 0.69998})
    return replace(
        report,
        gates=(
            Verdict("miou", ">=", 0.7, 0.69998, False),
            Verdict("iou.background", ">=", 0.7, 0.7, True),
            Verdict("iou.person", ">=", 0.1, 0.0, False),
            Verdict("mean_accuracy", ">=", 0.4, 0.4375, True),
        ),
    )


def _probabilities() -> Report:
    """Score two 8-bit maps of 1,000 pixels for real: what hangs together in the losses is too much to write down."""
    request = build_request(classes=["background", "crack"], probs=True)
    gt, crack = np.array([0, 0, 0, 1, 1]), np.array([0, 60, 200, 100, 255])
    pixels = np.array([600, 300, 50, 30, 20])
    levels = (table(gt, 255 - crack, pixels), table(gt, crack, pixels))
    best, correct = np.maximum(crack, 255 - crack), (crack > 127) == (gt == 1)
    everything = [np.repeat(column, pixels) for column in (best, correct, np.ones(5, bool))]
    sure = confidence_bins(everything[0], everything[1], everything[2], EIGHT_BIT)
    labels = table(gt, (crack > 127).astype(np.uint8), pixels)
    row = Row("a", 25, 40, "blake2b:0", labels, levels, confidence=sure)
    report = build_report(Run(request.protocol, (row,), Maps(EIGHT_BIT, 2)))
    fields = tuple((key, "0.0.0" if key == "v" else text) for key, text in report.signature.fields)
    report = replace(report, signature=Signature(fields))
    return with_verdicts(report, [parse_gate(gate, comparison="<=") for gate in ("bce=0.1", "ece=0.3")])


def _voc() -> Report:
    report = report_of([[5, 1, 0], [2, 3, 0], [0, 0, 0]], ("background", "aeroplane", "bicycle"))
    warning = "mIoU is undefined, since bicycle is in neither ground truth nor prediction; --absent skip leaves it out"
    return replace(
        report, scores={**report.scores, "miou": None, "mdice": None}, warnings=(Finding("undefined-mean", warning),)
    )


def _hostile() -> Report:
    report = report_of(blurred(len(HOSTILE_NAMES)), HOSTILE_NAMES)
    return replace(
        report,
        signature=Signature((*SIGNATURE.fields[:3], ("keys", "[red]`*`|\n::error::%\x1b\u202e"), ("v", "0.0.0"))),
        groups=(GroupScores("|group\x00 [bold]", (0, 1), 0.5, 0.6, 1, 1, 0),),
        warnings=(Finding("extra", "in '=1+1|[red]\x1b[2J.png'\nthere is a 100% odd name: <b>, @someone"),),
        notes=(Inference("values\x1b met [red]", "--classes '\u202e'"),),
        gates=(
            Verdict("iou.a|b", ">=", 0.9, report.classes[1].iou or 0.0, False),
            Verdict("iou.two\nlines", ">=", 0.1, report.classes[7].iou or 0.0, True),
            Verdict("iou.<script>alert('1')</script>", ">=", 0.99, report.classes[11].iou or 0.0, False),
        ),
    )


REPORTS: Mapping[str, Report] = {
    "street": _street(),
    "gated": _gated(),
    "probabilities": _probabilities(),
    "voc": _voc(),
    "hostile": _hostile(),
    "one-class": report_of([[42]], ("thing",)),
    "many-classes": report_of(blurred(171), [str(index) for index in range(171)]),
}
