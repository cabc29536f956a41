"""The options that say how two folders are read and scored; those of what is reported stand in `reporting`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from segeval.cli.parameters import (
    ALPHA,
    CLASSES,
    FILE_TO_READ,
    FOLDER_TO_READ,
    KEYS,
    PALETTE,
    PRESET,
    ROOT,
    WEIGHTS,
    completed,
)
from segeval.protocol.axes import AXES, MISSING_CHOICES
from segeval.protocol.settings import LOSS_REDUCTIONS, USUAL
from segeval.protocol.storage import CLASS_AXES, MOST_TOLERANCE, RESIZING

Function = TypeVar("Function", bound=Callable[..., Any])

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
        "--dataset",
        type=FILE_TO_READ,
        metavar="FILE",
        help="nnU-Net's dataset.json, for --preset nnunet. [default: none]",
    ),
    click.option(
        "-c",
        "--classes",
        type=CLASSES,
        metavar="FILE|K|NAME,..",
        help="A file of names, one a line (or JSON/TOML), their number, or the names. [default: the values found]",
    ),
    click.option(
        "-i",
        "--ignore",
        metavar="VALUES",
        shell_complete=completed("ignored"),
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
    "--palette",
    type=PALETTE,
    metavar="FILE",
    help="Colour -> class (JSON, TOML or text), to decode RGB masks. [default: the colours of --preset or --classes]",
)
segments_options = stacked(
    click.option(
        "--gt-segments",
        type=FILE_TO_READ,
        metavar="FILE",
        help="COCO panoptic JSON: the category of each segment of the masks, by rgb-id. [default: none]",
    ),
    click.option(
        "--pred-segments", type=FILE_TO_READ, metavar="FILE", help="The same for predictions. [default: none]"
    ),
)
storage_options = stacked(
    click.option(
        "--gt-channel",
        metavar="R|G|B|A|0..|rgb-id",
        help="Read this channel of colour masks; rgb-id is R + 256 G + 65536 B. [default: all]",
    ),
    click.option("--pred-channel", metavar="R|G|B|A|0..|rgb-id", help="The same for predictions. [default: all]"),
    segments_options,
    click.option(
        "--class-axis",
        type=click.Choice(CLASS_AXES),
        help="Arrays have classes along this axis: masks are one-hot, maps one a class. [default: maps first]",
    ),
    click.option(
        "--cast-labels",
        is_flag=True,
        default=None,
        help="Read labels stored as floats, which must be whole numbers.",
    ),
    click.option(
        "--multilabel",
        is_flag=True,
        default=None,
        help="Score each class by itself: one mask a class, in folders named so, or pixels of several classes.",
    ),
    click.option(
        "--bits",
        metavar="NAME=BIT,..",
        help="The bit of each class in stored values, or NAME=OFFSET:WIDTH=VALUE. [default: none]",
    ),
    click.option(
        "--stack", is_flag=True, default=None, help="Read TIFF files of several images as volumes, each image a slice."
    ),
    click.option("--per-slice", is_flag=True, default=None, help="Each slice of a volume is an image of its own."),
    click.option(
        "--resize-pred",
        type=click.Choice(RESIZING),
        help="Resize predictions of another size to their ground truth, as Pillow does. [default: an error]",
    ),
    click.option(
        "--palette-tolerance",
        metavar="N",
        type=click.IntRange(0, MOST_TOLERANCE),
        help="Take the nearest colour of the palette within N levels a channel. [default: 0]",
    ),
)
convention_options = stacked(
    click.option(
        "--convention",
        metavar="NAME",
        shell_complete=completed("conventions"),
        help="Count as this evaluator does ('segeval explain' shows all). The options below change one rule each, "
        "with the defaults of segeval. [default: the preset's, or segeval]",
    ),
    *(
        click.option(
            f"--{axis.replace('_', '-')}",
            axis,
            type=click.Choice(choices),
            help=f"{AXIS_HELP[axis]} [default: {choices[0]}]",
        )
        for axis, choices in AXES.items()
    ),
    click.option(
        "--mean-over",
        metavar="CLASSES|foreground",
        shell_complete=completed("mean over"),
        help="Take means over these classes; all pixels still count. [default: all classes]",
    ),
)
affix_options = stacked(
    click.option(
        "--gt-suffix",
        metavar="TEXT",
        help="Score the ground truth with this suffix (_gtFine_labelIds). [default: the preset's, or any]",
    ),
    click.option("--pred-suffix", metavar="TEXT", help="The same for predictions. [default: the preset's, or any]"),
    click.option(
        "--gt-prefix", metavar="TEXT", help="Score the ground truth whose names begin with this (mask_). [default: any]"
    ),
    click.option("--pred-prefix", metavar="TEXT", help="The same for predictions. [default: any]"),
    click.option(
        "--key-regex",
        metavar="REGEX",
        help="Pair names in which this finds the same text, its group 'key' or all: '^[0-9]+'. "
        "[default: the preset's, or whole names]",
    ),
    click.option(
        "--name-map",
        type=FILE_TO_READ,
        metavar="FILE",
        help="A CSV file of ground-truth name, prediction name. [default: none]",
    ),
)
roi_option = click.option(
    "--roi",
    type=FOLDER_TO_READ,
    metavar="FOLDER",
    help="Regions of interest, paired by key: what is 0 there is void. [default: none]",
)
keys_option = click.option(
    "--keys",
    type=KEYS,
    metavar="FILE|GLOB",
    help="Score only the images of a list (val.txt) or those whose key fits ('night/*'). [default: all]",
)
pairing_options = stacked(
    affix_options,
    keys_option,
    roi_option,
    click.option(
        "--missing",
        type=click.Choice(MISSING_CHOICES),
        default="error",
        show_default=True,
        help="An image without prediction: an error, left out, or wrong everywhere.",
    ),
)
probs_option = stacked(
    click.option("--probs", is_flag=True, help="PRED holds probability maps: report losses and curves too."),
    click.option(
        "--logits", is_flag=True, default=None, help="Maps hold logits: softmax over an image's maps, sigmoid of one."
    ),
)
loss_options = stacked(
    click.option(
        "--threshold",
        metavar="P",
        type=float,
        default=USUAL.threshold,
        show_default=True,
        help="Label 1 of a binary map is p above this.",
    ),
    click.option(
        "--gamma",
        metavar="VALUE",
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
        metavar="VALUE|auto",
        default=f"{USUAL.pos_weight:g}",
        show_default=True,
        help="BCE: weight of positives; auto is N_neg/N_pos.",
    ),
    click.option(
        "--class-weights",
        type=WEIGHTS,
        metavar="auto|FILE",
        help="Cross-entropy: one weight a class, or inverse frequency. [default: all 1]",
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
    click.option("--curves", metavar="FILE", type=ROOT, help="Write the curves over all levels (.csv or .json)."),
)
max_pixels_option = click.option(
    "--max-pixels",
    metavar="N",
    type=click.IntRange(min=1),
    default=2**28,
    show_default="2^28",
    help="Refuse larger images.",
)
reading_options = stacked(
    max_pixels_option,
    click.option(
        "-j", "--jobs", metavar="N", type=click.IntRange(min=1), help="Worker threads. [default: the usable processors]"
    ),
    click.option(
        "--read-timeout",
        metavar="SECONDS",
        type=click.FloatRange(min=0.1),
        help="URLs: ask again after so long without an answer. [default: 30]",
    ),
)
again_options = stacked(affix_options, palette_option, segments_options, roi_option, max_pixels_option)
"""What says how the folders of a run are found and decoded that it does not keep itself."""
engine_option = click.option(
    "--engine",
    metavar="dask|dask://HOST:PORT",
    help="Measure with a Dask cluster: -j processes of this machine, or that of a scheduler. [default: threads]",
)
folder_options = stacked(
    label_options,
    palette_option,
    storage_options,
    convention_options,
    pairing_options,
    probs_option,
    loss_options,
    reading_options,
)
"""All that says how two folders are read and scored."""
