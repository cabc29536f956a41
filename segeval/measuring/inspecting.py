"""What is in two folders before anything is scored: files, headers, values, and what looks wrong. Never a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import ColorsMet, Finding, SegevalError, merged, printable
from segeval.findings.files import FEW_PLACES, Files, Headers, colored_files, file_findings
from segeval.findings.inspection import TOP, Inspection, Side, ValueShare
from segeval.findings.policy import Policy, marked
from segeval.findings.remedies import Remedy, remedy_of
from segeval.findings.runs import run_findings
from segeval.findings.values import shown
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, opened, pred_name
from segeval.images.readers import ImageFacts, decode_mask, describe, read_below, read_mask
from segeval.measuring.measure import measure, paired, with_folder_classes
from segeval.measuring.measurement import Failure, Measurement, Progress, guarded, stream
from segeval.measuring.nearby import suggestions
from segeval.protocol.labeling import NO_PREDICTION, VOID
from segeval.protocol.palettes import Palette
from segeval.protocol.protocol import Resolution
from segeval.report.scoring import measured as applied
from segeval.report.scoring import report_of
from segeval.request import Request
from segeval.runs.sharding import Shard, shard_of
from segeval.tables.counts import JointCounts

if TYPE_CHECKING:
    from segeval.stores.urls import Root

Reader = Callable[["Root", str], NDArray[np.integer[Any]]]
"""Reads a mask of a root, by its path there."""
NO_PALETTE = Palette({(1, 2, 3): 0}, "probe")
"""A palette of one colour that no mask has: what is decoded with it is refused with its own colours."""
AS_FOUND = Policy()
SAMPLE = 200
"""Pairs that are decoded; the headers of all files are read."""


def inspect(
    pred: Root,
    gt: Root,
    request: Request,
    *,
    policy: Policy = AS_FOUND,
    sample: int = SAMPLE,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Look into two folders: the headers of all files, the pixels of at most `sample` pairs.

    What keeps scoring from working is among the findings; only folders that do not exist and options that contradict
    each other are raised.
    """
    request = with_folder_classes(pred, gt, request)
    pairing = paired(pred, gt, request)
    gt_root, pred_root = pairing.gt_root, pairing.pred_root
    files = Files(
        pairing,
        request,
        _headers(gt_root, _gt_files(pairing), "gt", request, jobs),
        _headers(pred_root, _pred_files(pairing), "pred", request, jobs),
    )
    shard = sampled(pairing.pairs, sample)
    found = measure(pred, gt, request, jobs=jobs, progress=progress, shard=shard, pairing=pairing)
    resolution, problems = _scored(found)
    looks_wrong = run_findings(found.run, table=found.table, resolution=resolution, names=found.names)
    if any(finding.blocks for finding in looks_wrong):  # which say why values are no labels
        problems = [problem for problem in problems if problem.kind != "values"]
    told = merged((*_untold(found.problems, files.told()), *problems))
    findings = _ordered((*file_findings(files), *looks_wrong, *map(_as_finding, told)), policy)
    gt_values, pred_values = _histograms(found, resolution, files, sample, jobs)
    return Inspection(
        pairs=sum(bool(pair.pred) for pair in pairing.pairs),
        decoded=sum(not row.missing for row in found.run.rows),
        missing=pairing.missing,
        extra=pairing.extra,
        ambiguous=pairing.ambiguous,
        clashes=tuple(clash.gt for clash in pairing.clashes),
        gt=_side(files.gt, gt_values),
        pred=_side(files.pred, pred_values),
        findings=findings,
        remedy=_remedy(found, findings, {one.kind for one in (*looks_wrong, *map(_as_finding, problems))}),
        strict=policy.strict,
        notes=() if resolution is None or problems else resolution.notes,
        suggestions=suggestions(files, (gt_values, pred_values)),
    )


