"""What measuring two folders would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from segeval.errors import UsageError
from segeval.folders.roots import root_of
from segeval.measuring.inspecting import SAMPLE
from segeval.measuring.measure import Progress
from segeval.measuring.planning import plan as planned
from segeval.report.plan import Plan
from segeval.request import build_request
from segeval.request.options import FolderOptions, spelled

if TYPE_CHECKING:
    from segeval.measuring.engines import AnyEngine


@spelled(FolderOptions)
def plan(
    pred: str | Path,
    gt: str | Path,
    *,
    sample: int = SAMPLE,
    price: float | None = None,
    jobs: int | None = None,
    engine: AnyEngine | None = None,
    progress: Progress | None = None,
    **options: Unpack[FolderOptions],
) -> Plan:
    """Estimate time, cost and memory of measuring two folders, from a sample that is measured in the same way.

    Parameters
    ----------
    pred
        Folder of predictions.
    gt
        Folder of ground truth.
    sample
        Pairs that are measured at most, chosen by a hash of their keys.
    price
        Price of an hour of all that measures together, in any currency.
    jobs
        Worker threads; by default one for each usable processor.
    engine
        As of `measure`.
    progress
        A function that is called with (pairs done, pairs in all) after each pair.

    Returns
    -------
    Plan
        What was measured, in seconds and bytes; `seconds`, `memory` and `cost(pairs)` are extrapolated from it.

    Raises
    ------
    SegevalError
        As `measure`.

    Examples
    --------
    >>> found = segeval.plan("sample_masks/pred", "sample_masks/gt", price=3.0)
    >>> found.pairs, found.sample, found.cost(1_000_000) == 3.0 * 1_000_000 * found.per_pair / 3600
    (7, 7, True)
    """
    if sample < 1 or (price is not None and not 0 <= price < float("inf")):
        raise UsageError("a plan needs a sample of at least 1 and a price of at least 0", (), "Correct the value")
    request = build_request(**options)
    asked: dict[str, Any] = {"sample": sample, "price": price, "jobs": jobs, "engine": engine, "progress": progress}
    return planned(root_of(pred), root_of(gt), request, **asked)
