"""The options that verbs share, in groups, and how their texts become the keywords of the Python API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from segeval.cli.parameters import ALPHA, BOUND, CLASSES, FILE, PALETTE, PRESET, TARGET, WEIGHTS, added_up
from segeval.protocol.axes import AXES, MISSING_CHOICES
from segeval.protocol.settings import LOSS_REDUCTIONS, USUAL

if TYPE_CHECKING:
    from segeval.findings.policy import Policy
    from segeval.report.extras import Statistics

Function = TypeVar("Function", bound=Callable[..., Any])


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


AXIS_HELP = {
    "absent": "IoU of a class in neither ground truth nor prediction.",
    "pred_only": "IoU of a class that is predicted but not in the ground truth.",
    "pred_void": "Void predicted on valid ground truth.",
    "unknown": "Predicted value outside classes and void.",
    "gt_unknown": "Ground-truth value outside classes and void.",
    "ignored_class": "An ignored value inside the class list.",
    "average": "What the mean runs over.",
}


def stacked(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Join options into one decorator that lists them in the order given."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


label_options = stacked(
    click.option(
        "--preset",
        type=PRESET,
        metavar="NAME|FILE",
        help="Classes, maps and convention of a data set ('segeval presets').",
    ),
    click.option(
        "-c",
        "--classes",
        type=CLASSES,
        metavar="FILE|K",
        help="Names, one a line (or JSON/TOML), or their number. [default: the values found]",
    ),
    click.option(
        "-i",
        "--ignore",
        metavar="VALUES",
        help="Void values or class names, as in 255,0, or none. [default: 255]",
    ),
    click.option("--map", metavar="RAW=VALUE,..", help="Rename values of both folders, all at once."),
    click.option("--gt-map", metavar="RAW=VALUE,..", help="The same for ground truth only."),
    click.option("--pred-map", metavar="RAW=VALUE,..", help="The same for predictions only."),
    click.option("--binary", is_flag=True, help="Two classes: 0 is background, everything else foreground."),
    click.option(
        "--gt-threshold",
        type=int,
        metavar="LEVEL",
        help="Binary ground truth: a stored value above this is foreground; reads JPEG too.",
    ),
    click.option("--pred-threshold", type=int, metavar="LEVEL", help="The same for predictions."),
)
palette_option = click.option(
    "--palette", type=PALETTE, metavar="FILE", help="Colour -> class (JSON, TOML or text), to decode RGB masks."
)
convention_options = stacked(
    click.option("--convention", metavar="NAME", help="Count as this evaluator does; see 'segeval explain'."),
    *(
        click.option(f"--{axis.replace('_', '-')}", axis, type=click.Choice(choices), help=AXIS_HELP[axis])
        for axis, choices in AXES.items()
    ),
    click.option(
        "--mean-over", metavar="CLASSES|foreground", help="Take means over these classes; all pixels still count."
    ),
)
affix_options = stacked(
    click.option("--gt-suffix", metavar="TEXT", help="Score the ground truth with this suffix (_gtFine_labelIds)."),
    click.option("--pred-suffix", metavar="TEXT", help="The same for predictions."),
    click.option("--gt-prefix", metavar="TEXT", help="Score the ground truth whose names begin with this (mask_)."),
    click.option("--pred-prefix", metavar="TEXT", help="The same for predictions."),
)
pairing_options = stacked(
    affix_options,
    click.option(
        "--missing",
        type=click.Choice(MISSING_CHOICES),
        default="error",
        show_default=True,
        help="An image without prediction: an error, left out, or wrong everywhere.",
    ),
)
boundary_option = click.option(
    "--boundary",
    metavar="WIDTHS",
    help="Score along contours too ('segeval help boundaries'), as wide as authors have it, or as in 3,0.02 or 2%.",
)
probs_option = click.option("--probs", is_flag=True, help="PRED holds probability maps: report losses and curves too.")
loss_options = stacked(
    click.option(
        "--threshold",
        type=float,
        default=USUAL.threshold,
        show_default=True,
        help="Label 1 of a binary map is p above this.",
    ),
    click.option(
        "--gamma",
        type=float,
        default=USUAL.gamma,
        show_default=True,
        help="Focal loss: focus on hard pixels.",
    ),
    click.option(
        "--alpha",
        type=ALPHA,
        metavar="VALUE|auto|none|FILE",
        default=f"{USUAL.alpha}",
        show_default=True,
        help="Focal loss: weight of positives, or a file of one a class.",
    ),
    click.option(
        "--pos-weight",
        default=f"{USUAL.pos_weight:g}",
        show_default=True,
        help="BCE: weight of positives; auto is N_neg/N_pos.",
    ),
    click.option(
        "--class-weights",
        type=WEIGHTS,
        metavar="auto|FILE",
        help="Cross-entropy: one weight a class, or inverse frequency.",
    ),
    click.option(
        "--loss-reduction",
        type=click.Choice(LOSS_REDUCTIONS),
        help="What losses are divided by. [default: weights for cross-entropy, pixels for the rest]",
    ),
    click.option("--beta2", type=float, metavar="VALUE", help="F-measures: squared beta. [default: 0.3]"),
    click.option(
        "--eps",
        metavar="half-step|torch|VALUE",
        help="Clamp p to [eps, 1 - eps]. [default: half-step for 8- and 16-bit maps, torch for floats]",
    ),
    click.option("--plot", is_flag=True, help="Plot the curves of the maps and of the losses below the table."),
    click.option("--curves", metavar="FILE", type=FILE, help="Write the curves over all levels (.csv or .json)."),
)
reading_options = stacked(
    click.option(
        "--max-pixels", type=click.IntRange(min=1), default=2**28, show_default="2^28", help="Refuse larger images."
    ),
    click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker threads. [default: the usable processors]"),
)
folder_options = stacked(
    label_options, palette_option, convention_options, pairing_options, probs_option, loss_options, reading_options
)
"""All that says how two folders are read and scored."""
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour table and messages.",
)
only_option = click.option(
    "--only", metavar="METRIC", help="Print the bare value of one metric, as in miou or iou.person."
)
output_options = stacked(
    click.option(
        "-f",
        "--format",
        metavar="FORMAT",
        default="table",
        show_default=True,
        help="Format on stdout: table, json, csv, markdown, latex, junit, github.",
    ),
    click.option(
        "-o",
        "--output",
        multiple=True,
        type=TARGET,
        metavar="[FORMAT:]FILE",
        help="Write the report to a file too; the format follows from the suffix. Repeatable.",
    ),
)
saving_options = stacked(
    click.option(
        "--save", metavar="RUN", type=FILE, help="Keep every image's counts in a run file (.jsonl, or .jsonl.gz)."
    ),
    click.option("--resume", is_flag=True, help="Continue an interrupted --save."),
    click.option("--shard", metavar="I/N", help="Score only the I-th of N parts, split by a hash of the key."),
)
gate_options = stacked(
    click.option(
        "--fail-under",
        multiple=True,
        type=BOUND,
        callback=added_up,
        metavar="NAME=VALUE",
        help="Exit with 1 where a score is below a fraction, as in miou=0.70 or iou.person=0.60. Repeatable.",
    ),
    click.option(
        "--fail-over",
        multiple=True,
        type=BOUND,
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
        help="Accept findings of this kind ('segeval help findings'); none: of no kind. Repeatable.",
    ),
)
voice_options = stacked(
    click.option("-q", "--quiet", is_flag=True, help="Only errors and findings on stderr."),
    click.option(
        "-v", "--verbose", is_flag=True, help="The long signature, the lane of the images, and tracebacks of errors."
    ),
)


def policy_of(options: Mapping[str, Any]) -> Policy:
    """Take what is to become of findings out of a command's options; raises `UsageError`."""
    from segeval.findings.policy import Policy
    from segeval.protocol.allowing import parse_allow

    return Policy(parse_allow(options["allow"]), options["strict"])