def _remedy(found: Measurement, findings: Sequence[Finding], of_values: set[str]) -> Remedy | None:
    """Return what scores right, `None` where files stand against it, which no option of values mends."""
    if found.table is None or any(one.blocks and one.kind not in of_values for one in findings):
        return None
    better = remedy_of(found.run, found.table)
    if better is not None and any(one.kind == "swapped" for one in findings):
        return replace(better, swap=True)
    return better


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


def _gt_files(pairing: Pairing) -> list[str]:
    names = [name for pair in pairing.pairs for name in pair.gt_files]
    names += [gt for gt, _ in pairing.ambiguous] + [gt for gt, _ in pairing.incomplete]
    return list(dict.fromkeys((*names, *(gt for clash in pairing.clashes for gt in clash.gt))))


def _pred_files(pairing: Pairing) -> list[str]:
    groups = [pair.pred for pair in pairing.pairs] + [pred for _, pred in pairing.ambiguous]
    groups += [clash.pred for clash in pairing.clashes] + [pairing.extra]
    return list(dict.fromkeys(name for group in groups for name in group))


def _headers(root: Root, names: Sequence[str], side: str, request: Request, jobs: int | None) -> Headers:
    protocol = request.protocol
    level, called = (protocol.gt_threshold, gt_name) if side == "gt" else (protocol.pred_threshold, pred_name)

    def described(path: str) -> ImageFacts:
        name = called(path)
        data = read_below(root, path, name=name, max_pixels=request.max_pixels)
        stored = protocol.storage
        return describe(data, name=name, jpeg=level is not None, class_axis=stored.class_axis, stack=stored.stack)

    facts: dict[str, ImageFacts] = {}
    broken: dict[str, SegevalError] = {}
    for name, result in zip(names, _each(root, names, described, called, request, jobs), strict=True):
        if isinstance(result, Failure):
            broken[name] = result.error
        else:
            facts[name] = result
    met = {name: _colors_of(root, name, request) for name in colored_files(facts, request, side)[:FEW_PLACES]}
    return Headers(facts, broken, {name: colors for name, colors in met.items() if colors is not None})


def _each(
    root: Root,
    names: Sequence[str],
    described: Callable[[str], ImageFacts],
    called: Callable[[str], str],
    request: Request,
    jobs: int | None,
) -> Iterator[ImageFacts | Failure[str]]:
    if isinstance(root, Path):
        return stream(names, described, jobs=jobs)
    from segeval.measuring.remote import while_fetching  # for URLs

    fetching = while_fetching(root, names, called, max_pixels=request.max_pixels)
    return (guarded(name, measure=described, name=str) for name in fetching)


def _colors_of(root: Root, name: str, request: Request) -> ColorsMet | None:
    """Return the colours of an RGB mask, nothing of any other file."""
    most = request.max_pixels
    try:
        decode_mask(read_below(root, name, name=name, max_pixels=most), name=name, palette=NO_PALETTE, max_pixels=most)
    except SegevalError as problem:
        return problem.payload
    return None


def _untold(problems: Iterable[SegevalError], told: set[str]) -> Iterator[SegevalError]:
    """Leave out of the problems the files that a finding has told already."""
    for problem in merged(problems):
        places = [place for place in problem.where if place.partition(": ")[0] not in told]
        if places or not problem.where:
            yield problem.changed(where=places)


def _scored(found: Measurement) -> tuple[Resolution | None, list[SegevalError]]:
    """Return what the values mean, and what they say against a score."""
    if not found.run.rows:
        return None, []
    resolution = None
    try:
        resolution = found.run.resolve_for(found.table) if found.table is not None else None
        report_of(found.run, applied(found.run, names=found.names, resolution=resolution, table=found.table))
    except SegevalError as error:
        return resolution, [error]
    return resolution, []


def _as_finding(problem: SegevalError) -> Finding:
    return Finding(problem.kind, problem.what, shown(map(printable, problem.where)), problem.fix)


ONCE = frozenset({"zero-255", "probability-maps"})
"""Kinds of which one finding says it all, with the places of the others."""


