"""What is in two folders before anything is scored: files, headers, values, and what looks wrong. Never a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import LabelError, NothingToScoreError, PairingError, SegevalError, merged, printable
from segeval.findings.colors import told_colors
from segeval.findings.files import Files, Headers, file_findings
from segeval.findings.values import Finding, shown, value_findings
from segeval.folders.pairing import Pair, Pairing, class_folders, pair_class_folders, pair_folders
from segeval.images.readers import IMAGE_SUFFIXES, ImageFacts, decode_mask, describe, read_bytes
from segeval.measuring.measure import measure
from segeval.measuring.measurement import Measurement, Progress, pairing_warnings
from segeval.measuring.workers import Failure, stream
from segeval.protocol.labeling import MISSING, VOID
from segeval.protocol.palettes import Palette
from segeval.protocol.resolution import Inference
from segeval.report.scoring import build_report
from segeval.request import Request
from segeval.runs.sharding import Shard, shard_of
from segeval.tables.counts import JointCounts

SCHEMA = 1
SAMPLE = 200
"""Pairs that are decoded; the headers of all files are read."""
TOP = 20
"""Values listed of a folder, those of most pixels."""


@dataclass(frozen=True, slots=True)
class ValueShare:
    """Tell how many of a folder's decoded pixels hold a value, and what it means: a class's name, void or unknown."""

    value: int
    pixels: int
    share: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Side:
    """Hold what one folder holds: how many files of which encoding and size, and their values.

    `encodings` and `sizes` ((width, height)) are by number of files, descending; `values` are the most frequent of
    `distinct` ones in the files decoded, empty where none could be. Of 8-bit probability maps they are levels.
    """

    files: int
    encodings: tuple[tuple[str, int], ...]
    sizes: tuple[tuple[tuple[int, int], int], ...]
    values: tuple[ValueShare, ...] = ()
    distinct: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of one folder."""
        return {
            "files": self.files,
            "encodings": [{"encoding": name, "files": files} for name, files in self.encodings],
            "sizes": [{"width": width, "height": height, "files": files} for (width, height), files in self.sizes],
            "distinct": self.distinct,
            "values": [{name: getattr(entry, name) for name in ValueShare.__slots__} for entry in self.values],
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """Hold what two folders hold.

    `pairs` counts the pairs, `decoded` those of them whose pixels were read. `missing`, `extra`, `ambiguous` and
    `clashes` are as in `Pairing`. `notes` tell what is taken from the data. Findings that block come first.
    """

    pairs: int
    decoded: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...]
    clashes: tuple[tuple[str, ...], ...]
    gt: Side
    pred: Side
    findings: tuple[Finding, ...]
    notes: tuple[Inference, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether scoring would work."""
        return not any(finding.blocks for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the inspection as JSON values.

        {schema, ready, pairs, decoded, missing, extra, ambiguous ([{gt, pred}]), clashes, gt, pred, findings ([{kind,
        what, where, fix, blocks}]), notes ([{what, option}])}; `gt` and `pred` are {files, encodings ([{encoding,
        files}]), sizes ([{width, height, files}]), distinct, values ([{value, pixels, share, meaning}])}.
        """
        return {
            "schema": SCHEMA,
            "ready": self.ready,
            "pairs": self.pairs,
            "decoded": self.decoded,
            "missing": list(self.missing),
            "extra": list(self.extra),
            "ambiguous": [{"gt": gt, "pred": list(pred)} for gt, pred in self.ambiguous],
            "clashes": [list(files) for files in self.clashes],
            "gt": self.gt.to_dict(),
            "pred": self.pred.to_dict(),
            "findings": [
                {name: list(value) if isinstance(value, tuple) else value for name, value in _items(finding)}
                for finding in self.findings
            ],
            "notes": [{"what": note.what, "option": note.option} for note in self.notes],
        }


def inspect(
    pred: Path,
    gt: Path,
    request: Request,
    *,
    sample: int = SAMPLE,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Look into two folders: the headers of all files, the pixels of at most `sample` pairs.

    What keeps scoring from working is among the findings; only folders that do not exist and options that contradict
    each other are raised.
    """
    pairing = _paired(pred, gt, request)
    files = Files(
        pairing,
        request,
        _headers(pairing.gt_root, _gt_files(pairing), "GT", request, jobs),
        _headers(pairing.pred_root, _pred_files(pairing), "PRED", request, jobs),
    )
    shard = sampled(pairing.pairs, sample)
    measured = measure(pred, gt, request, jobs=jobs, progress=progress, shard=shard)
    found = [*file_findings(files)]
    found.extend(value_findings(measured.run))
    problems = _untold(measured.problems, files.told())
    scoring, notes = _scoring_problems(measured)
    found.extend(_as_finding(problem, request) for problem in merged((*problems, *scoring)))
    known = {*pairing_warnings(pairing, request.protocol.missing)}
    found.extend(Finding("maps", warning) for warning in measured.warnings if warning not in known)
    table = measured.run.table() if measured.run.rows else None
    gt_values, pred_values = _histograms(measured, table, files, sample, jobs)
    return Inspection(
        pairs=sum(bool(pair.pred) for pair in pairing.pairs),
        decoded=sum(not row.missing for row in measured.run.rows),
        missing=pairing.missing,
        extra=pairing.extra,
        ambiguous=pairing.ambiguous,
        clashes=tuple(clash.gt for clash in pairing.clashes),
        gt=_side(files.gt, gt_values),
        pred=_side(files.pred, pred_values),
        findings=_ordered(found),
        notes=notes,
    )


def sampled(pairs: Sequence[Pair], most: int) -> Shard | None:
    """Return the part of the pairs that is decoded, `None` for all: 1 to `most` of them, by a hash of their keys."""
    if len(pairs) <= most:
        return None
    count = -(-len(pairs) // most)
    while True:
        sizes = Counter(shard_of(pair.key, count) for pair in pairs)
        fitting = [(size, -index) for index, size in sizes.items() if size <= most]
        if fitting:
            return Shard(-max(fitting)[1], count)
        count += 1


def _paired(pred: Path, gt: Path, request: Request) -> Pairing:
    classes = request.protocol.classes or ()
    folders = None
    if request.protocol.probabilities is not None:
        folders = class_folders(pred, [(entry.id, entry.name) for entry in classes])
    if folders is not None:
        return pair_class_folders(pred, gt, folders, rules=request.rules, suffixes=IMAGE_SUFFIXES)
    return pair_folders(pred, gt, rules=request.rules, suffixes=IMAGE_SUFFIXES)


def _gt_files(pairing: Pairing) -> list[str]:
    names = [pair.gt for pair in pairing.pairs]
    names += [gt for gt, _ in pairing.ambiguous] + [gt for gt, _ in pairing.incomplete]
    return [*names, *(gt for clash in pairing.clashes for gt in clash.gt)]


def _pred_files(pairing: Pairing) -> list[str]:
    groups = [pair.pred for pair in pairing.pairs] + [pred for _, pred in pairing.ambiguous]
    groups += [clash.pred for clash in pairing.clashes] + [pairing.extra]
    return list(dict.fromkeys(name for group in groups for name in group))


def _headers(root: Path, names: Sequence[str], side: str, request: Request, jobs: int | None) -> Headers:
    def described(pair: Pair) -> ImageFacts:
        name = f"{side}/{printable(pair.gt)}"
        return describe(read_bytes(root / pair.gt, name=name, max_pixels=request.max_pixels), name=name)

    facts: dict[str, ImageFacts] = {}
    broken: dict[str, SegevalError] = {}
    for name, result in zip(names, stream([Pair(name, name, ()) for name in names], described, jobs=jobs), strict=True):
        if isinstance(result, Failure):
            broken[name] = result.error
        else:
            facts[name] = result
    return Headers(facts, broken)


def _untold(problems: Iterable[SegevalError], told: set[str]) -> Iterator[SegevalError]:
    """Leave out of the problems the files that a finding has told already."""
    for problem in merged(problems):
        places = [place for place in problem.where if place.partition(": ")[0] not in told]
        if places or not problem.where:
            yield type(problem)(problem.what, places, problem.fix)


def _scoring_problems(measured: Measurement) -> tuple[list[SegevalError], tuple[Inference, ...]]:
    """Return what the values say against a score, and what would be taken from them."""
    if not measured.run.rows:
        return [], ()
    try:
        report = build_report(measured.run, names=measured.names)
    except SegevalError as error:
        return [error], ()
    return [], report.notes


def _as_finding(problem: SegevalError, request: Request) -> Finding:
    kinds = {NothingToScoreError: "nothing-to-score", PairingError: "pairing", LabelError: "values"}
    kind = kinds.get(type(problem), "unreadable")
    if told_colors(problem):
        kind = "unknown-colors"
    elif "--probs" in problem.fix:
        kind = "label-masks" if request.protocol.probabilities is not None else "probability-maps"
    elif "look swapped" in problem.fix:
        kind = "swapped"
    elif "0 and 255" in problem.what:
        kind = "zero-255"
    return Finding(kind, problem.what, shown(map(printable, problem.where)), problem.fix, blocks=True)


ONCE = frozenset({"zero-255", "probability-maps", "swapped"})
"""Kinds of which one finding says it all, with the places of the others."""


def _ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put what blocks first, and join findings that say the same."""
    kept: dict[tuple[str, str], Finding] = {}
    for finding in sorted(found, key=lambda finding: not finding.blocks):
        key = finding.kind, "" if finding.kind in ONCE else finding.what
        if key in kept:
            places = dict.fromkeys((*kept[key].where, *finding.where))
            kept[key] = replace(kept[key], where=tuple(places))
        else:
            kept[key] = finding
    return tuple(kept.values())


def _histograms(
    measured: Measurement, table: JointCounts | None, files: Files, sample: int, jobs: int | None
) -> tuple[tuple[ValueShare, ...], tuple[ValueShare, ...]]:
    run, request = measured.run, files.request
    if table is None:
        gt = _alone(files.pairing.gt_root, files.gt, request.gt_palette, request, sample, jobs)
        pred: Counter[int] = Counter()
        if request.protocol.probabilities is None:
            pred = _alone(files.pairing.pred_root, files.pred, request.pred_palette, request, sample, jobs)
        return _shares(gt, {}), _shares(pred, {})
    gt, pred = _marginal(table.gt, table), _marginal(table.pred, table)
    if run.maps is not None:
        levels = [_marginal(levels.pred, levels) for levels in run.level_tables()] if run.maps.in_rows else []
        return _shares(gt, _meanings(measured, gt, 0)), _shares(sum(levels, Counter()), {})
    return _shares(gt, _meanings(measured, gt, 0)), _shares(pred, _meanings(measured, pred, 1))


def _marginal(values: np.ndarray[Any, Any], table: JointCounts) -> Counter[int]:
    counts: Counter[int] = Counter()
    for value, pixels in zip(values.tolist(), table.pixels.tolist(), strict=True):
        if value != MISSING:
            counts[value] += pixels
    return counts


def _alone(
    root: Path, headers: Headers, palette: Palette | None, request: Request, sample: int, jobs: int | None
) -> Counter[int]:
    """Count the values of files that do not pair, of at most `sample` of them."""
    names = list(headers.facts)
    chosen = names[:: max(1, -(-len(names) // sample))]
    counts: Counter[int] = Counter()
    decoded = partial(_decoded, root=root, palette=palette, max_pixels=request.max_pixels)
    for result in stream([Pair(name, name, ()) for name in chosen], decoded, jobs=jobs):
        if not isinstance(result, Failure):
            counts.update(result)
    return counts


def _decoded(pair: Pair, *, root: Path, palette: Palette | None, max_pixels: int) -> dict[int, int]:
    data = read_bytes(root / pair.gt, name=pair.gt, max_pixels=max_pixels)
    mask = decode_mask(data, name=pair.gt, palette=palette, max_pixels=max_pixels)
    values, pixels = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), pixels.tolist(), strict=True))


def _meanings(measured: Measurement, values: Iterable[int], side: int) -> Mapping[int, str]:
    try:
        labeling = measured.run.resolve().labeling
    except SegevalError:
        return {}
    lookup = (labeling.gt, labeling.pred)[side]
    indices = {value: lookup.index(value) for value in values}
    return {
        value: labeling.classes[index].name if index >= 0 else "void" if index == VOID else "unknown"
        for value, index in indices.items()
    }


def _shares(counts: Counter[int], meanings: Mapping[int, str]) -> tuple[ValueShare, ...]:
    total = counts.total()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ValueShare(value, pixels, pixels / total, meanings.get(value, "")) for value, pixels in ranked)


def _side(headers: Headers, values: tuple[ValueShare, ...]) -> Side:
    encodings = Counter(facts.encoding for facts in headers.facts.values())
    sizes = Counter((facts.width, facts.height) for facts in headers.facts.values())
    return Side(
        files=len(headers.facts) + len(headers.broken),
        encodings=tuple(sorted(encodings.items(), key=lambda item: (-item[1], item[0]))),
        sizes=tuple(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        values=values[:TOP],
        distinct=len(values),
    )


def _items(finding: Finding) -> Iterator[tuple[str, Any]]:
    for name in Finding.__slots__:
        yield name, getattr(finding, name)
