"""Scores of slices by name: `miou@weather=night`, `iou.person@weather=night`, and `worst(miou@weather)`."""

from __future__ import annotations

import re

from segeval.errors import UsageError, did_you_mean
from segeval.records import dataclass
from segeval.report.report import Report
from segeval.report.slicescores import SliceScores
from segeval.scores.overlap import Value
from segeval.scores.registry import score_of

_OF_SLICE = re.compile(r"(?P<metric>[^@]+)@(?P<column>[^=]+)=(?P<slice>.+)")
_WORST = re.compile(r"worst\(\s*(?P<metric>[^@]+)@(?P<column>.+?)\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SliceMetric:
    """Name a metric of one slice of a column, or of the worst of them where `slice` is `None`."""

    metric: str
    column: str
    slice: str | None

    def __str__(self) -> str:
        of_column = f"{self.metric}@{self.column}"
        return f"worst({of_column})" if self.slice is None else f"{of_column}={self.slice}"


def slice_metric(text: str) -> SliceMetric | None:
    """Read the name of a metric of slices; `None` for any other name."""
    found = _WORST.fullmatch(text.strip()) or _OF_SLICE.fullmatch(text.strip())
    if found is None:
        return None
    parts = found.groupdict()
    return SliceMetric(parts["metric"].strip(), parts["column"].strip(), parts.get("slice"))


def slice_value(report: Report, named: SliceMetric, position: int | None) -> Value:
    """Return the metric of a slice; of the worst one, slices in which it is undefined are passed over.

    `position` is that of the class whose IoU is meant, `None` for a score of the data set. Raises `UsageError` where
    the report has no such slice, or slices have no such score.
    """
    slices = report.details.slices
    table = None if slices is None else slices.table(named.column)
    if table is None:
        columns = [] if slices is None else [one.column for one in slices.tables]
        raise UsageError(
            "a metric is of slices that the report does not have",
            (str(named),),
            f"Add --by {named.column}"
            if not columns
            else f"Slices are by {', '.join(columns)}; add --by {named.column}",
        )
    values = {one.name: _value(one, named, position) for one in table.slices}
    if named.slice is not None:
        if named.slice not in values:
            fix = f"{did_you_mean(named.slice, values)}Slices of {named.column} are {', '.join(values)}"
            raise UsageError("there is no slice of this name", (str(named),), fix)
        return values[named.slice]
    known = [value for value in values.values() if value is not None]
    worst = max if score_of(named.metric).lower_is_better else min
    return worst(known, default=None)


def _value(one: SliceScores, named: SliceMetric, position: int | None) -> Value:
    if position is not None:
        if score_of(named.metric).name != "iou":
            raise UsageError(
                "of classes, slices have IoU alone", (str(named),), "Name it as in iou.person@weather=night"
            )
        return one.iou[position]
    if named.metric not in one.scores:
        raise UsageError("slices have no such score", (str(named),), f"They have {', '.join(one.scores)}")
    return one.scores[named.metric]