def _ordered(found: Iterable[Finding], policy: Policy) -> tuple[Finding, ...]:
    """Put what blocks first, and join findings that say the same."""
    kept: dict[tuple[str, str], Finding] = {}
    for finding in sorted(found, key=lambda finding: not finding.blocks):
        key = finding.kind, "" if finding.kind in ONCE else finding.what
        if key in kept:
            places = dict.fromkeys((*kept[key].where, *finding.where))
            kept[key] = replace(kept[key], where=tuple(places))
        else:
            kept[key] = finding
    return marked(kept.values(), policy)


def _histograms(
    found: Measurement, resolution: Resolution | None, files: Files, sample: int, jobs: int | None
) -> tuple[tuple[ValueShare, ...], tuple[ValueShare, ...]]:
    run, table, request = found.run, found.table, files.request
    if table is None:
        gt = _alone(opened(files.pairing.gt_root), files.gt, _reader(request, "gt"), sample, jobs)
        pred: Counter[int] = Counter()
        if request.protocol.probabilities is None:
            pred = _alone(opened(files.pairing.pred_root), files.pred, _reader(request, "pred"), sample, jobs)
        return _shares(gt, {}), _shares(pred, {})
    gt, pred = _marginal(table.gt, table), _marginal(table.pred, table)
    if run.maps is not None:
        levels = [_marginal(levels.pred, levels) for levels in run.level_tables()] if run.maps.in_rows else []
        return _shares(gt, _meanings(resolution, gt, 0)), _shares(sum(levels, Counter()), {})
    return _shares(gt, _meanings(resolution, gt, 0)), _shares(pred, _meanings(resolution, pred, 1))


def _marginal(values: np.ndarray[Any, Any], table: JointCounts) -> Counter[int]:
    counts: Counter[int] = Counter()
    for value, pixels in zip(values.tolist(), table.pixels.tolist(), strict=True):
        if value != NO_PREDICTION:
            counts[value] += pixels
    return counts


def _reader(request: Request, side: str) -> Reader:
    """Return what reads the files of "gt" or "pred"."""
    palette = request.gt_palette if side == "gt" else request.pred_palette
    storage = request.protocol.storage.side(side)

    def values(root: Root, name: str) -> NDArray[np.integer[Any]]:
        data = read_below(root, name, name=name, max_pixels=request.max_pixels)
        return read_mask(data, name=name, palette=palette, max_pixels=request.max_pixels, storage=storage)[0]

    return values


def _alone(root: Root, headers: Headers, read: Reader, sample: int, jobs: int | None) -> Counter[int]:
    """Count the values of files that do not pair, of at most `sample` of them."""
    names = list(headers.facts)
    chosen = names[:: max(1, -(-len(names) // sample))]
    counts: Counter[int] = Counter()
    decoded = partial(_decoded, root=root, read=read)
    for result in stream(chosen, decoded, jobs=jobs):
        if not isinstance(result, Failure):
            counts.update(result)
    return counts


def _decoded(path: str, *, root: Root, read: Reader) -> dict[int, int]:
    values, pixels = np.unique(read(root, path), return_counts=True)
    return dict(zip(values.tolist(), pixels.tolist(), strict=True))


def _meanings(resolution: Resolution | None, values: Iterable[int], side: int) -> Mapping[int, str]:
    if resolution is None:
        return {}
    labeling = resolution.labeling
    if labeling.sets:
        return {value: _in_words(value, [entry.name for entry in labeling.classes]) for value in values}
    lookup = (labeling.gt, labeling.pred)[side]
    indices = {value: lookup.index(value) for value in values}
    return {
        value: labeling.classes[index].name if index >= 0 else "void" if index == VOID else "unknown"
        for value, index in indices.items()
    }


def _in_words(value: int, names: Sequence[str]) -> str:
    """Name the classes of a set."""
    if value < 0:
        return "void"
    return " + ".join(name for index, name in enumerate(names) if value >> index & 1) or "no class"


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
