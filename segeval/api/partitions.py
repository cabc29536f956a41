"""A data set measured part by part, by whoever spreads the parts: Spark, Ray, a queue, a loop."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from segeval.errors import UsageError, raise_all
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.roots import root_of
from segeval.measuring.measure import measure as measure_folders
from segeval.measuring.measure import measure_masks, paired
from segeval.measuring.measurement import reading_of, usable_pairs
from segeval.protocol.protocol import Protocol
from segeval.request import build_request
from segeval.request.options import FolderOptions, spelled
from segeval.runs.run import Run, sort_key, traits_of_all


@spelled(FolderOptions)
def list_pairs(pred: str | Path, gt: str | Path, **options: Unpack[FolderOptions]) -> tuple[Pair, ...]:
    """List the pairs of two folders without reading an image: what `measure_pairs` takes, in parts.

    Parameters
    ----------
    pred
        Folder of predicted masks, or of probability maps with `probs=True`.
    gt
        Folder of ground-truth masks.

    Returns
    -------
    tuple of Pair
        `key`, `gt` and `pred` (a tuple) of each image, in the order of keys; files are relative to their folder.

    Raises
    ------
    SegevalError
        Where a folder does not exist, or files do not pair.

    Examples
    --------
    >>> pairs = segeval.list_pairs("sample_masks/pred", "sample_masks/gt")
    >>> len(pairs), pairs[0].key
    (7, '0001')
    """
    request = build_request(**options)
    pairs, problems = usable_pairs(paired(root_of(pred), root_of(gt), request), request.protocol.missing)
    raise_all(problems)
    return tuple(pairs)


@spelled(FolderOptions)
def measure_pairs(
    pairs: Iterable[Pair], pred: str | Path, gt: str | Path, *, jobs: int = 1, **options: Unpack[FolderOptions]
) -> Run:
    """Count some of the pairs of two folders: the function to run on each partition of a distributed data set.

    The runs of all partitions unite with `combine`, whatever their number and order, to the run that `measure` gives.

    Parameters
    ----------
    pairs
        Some of those that `list_pairs` gives; they and runs can be pickled.
    pred
        Folder of predictions, as the machine sees it that measures.
    gt
        Folder of ground truth.
    jobs
        Worker threads; 1 by default, since engines start one task a processor.

    Returns
    -------
    Run
        The rows of these pairs.

    Raises
    ------
    SegevalError
        As `measure`; also for probability maps where every partition could take its ground truth for something else.

    Examples
    --------
    >>> pairs = segeval.list_pairs("sample_masks/pred", "sample_masks/gt")
    >>> parts = [segeval.measure_pairs(part, "sample_masks/pred", "sample_masks/gt") for part in (pairs[:3], pairs[3:])]
    >>> segeval.combine(*parts) == segeval.measure("sample_masks/pred", "sample_masks/gt")
    True
    """
    request = build_request(**options)
    _require_definite(request.protocol)
    chosen = tuple(sorted(pairs, key=lambda pair: sort_key(pair.key)))
    if any((pair.plane is not None) != request.protocol.storage.per_slice for pair in chosen):
        raise UsageError("pairs were listed with another choice of per_slice", (), "Give list_pairs the same options")
    if not chosen:
        return Run(request.protocol, ())
    files = len({pair.gt for pair in chosen})  # that of several slices is one
    lacking = tuple(dict.fromkeys(pair.gt for pair in chosen if not pair.pred))
    pairing = Pairing(root_of(gt), root_of(pred), chosen, lacking, gt_files=files, pred_files=files)
    if len(lacking) == files and request.protocol.missing == "miss":  # no error here, as it is in two folders
        reading = reading_of(pairing, request, digest_predictions=False)
        found = [measure_masks(pair, reading) for pair in chosen]
        return Run(request.protocol, tuple(one.row for one in found), traits=traits_of_all(one.traits for one in found))
    measured = measure_folders(root_of(pred), root_of(gt), request, jobs=jobs, pairing=pairing)
    raise_all(measured.problems)
    return measured.run


def _require_definite(protocol: Protocol) -> None:
    """Raise `UsageError` where the meaning of ground truth beside maps is taken from its first images."""
    if protocol.probabilities is None or protocol.binary or protocol.classes or protocol.ignore is not None:
        return
    raise UsageError(
        "the ground truth of probability maps is measured in parts, and nothing says what its values mean",
        (),
        "Say binary=True (0 is background, everything else foreground), or name the classes",
    )