ci_option = click.option(
    "--ci",
    metavar="LEVEL",
    type=float,
    help="Confidence intervals at this percentage, as in --ci 95, by bootstrap over the images.",
)
drawing_options = stacked(
    click.option("--resamples", type=int, default=2000, show_default=True, help="Number of bootstrap resamples."),
    click.option("--seed", type=int, default=0, show_default=True, help="Random seed."),
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
        help="Resample groups of images whose names share what this finds, such as frames of one scene: '^[^/]+'.",
    ),
)
statistics_options = stacked(
    ci_option,
    drawing_options,
    click.option(
        "--per-image", metavar="FILE", type=FILE, help="Write every class of every image to a file (.csv or .jsonl)."
    ),
    click.option("--worst", metavar="N", type=click.IntRange(min=1), help="List the N images of lowest mIoU."),
    click.option("--gain", is_flag=True, help="Show how much mIoU each class and each confusion costs."),
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


def asked_statistics(options: Mapping[str, Any]) -> Statistics | None:
    """Return what the options ask for beyond scores, checked before any work; `None` where that is nothing."""
    from segeval.api import statistics_of
    from segeval.request.options import StatisticsOptions, chosen

    asked = chosen(StatisticsOptions, options)
    # Only on the command line itself does a choice of groups say that intervals are wanted.
    if options["ci"] is None and not given(("group_by",), options):
        asked["group_by"] = None
    return statistics_of(asked)


def given(names: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options `names` that the command line itself gives."""
    context = click.get_current_context()
    return {name: options[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
