"""Comparisons of runs as text, one pure renderer a format."""

from __future__ import annotations

from segeval.comparison.runs import ComparisonReport
from segeval.render import known_format


def render_comparison(
    found: ComparisonReport, format_name: str, *, color: bool = False, width: int | None = None, verbose: bool = False
) -> str:
    """Return a comparison in a format of reports, ending in a newline; what is chosen concerns the table only."""
    name = known_format(format_name)
    if name == "table":
        from segeval.render.comparison.table import comparison_table

        return comparison_table(found, color=color, width=width, verbose=verbose)
    if name == "markdown":
        from segeval.render.comparison.markdown import comparison_markdown

        return comparison_markdown(found)
    from segeval.render.comparison import files

    return {
        "json": files.comparison_json,
        "csv": files.comparison_csv,
        "latex": files.comparison_latex,
        "junit": files.comparison_junit,
        "github": files.comparison_github,
    }[name](found)
