"""The options of what is reported, kept and judged, which verbs share; how two folders are read: `options`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.core import ParameterSource

from segeval.cli.options import Function, stacked
from segeval.cli.parameters import FILE, LINES, ROOT, TARGET, added_up, completed


class Adding(click.Option):
    """An option whose values in configuration, environment (one a line) and command line add up, in this order."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return all values, with the source that stands over the others."""
        _, source = super().consume_value(ctx, opts)
        configured = ctx.lookup_default(self.name or "")
        environment = self.resolve_envvar_value(ctx)
        given = opts.get(self.name or "")
        values = [
            *(configured if isinstance(configured, list | tuple) else ()),
            *(environment.splitlines() if isinstance(environment, str) else ()),
            *(given if isinstance(given, list | tuple) else ()),
        ]
        return tuple(values), source


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour table and messages.",
)
only_option = click.option(
    "--only",
    multiple=True,
    type=LINES,
    metavar="METRIC,..",
    shell_complete=completed("metrics"),
    help="Print the bare value of one metric, as in miou or iou.person; of several, or of iou.*, a line NAME=VALUE "
    "each. Repeatable. [default: the whole report]",
)
format_option = click.option(
    "-f",
    "--format",
    metavar="FORMAT",
    shell_complete=completed("formats"),
    default="table",
    show_default=True,
    help="Format on stdout: table, json, csv, markdown, latex, junit, github.",
)
output_options = stacked(
    format_option,
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=TARGET,
        metavar="[WHAT:]FILE",
        help="Write the report to a file too, in the format of the suffix or as junit:FILE says; .html is a "
        "page with pictures; the confusion "
        "matrix, as confusion:FILE.csv; nnU-Net's summary, as nnunet:FILE.json; a figure, as confusion:, pr:, roc:, "
        "reliability: or losses:FILE.svg, .png or .pdf; all figures, as FOLDER/. Repeatable.",
    ),
)
comparison_output_options = stacked(
    format_option,
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=TARGET,
        metavar="[FORMAT:]FILE",
        help="Write the comparison to a file too; the format follows from the suffix. Repeatable.",
    ),
)
view_options = stacked(
    click.option("--details", is_flag=True, help="Show all that is known, where the table is one screen otherwise."),
    click.option(
        "--confusion", is_flag=True, help="Show the confusion matrix too, in table, markdown and latex; see also -o."
    ),
    click.option(
        "--sort",
        type=click.Choice(["id", "name", "iou", "share"]),
        default="id",
        show_default=True,
        help="Order of the classes: as given, by name, lowest IoU first, or largest share of the ground truth first.",
    ),
    click.option(
        "--digits",
        metavar="N",
        type=click.IntRange(0, 10),
        default=2,
        show_default=True,
        help="Decimals of percentages; losses have three significant digits more.",
    ),
)
saving_options = stacked(
    click.option(
        "--save",
        metavar="RUN",
        type=ROOT,
        help="Keep every image's counts in a run file or URL (.jsonl, .jsonl.gz or .parquet).",
    ),
    click.option("--resume", is_flag=True, help="Continue an interrupted --save."),
    click.option(
        "--journal",
        metavar="FILE",
        type=FILE,
        help="--save URL: keep rows here until then. [default: in the cache]",
    ),
    click.option(
        "--shard", metavar="I/N", help="Score only the I-th of N parts, split by a hash of the key. [default: all]"
    ),
)
gate_options = stacked(
    click.option(
        "--fail-under",
        shell_complete=completed("least"),
        multiple=True,
        type=LINES,
        callback=added_up,
        metavar="NAME=VALUE",
        help="Exit with 1 where a score is below a fraction, as in miou=0.70, iou.person=0.60, or iou.*=0.50 for every "
        "class. Repeatable.",
    ),
    click.option(
        "--fail-over",
        shell_complete=completed("greatest"),
        multiple=True,
        type=LINES,
        callback=added_up,
        metavar="NAME=VALUE",
        help="Exit with 1 where a loss is above a value, as in bce=0.2. Repeatable.",
    ),
)
finding_options = stacked(
    click.option("--strict", is_flag=True, help="Make warnings errors (exit code 2)."),
    click.option(
        "--allow",
        cls=Adding,
        multiple=True,
        metavar="KIND",
        shell_complete=completed("kinds"),
        help="Accept findings of this kind ('segeval help findings'); none: of no kind. Repeatable.",
    ),
)
voice_options = stacked(
    click.option("-q", "--quiet", is_flag=True, help="Only errors and findings on stderr."),
    click.option(
        "-v", "--verbose", is_flag=True, help="The long signature, the lane of the images, and tracebacks of errors."
    ),
)


ci_option = click.option(
    "--ci",
    metavar="LEVEL",
    type=float,
    help="Confidence intervals at this percentage, as in --ci 95, by bootstrap over the images. [default: none]",
)
drawing_options = stacked(
    click.option(
        "--resamples", metavar="N", type=int, default=2000, show_default=True, help="Number of bootstrap resamples."
    ),
    click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Random seed."),
    click.option(
        "--ci-method",
        type=click.Choice(["percentile", "bca"]),
        default="percentile",
        show_default=True,
        help="How the interval is computed from the resamples.",
    ),
    click.option(
        "--group-by",
        metavar="REGEX",
        help="Resample groups of images whose names share what this finds, such as frames of one scene: '^[^/]+'. "
        "[default: each image]",
    ),
)
statistics_options = stacked(
    ci_option,
    drawing_options,
    click.option(
        "--per-image", metavar="FILE", type=ROOT, help="Write every class of every image to a file (.csv or .jsonl)."
    ),
    click.option("--worst", metavar="N", type=click.IntRange(min=1), help="List the N images of lowest mIoU."),
    click.option("--gain", is_flag=True, help="Show how much mIoU each class and each confusion costs."),
)
images_option = click.option(
    "--images", metavar="FOLDER", type=FILE, help="The images themselves, for pictures; named as the ground truth."
)
picture_options = stacked(
    click.option(
        "--overlays",
        metavar="FOLDER",
        type=ROOT,
        help="Write pictures of the worst images (--worst, or 10): ground truth, prediction and errors.",
    ),
    images_option,
    click.option(
        "--label-errors",
        metavar="N",
        type=click.IntRange(min=1),
        help="Show N suspected label errors in the page, or list them (30) with -o label-errors:FILE.csv: where "
        "confident maps disagree most.",
    ),
    click.option(
        "--label-error-p",
        metavar="P",
        type=click.FloatRange(0, 1),
        default=0.95,
        show_default=True,
        help="The p from which a map is confident.",
    ),
)
slice_options = stacked(
    click.option(
        "--by",
        metavar="COLUMNS",
        help="Score parts of the images: city,weather; weather*city crosses two, fog:4 puts a number into 4 ranges, "
        "class-size is by the size of objects.",
    ),
    click.option(
        "--slices", metavar="FILE", type=ROOT, help="Columns for --by: .csv, .jsonl or .parquet with a column 'key'."
    ),
    click.option(
        "--slice-regex",
        metavar="NAME=REGEX",
        multiple=True,
        type=LINES,
        help="A column for --by that REGEX finds in each key, as in city='^[^/]+'. Repeatable.",
    ),
)


def show_options(*formats: str) -> Callable[[Function], Function]:
    """Return the decorator for -f with these formats, the first being the default, and --color."""
    return stacked(
        click.option(
            "-f",
            "--format",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="Format on stdout.",
        ),
        color_option,
    )
