"""A saved run under another labeling, convention, loss or choice of images, without reading an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from segeval.errors import LabelError, NothingToScoreError, RunFileError, UsageError
from segeval.protocol.protocol import Mapped, Protocol
from segeval.protocol.resolution import Resolution
from segeval.protocol.settings import Probabilities, resolve_eps
from segeval.report.relabeling import sums_fit
from segeval.request import build_request, read_class_weights
from segeval.runs.run import Maps, Run
from segeval.tables.levels import thresholded

LABEL_OPTIONS = ("preset", "classes", "ignore", "mapping", "gt_map", "pred_map", "binary")
LOSS_OPTIONS = ("threshold", "gamma", "alpha", "pos_weight", "eps", "class_weights")
SCORE_AGAIN = "Score the images again with the options that are wanted"


def rescore(run: Run, *, keys: str | None = None, axes: Mapping[str, str | None] | None = None, **options: Any) -> Run:
    """Return `run` under a protocol that differs in what `options` give, ready for a report.

    `options` are those of `segeval.request.build_request` that concern labels, the convention and losses; what is
    absent or `None` stays as it was stored. A preset brings its own classes, maps and convention. `keys` is a glob
    that chooses images by key. Raises `UsageError` for an option that the run cannot have, `NothingToScoreError` where
    no key fits, and `RunFileError` where the run does not keep what another protocol needs: another gamma or eps of
    16-bit and float maps, their losses under other positives, their images one by one, and a merge or removal of
    classes of several maps.
    """
    given = {name: value for name, value in options.items() if value is not None}
    protocol = _relabeled(run.protocol, given, {axis: choice for axis, choice in (axes or {}).items() if choice})
    protocol = replace(protocol, probabilities=_reweighed(protocol, given))
    changed = replace(run, protocol=protocol) if keys is None else _chosen(run, protocol, keys)
    before, after = run.protocol.probabilities, protocol.probabilities
    if run.maps is None or before is None or after is None:
        return changed
    if run.maps.count == 1 and after.threshold != before.threshold:
        changed = _rethresholded(changed, run.maps, before, after)
    if not run.maps.in_rows:
        _check_losses(run.maps, before, after)
    if run.rows:
        _check_classes(changed, run)
    return changed


def _relabeled(stored: Protocol, given: Mapping[str, Any], axes: Mapping[str, str]) -> Protocol:
    asked = build_request(
        **{name: given[name] for name in (*LABEL_OPTIONS, "convention") if name in given}, axes=axes
    ).protocol
    if "preset" in given:
        kept = {name: getattr(stored, name) for name in ("palette", "missing", "keys", "probabilities")}
        return replace(asked, **kept)
    protocol = replace(
        stored,
        convention=asked.convention if "convention" in given else stored.convention.with_axes(**axes),
        binary=stored.binary or asked.binary,
    )
    if "classes" in given:
        protocol = replace(protocol, classes=asked.classes, groups=())
    if "ignore" in given:
        protocol = replace(protocol, ignore=asked.ignore)
    if not stored.closed:
        maps = {name: getattr(asked, name) for name in ("mapping", "gt_map", "pred_map") if name in given}
        return replace(protocol, **maps)
    # A preset's maps are closed: what the options name is added to them, an ignored value as itself.
    themselves = [(value, value) for value in asked.ignore or () if isinstance(value, int)]
    return replace(
        protocol,
        gt_map=_over(themselves, stored.gt_map, asked.mapping, asked.gt_map),
        pred_map=_over(themselves, stored.pred_map, asked.mapping, asked.pred_map),
    )


def _over(*maps: Iterable[tuple[int, int]]) -> Mapped:
    merged: dict[int, int] = {}
    for pairs in maps:
        merged.update(pairs)
    return tuple(sorted(merged.items()))


def _reweighed(protocol: Protocol, given: Mapping[str, Any]) -> Probabilities | None:
    chosen = {name: given[name] for name in LOSS_OPTIONS if name in given}
    stored = protocol.probabilities
    if stored is None:
        if chosen:
            named = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
            raise UsageError("a run of label masks has no losses", (named,), "Score probability maps with --probs")
        return None
    weights = chosen.pop("class_weights", None)
    asked = build_request(probs=True, **chosen).protocol.probabilities
    changes = {name: getattr(asked, name) for name in chosen}
    if weights is not None:
        changes["class_weights"] = read_class_weights(weights, protocol.classes or ())
    return replace(stored, **changes)


def _chosen(run: Run, protocol: Protocol, keys: str) -> Run:
    chosen = run.subset(lambda key: fnmatchcase(key, keys))
    if run.rows and not chosen.rows:
        some = [row.key for row in run.rows[:3]]
        raise NothingToScoreError(
            "no image has such a key", (f"{keys}; keys are {', '.join(some)}, ...",), "Give a glob as in 'frankfurt/*'"
        )
    return replace(chosen, protocol=replace(protocol, keys=keys))


def _rethresholded(run: Run, maps: Maps, before: Probabilities, after: Probabilities) -> Run:
    """Make the labels of one 8-bit map of the foreground again."""
    if not maps.in_rows:
        raise RunFileError(
            "a run of 16-bit or float maps keeps its labels for one threshold only",
            (f"kept with {before.threshold:g}, asked for {after.threshold:g}",),
            SCORE_AGAIN,
        )
    rows = (
        replace(row, counts=thresholded(row.levels[0], after.threshold))
        if row.levels
        else row  # one without prediction
        for row in run.rows
    )
    return replace(run, rows=tuple(rows))


def _check_losses(maps: Maps, before: Probabilities, after: Probabilities) -> None:
    """Refuse another gamma or eps of losses that are sums."""
    kept, asked = ((chosen.gamma, resolve_eps(chosen.eps, maps.kind.levels)) for chosen in (before, after))
    if kept != asked:
        raise RunFileError(
            "a run of 16-bit or float maps keeps its losses for one gamma and one eps only",
            (f"kept with gamma {kept[0]:g}, eps {kept[1]}; asked for gamma {asked[0]:g}, eps {asked[1]}",),
            SCORE_AGAIN,
        )


def _check_classes(run: Run, stored: Run) -> None:
    """Refuse what several maps cannot follow, and labels under which sums of losses are of other pixels."""
    table = run.table()
    found = run.resolve_for(table)
    if run.maps is not None and run.maps.count > 1:
        try:
            before = stored.resolve_for(table)
        except LabelError:  # what the stored protocol left open, this one says
            before = found
        if _meaning(before) != _meaning(found, of=before):
            raise RunFileError(
                "classes of a run of several probability maps cannot be merged, removed or renumbered",
                (f"{len(before.labeling.classes)} classes are kept",),
                SCORE_AGAIN,
            )
    if not sums_fit(run, found):
        raise RunFileError(
            "a run of 16-bit or float maps keeps its losses for one meaning of the ground truth only", (), SCORE_AGAIN
        )


def _meaning(found: Resolution, *, of: Resolution | None = None) -> object:
    """Return the ids of the classes, and the class of each ground-truth value that has one in `of`."""
    reference = of or found
    values = [value for value, index in reference.labeling.gt.indices.items() if index >= 0]
    every = [entry.id for entry in found.protocol.classes or ()]
    return every, [entry.id for entry in found.labeling.classes], [found.labeling.gt.index(value) for value in values]
