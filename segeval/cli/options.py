"""The options that verbs share, in groups, and how their texts become the keywords of the Python API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from segeval.protocol.axes import AXES, MISSING

if TYPE_CHECKING:
    from pathlib import Path

Function = TypeVar("Function", bound=Callable[..., Any])


class PathType(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    """Make a path of a word; what is wrong with it is told where it is opened, in this program's words."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return `value` as a path."""
        from pathlib import Path  # the help does without: this module is a tenth of its time

        return Path(value)


FILE = FOLDER = PathType()
AXIS_HELP = {
    "absent": "IoU of a class in neither ground truth nor prediction.",
    "pred_only": "IoU of a class that is predicted but not in the ground truth.",
    "pred_void": "Void predicted on valid ground truth.",
    "unknown": "Predicted value outside classes and void.",
    "gt_unknown": "Such a value in the ground truth.",
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
        "--preset", metavar="NAME|FILE", help="Classes, maps and convention of a data set ('segeval presets')."
    ),
    click.option(
        "-c",
        "--classes",
        metavar="FILE|K",
        help="Names, one a line (or JSON/TOML), or their number. [default: the values met]",
    ),
    click.option(
        "-i",
        "--ignore",
        metavar="VALUES",
        help="Void values or class names, as in 255,0, or none. [default: 255]",
    ),
    click.option("--map", "mapping", metavar="RAW=VALUE,..", help="Rename values of both folders, all at once."),
    click.option("--gt-map", metavar="RAW=VALUE,..", help="The same for ground truth only."),
    click.option("--pred-map", metavar="RAW=VALUE,..", help="The same for predictions only."),
    click.option("--binary", is_flag=True, help="Two classes: 0 is background, everything else foreground."),
    click.option("--palette", metavar="FILE", help="Colour -> class (JSON, TOML or text), to decode RGB masks."),
)
convention_options = stacked(
    click.option("--convention", metavar="NAME", help="Count as this evaluator does; see 'segeval explain'."),
    *(
        click.option(f"--{axis.replace('_', '-')}", axis, type=click.Choice(choices), help=AXIS_HELP[axis])
        for axis, choices in AXES.items()
    ),
)
pairing_options = stacked(
    click.option("--gt-suffix", metavar="TEXT", help="Score the ground truth with this suffix (_gtFine_labelIds)."),
    click.option("--pred-suffix", metavar="TEXT", help="The same for predictions."),
    click.option(
        "--missing",
        type=click.Choice(MISSING),
        default="error",
        show_default=True,
        help="An image without prediction: an error, left out, or wrong everywhere.",
    ),
)


loss_options = stacked(
    click.option("--probs", is_flag=True, help="PRED holds probability maps: report losses and curves too."),
    click.option(
        "--threshold", type=float, default=0.5, show_default=True, help="Label 1 of a binary map is p above this."
    ),
    click.option("--gamma", type=float, default=2.0, show_default=True, help="Focal loss: how much hard pixels weigh."),
    click.option("--alpha", default="0.25", show_default=True, help="Focal loss: weight of positives; auto or none."),
    click.option("--pos-weight", default="1", show_default=True, help="BCE: weight of positives; auto is N_neg/N_pos."),
    click.option(
        "--class-weights", metavar="auto|FILE", help="Cross-entropy: one weight a class, or inverse frequency."
    ),
    click.option(
        "--eps",
        metavar="half-step|torch|VALUE",
        help="What a logarithm of 0 costs. [default: half-step for 8- and 16-bit maps, torch for floats]",
    ),
    click.option("--plot", is_flag=True, help="Draw the curves of the maps and of the losses below the table."),
    click.option("--curves", metavar="FILE", type=FILE, help="Write the curves over all levels (.csv or .json)."),
)
reading_options = stacked(
    click.option("--max-pixels", type=click.IntRange(min=1), default=2**28, show_default="2^28", help="Refuse more."),
    click.option("-j", "--jobs", type=click.IntRange(min=1), help="Worker threads. [default: the usable processors]"),
)
folder_options = stacked(label_options, convention_options, pairing_options, loss_options, reading_options)
"""All that says how two folders are read and scored."""
output_options = stacked(
    click.option(
        "-f",
        "--format",
        "format_name",
        metavar="FORMAT",
        default="table",
        show_default=True,
        help="What stdout gets: table, json, csv, markdown, latex, junit, github.",
    ),
    click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="[FORMAT:]FILE",
        help="Write the report to a file too; the format follows from the suffix. Repeatable.",
    ),
    click.option("--only", metavar="METRIC", help="Print the bare value of one metric, as in miou or iou.person."),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour table and messages.",
    ),
)
saving_options = stacked(
    click.option(
        "--save", metavar="RUN", type=FILE, help="Keep every image's counts in a run file (.jsonl, or .jsonl.gz)."
    ),
    click.option("--resume", is_flag=True, help="Go on where an interrupted --save stopped."),
    click.option("--shard", metavar="I/N", help="Score only the I-th of N parts, told apart by a hash of the key."),
)
gate_options = stacked(
    click.option(
        "--fail-under",
        "floors",
        multiple=True,
        metavar="NAME=VALUE",
        help="Exit with 1 where a score is below a fraction, as in miou=0.70 or iou.person=0.60. Repeatable.",
    ),
    click.option(
        "--fail-over",
        "ceilings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Exit with 1 where a loss is above a value, as in bce=0.2. Repeatable.",
    ),
)
voice_options = stacked(
    click.option("-q", "--quiet", is_flag=True, help="Only errors on stderr."),
    click.option(
        "-v", "--verbose", is_flag=True, help="The long signature, the lane of the images, and tracebacks of errors."
    ),
)


def request_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take the keywords of `segeval.request.build_request` out of a command's options."""
    names = (
        *("preset", "classes", "ignore", "mapping", "gt_map", "pred_map", "binary", "palette"),
        *("convention", "missing", "gt_suffix", "pred_suffix", "max_pixels"),
        *("probs", "threshold", "gamma", "alpha", "pos_weight", "class_weights", "eps"),
    )
    taken = {name: options.pop(name) for name in names}
    return taken | {"axes": {axis: options.pop(axis) for axis in AXES}}
