"""`segeval compare`: set saved runs beside a baseline."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from segeval.cli.command import Verb
from segeval.cli.config import config_options
from segeval.cli.console import given, policy_of
from segeval.cli.options import again_options
from segeval.cli.parameters import LINES, ROOT, added_up, completed
from segeval.cli.reporting import (
    color_option,
    comparison_output_options,
    drawing_options,
    finding_options,
    images_option,
    voice_options,
)

if TYPE_CHECKING:
    from segeval.api.comparedpictures import PicturedComparison
    from segeval.runs.run import Run
    from segeval.stores.urls import Place


@click.command(cls=Verb)
@click.argument("base", type=ROOT)
@click.argument("new", type=ROOT, nargs=-1, required=True)
@click.option(
    "--ci",
    metavar="LEVEL",
    type=float,
    default=95.0,
    show_default=True,
    help="Percentage of the intervals of differences.",
)
@drawing_options
@click.option(
    "--worst",
    metavar="N",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="List the N images that lost most; in a page those that gained most too.",
)
@click.option(
    "--fail-regression",
    shell_complete=completed("drops"),
    multiple=True,
    type=LINES,
    callback=added_up,
    metavar="NAME=VALUE",
    help="Exit with 1 where a score drops (a loss rises) by more, as in miou=0.005 or iou.*=0.02. Repeatable.",
)
@images_option
@click.option(
    "--pred",
    metavar="FOLDER",
    type=ROOT,
    multiple=True,
    help="The predictions of a run, for pictures; one for each, BASE first.",
)
@click.option("--gt", metavar="FOLDER", type=ROOT, help="The ground truth of the runs, for pictures.")
@again_options
@click.option("--force", is_flag=True, help="Compare runs of different images, ground truth or protocol, with a note.")
@finding_options
@comparison_output_options
@color_option
@config_options
@voice_options
def compare(base: Place, new: tuple[Place, ...], **options: Any) -> int:
    """Compare saved runs NEW with the run BASE.

    For every score and class: the difference, its interval, and a p-value. Exit code 0: compared; 1: compared, and a
    --fail-regression rule is broken; 2: could not compare.

    \b
    Examples:
      segeval compare base.jsonl new.jsonl
      segeval compare base.jsonl new.jsonl --fail-regression 'iou.*=0.02'
      segeval compare base.jsonl a.jsonl b.jsonl -o comparison.md
      segeval compare a.jsonl b.jsonl --pred a/ --pred b/ --gt gt/ -o report.html
    """
    from segeval.cli.console import page_options, tell_asides, tell_findings, tell_regressions, write_page, write_result
    from segeval.cli.outputs import comparison_text, report_output
    from segeval.comparison.regressions import parse_regression
    from segeval.comparison.runs import compare_runs, run_names
    from segeval.render import known_format
    from segeval.render.comparison import render_comparison
    from segeval.report.extras import drawing
    from segeval.request.options import CompareOptions, chosen
    from segeval.runs.storedruns import load_named
    from segeval.stores.outputs import opened_output

    format_name = known_format(options["format"])
    rules = [parse_regression(text) for text in options["fail_regression"]]
    settings = drawing(chosen(CompareOptions, options))
    policy = policy_of(options)
    with ExitStack() as places:
        targets = [report_output(target) for target in options["output"]]
        files = [(name, places.enter_context(opened_output(path))) for name, path in targets]
        paths = (base, *new)
        named = [(name, load_named(path)) for name, path in zip(run_names(paths), paths, strict=True)]
        pictures = _pictures(options, named)
        found = compare_runs(
            named,
            settings=settings,
            group_by=options["group_by"],
            worst_hit=options["worst"],
            rules=rules,
            force=options["force"],
            policy=policy,
        )
        text = render_comparison(found, format_name, **page_options(options["color"]), verbose=options["verbose"])
        for name, file in files:
            content = comparison_text(found, name, pictures, verbose=options["verbose"])
            file.commit(content.encode("utf-8", "backslashreplace"))
    if not (sys.stdout.isatty() and format_name == "table"):
        tell_asides(f"forced: {told}" for told in found.forced)
        tell_findings(found.warnings)
    tell_regressions(verdict for verdict in found.regressions if not (options["quiet"] and verdict.passed))
    (write_page if format_name == "table" else write_result)(text)
    return 0 if all(verdict.passed for verdict in found.regressions) else 1


def _pictures(options: dict[str, Any], named: list[tuple[str, Run]]) -> PicturedComparison | None:
    """Return what the page of a comparison is made of besides its numbers; `None` for no pictures."""
    from segeval.request.options import AGAIN

    again = given(AGAIN, options)
    if not again and not any(options[name] for name in ("pred", "gt", "images")):
        return None
    from segeval.cli.picturing import compared_sides

    sides = compared_sides(options, named, again)
    if not sides:
        return None
    from segeval.api.comparedpictures import PicturedComparison

    return PicturedComparison(sides, options["images"])
