"""Some scores and nothing else, for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segeval.errors import UsageError, printable
from segeval.render.report.wording import UNDEFINED
from segeval.report.gates import metric_name, metrics
from segeval.report.report import Report
from segeval.scores.overlap import Value


def check_only(texts: Sequence[str]) -> None:
    """Raise `UsageError` for names of no score, as far as that can be told without a report."""
    for text in texts:
        try:
            metric_name(text)
        except UsageError:
            if "," not in text:
                raise
            for name in text.split(","):
                metric_name(name)


def render_only(report: Report, texts: Sequence[str]) -> str:
    """Return scores at full precision, `-` where one is undefined; raises `UsageError` for an unknown name.

    One score stands bare; several, or one of every class (`iou.*`), are a line NAME=VALUE each. A text is a name, or
    several with commas between them.
    """
    found = [pair for text in texts for pair in _named(report, text)]
    several = len(texts) > 1 or len(found) > 1 or texts[0].endswith(".*")
    return "".join(f"{printable(name)}={_shown(value)}\n" if several else f"{_shown(value)}\n" for name, value in found)


def _named(report: Report, text: str) -> Iterator[tuple[str, Value]]:
    """Yield what a text names: a class may have commas in its name, so the whole text is tried first."""
    if "," in text:
        try:
            yield from metrics(report, text)
        except UsageError:
            for name in text.split(","):
                yield from metrics(report, name)
    else:
        yield from metrics(report, text)


def _shown(value: Value) -> str:
    return UNDEFINED if value is None else repr(value)
