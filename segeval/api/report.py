"""The report as notebooks, data frames and experiment trackers take it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from segeval.errors import UsageError
from segeval.findings.policy import Policy, judged_report
from segeval.report import report as numbers
from segeval.report.gates import Gate, parse_gates, with_verdicts
from segeval.request.options import GateOptions, RescoreOptions, ScoreOptions

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

NO_TAG = re.compile(r"[^\w.-]")
"""Characters that a tracker refuses, or takes for a section, in the name of what is logged."""


class Report(numbers.Report):
    """Hold every score of a run.

    `scores` are fractions in [0, 1] or losses by their JSON name; an undefined one is `None`, one that does not apply
    is absent. `classes` has the scores and counts of each class, `confusion.matrix` the (K, K) matrix of pixels,
    `signature` says how the numbers were obtained, `warnings` what looks wrong, `gates` which bounds hold, and
    `details` what else was asked for. `to_dict` is the JSON. A notebook shows it as a table.

    Examples
    --------
    >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
    >>> report
    <segeval.Report: mIoU 74.25 %, 9 of 10 classes in the mean, 7 images>
    >>> report.classes[0].name, round(report.classes[0].iou, 4)
    ('road', 0.943)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        from segeval.render.report.wording import report_line

        return f"<segeval.Report: {report_line(self)}>"

    def _repr_html_(self) -> str:
        from segeval.render.report.html import render_html

        return render_html(self)

    def log_dict(self, prefix: str = "") -> dict[str, float]:
        """Return every defined score as flat floats, as experiment trackers take them.

        Scores of the data set bear their name, those of a class the name behind a dot, as in gates: "iou.road". In
        names of classes, all but letters, digits, "_", "." and "-" becomes "_"; where two classes
        then have one name, every class has its id behind its name.

        Parameters
        ----------
        prefix
            What every name begins with, as "val/".

        Returns
        -------
        dict
            Names and floats. What is undefined is left out.

        Notes
        -----
        `wandb.log(report.log_dict("val/"))`, `mlflow.log_metrics(report.log_dict("val/"))`, and with TensorBoard
        `for name, value in report.log_dict("val/").items(): writer.add_scalar(name, value, step)`.

        Examples
        --------
        >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
        >>> logged = report.log_dict("val/")
        >>> round(logged["val/miou"], 4), round(logged["val/iou.person"], 4)
        (0.7425, 0.6879)
        """
        return {f"{prefix}{name}": float(value) for name, value in self._named_scores() if value is not None}

    def _named_scores(self) -> Iterator[tuple[str, float | None]]:
        yield from self.scores.items()
        tags = [NO_TAG.sub("_", entry.name) for entry in self.classes]
        if len(set(tags)) < len(tags):
            tags = [f"{tag}_{entry.id}" for tag, entry in zip(tags, self.classes, strict=True)]
        for entry, tag in zip(self.classes, tags, strict=True):
            yield from ((f"{name}.{tag}", value) for name, value in entry.scores().items())

    def figure(self, name: str = "confusion") -> Figure:
        """Draw a figure of the report, as `-o NAME:FILE.svg` writes it.

        Parameters
        ----------
        name
            "confusion", or of probability maps "pr", "roc", "reliability" or "losses".

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; `savefig` writes it.

        Raises
        ------
        UsageError
            Where matplotlib is not installed, and for a figure that the report does not have.

        Examples
        --------
        >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
        >>> report.figure("confusion").axes[0].get_xlabel()
        'predicted'
        """
        from segeval.pictures.figures import draw

        return draw(self, name)

    def to_dataframe(self, of: Literal["classes", "images"] = "classes") -> pandas.DataFrame:
        """Return a data frame of pandas with a row a class, or a row an image and class.

        Parameters
        ----------
        of
            "classes", or "images" of a report that `per_image=True` was given for.

        Returns
        -------
        pandas.DataFrame
            Columns are those of CSV; scores are fractions or losses, NaN where undefined, counts are pixels.

        Raises
        ------
        UsageError
            Where pandas is not installed, or the report has no scores of images.

        Examples
        --------
        >>> report = segeval.score("sample_masks/pred", "sample_masks/gt", classes="sample_masks/classes.txt")
        >>> report.to_dataframe().set_index("name")["iou"].idxmin()
        'bicycle'
        """
        try:
            import pandas
        except ImportError:
            raise UsageError(
                "a data frame needs pandas, which is not installed",
                (),
                "Install it: pip install 'segeval-masks[dataframe]'",
            ) from None
        records = self._records(of)
        frame = pandas.DataFrame.from_records(records)
        # A column in which nothing is defined is one of numbers too.
        return frame.astype({name: "float64" for name in frame if any(record[name] is None for record in records)})

    def _records(self, of: str) -> list[dict[str, Any]]:
        if of == "classes":
            return [entry.to_dict() for entry in self.classes]
        if of != "images":
            raise UsageError("there is no data frame of this name", (str(of),), 'Choose "classes" or "images"')
        if self.details.images is None:
            raise UsageError("the report has no scores of images", (), "Score with per_image=True")
        told = [(entry.id, entry.name) for entry in self.classes]
        return [record for image in self.details.images for record in image.records(told)]


def gates_of(options: GateOptions | ScoreOptions | RescoreOptions) -> tuple[Gate, ...]:
    """Return the gates that options ask for; raises `UsageError`."""
    return parse_gates(options.get("fail_under"), options.get("fail_over"))


def public(report: numbers.Report, policy: Policy, gates: tuple[Gate, ...] = ()) -> Report:
    """Judge what looks wrong and the gates, and return the report as users get it."""
    return dressed(with_verdicts(judged_report(report, policy), gates))


def dressed(report: numbers.Report) -> Report:
    """Return a report as users get it."""
    return Report(**{field.name: getattr(report, field.name) for field in fields(report)})
