"""The keywords of every public function, each with its type and its meaning: the one table that they come from.

A keyword bears the name of its option on the command line, and `None` is what an option is that was not given. Here
annotations are values, not text, so that signatures and help can be made from them.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any, TypedDict, TypeVar, cast, get_args

from segeval.errors import UsageError
from segeval.protocol.labeling import SegmentationClass

ClassList = int | str | Path | Sequence[str | SegmentationClass]
ValueList = int | str | Sequence[int | str]
ValueMapping = str | Mapping[int, int]
Weights = str | Path | Sequence[float]
Rules = str | Sequence[str] | Mapping[str, float]


class LabelOptions(TypedDict, total=False):
    """Say what raw values mean."""

    preset: Annotated[str | Path | None, "Classes, maps and convention of a data set: a name, or a TOML file."]
    dataset: Annotated[str | Path | None, "With the preset nnunet: the data set's dataset.json."]
    classes: Annotated[
        ClassList | None, 'A file of names, their number, or the names, as "road,car"; by default the values met.'
    ]
    ignore: Annotated[ValueList | None, 'Void values or class names, as 255, "255,road" or "none"; by default 255.']
    map: Annotated[ValueMapping | None, 'Rename values of both folders, all at once: {27: 255} or "27=255,3=2".']
    gt_map: Annotated[ValueMapping | None, "The same for ground truth only."]
    pred_map: Annotated[ValueMapping | None, "The same for predictions only."]
    binary: Annotated[bool | None, "Two classes: 0 is background, everything else foreground."]
    gt_threshold: Annotated[int | None, "Binary ground truth: a stored value above this is foreground; reads JPEG too."]
    pred_threshold: Annotated[int | None, "The same for predictions."]


class ConventionOptions(TypedDict, total=False):
    """Say how outcomes are counted; see `segeval.protocol.conventions.Convention`."""

    convention: Annotated[str | None, "Count as this evaluator does; `explain` shows all of them."]
    absent: Annotated[
        str | None, "IoU of a class in neither ground truth nor prediction: skip, zero, one, undefined, skip-image."
    ]
    pred_only: Annotated[str | None, "IoU of a class that is predicted but not in the ground truth: zero, skip."]
    pred_void: Annotated[str | None, "Void predicted on valid ground truth: miss, drop, error."]
    unknown: Annotated[str | None, "Predicted value outside classes and void: error, miss, drop."]
    gt_unknown: Annotated[str | None, "Such a value in the ground truth: error, drop, drop-fp."]
    ignored_class: Annotated[str | None, "An ignored value inside the class list: leave-out, keep, miss."]
    average: Annotated[
        str | None,
        "What the mean runs over: dataset, image, class-image, image-class, micro, image-micro, weighted.",
    ]
    mean_over: Annotated[ValueList | None, 'Classes of means, by name or id, or "foreground"; all pixels still count.']


class LossOptions(TypedDict, total=False):
    """Say how the losses of probability maps are computed."""

    threshold: Annotated[float | None, "Label 1 of a binary map is p above this; by default 0.5."]
    gamma: Annotated[float | None, "Focal loss: how much hard pixels weigh; by default 2."]
    alpha: Annotated[
        Weights | float | None,
        'Focal loss: weight of positives in [0, 1], one a class or their file, "auto", "none"; by default 0.25.',
    ]
    pos_weight: Annotated[float | str | None, 'BCE: weight of positives, "auto" is N_neg/N_pos; by default 1.']
    class_weights: Annotated[Weights | None, 'Cross-entropy: one weight a class, their file, or "auto".']
    loss_reduction: Annotated[str | None, "What losses are divided by: pixels, images, all-pixels, weights."]
    beta2: Annotated[float | None, "F-measures: squared beta, the weight of recall; by default 0.3."]
    eps: Annotated[float | str | None, 'What a logarithm of 0 costs: "half-step", "torch", or a value in (0, 0.5).']


class AllowOptions(TypedDict, total=False):
    """Say which findings are accepted."""

    allow: Annotated[str | Sequence[str] | None, "Accept findings of these kinds; 'segeval help findings' lists them."]


class ContourOptions(TypedDict, total=False):
    """Say what is counted along contours."""

    boundary: Annotated[
        int | float | str | Sequence[int | float | str] | None,
        'Count along contours, as wide as "authors" have it, pixels (3) or a share of the diagonal (0.02, "2%").',
    ]
    distances: Annotated[str | None, "Measure distances between surfaces by this definition; needs SciPy."]
    tolerance: Annotated[float | None, "Distance up to which surfaces agree, in the unit of the spacing; by default 1."]
    spacing: Annotated[
        float | str | Sequence[float] | None,
        'Height and width of a pixel ("0.5,0.7"), slices first ("3,0.5,0.7"); by default the file\'s, else 1.',
    ]
    lesions: Annotated[str | None, 'Score lesion by lesion: "detection", or "brats2023-gli" and the like; needs SciPy.']
    connectivity: Annotated[int | None, "Neighbours that touch in lesions: 4, 8, 6, 18, 26; by default all."]
    lesion_overlap: Annotated[str | None, 'Overlap from which lesions match, "iou=0.5" or "dice=0.3".']


class FindingOptions(AllowOptions, total=False):
    """Say what becomes of findings."""

    strict: Annotated[bool | None, "Make warnings errors, but for the kinds allowed."]


class StorageOptions(TypedDict, total=False):
    """Say how files store their labels."""

    gt_channel: Annotated[
        str | None, "Read one channel of colour masks: R, G, B, A, its place from 0, or rgb-id (R + 256 G + 65536 B)."
    ]
    pred_channel: Annotated[str | None, "The same for predictions."]
    class_axis: Annotated[
        str | None, 'Arrays of masks are one-hot, and of maps one a class, along this axis: "first" or "last".'
    ]
    cast_labels: Annotated[bool | None, "Labels may be whole numbers stored as floats."]
    logits: Annotated[bool | None, "Maps are logits: softmax over the maps of an image, sigmoid of one."]
    multilabel: Annotated[
        bool | None, "A pixel may be of several classes: each is scored by itself, as one mask a class."
    ]
    bits: Annotated[str | None, "The bits of each class in stored values: name=bit, or name=offset:width=value."]
    stack: Annotated[bool | None, "The images of a TIFF file are the slices of one volume."]
    per_slice: Annotated[bool | None, "Each slice of a volume is an image of its own, with the key CASE/0007."]
    resize_pred: Annotated[
        str | None, 'Predictions of another size are resized to the ground truth: "nearest", or for maps "bilinear".'
    ]
    gt_segments: Annotated[
        str | Path | None, "A COCO panoptic JSON: the category of each segment id (R + 256 G + 65536 B) of the masks."
    ]
    pred_segments: Annotated[str | Path | None, "The same for predictions."]
    palette_tolerance: Annotated[int | None, "A colour is the nearest of the palette within so many levels a channel."]


class NamingOptions(TypedDict, total=False):
    """Say which files pair, and which of them are scored."""

    gt_suffix: Annotated[str | None, "Score the ground truth with this suffix, as _gtFine_labelIds."]
    pred_suffix: Annotated[str | None, "The same for predictions."]
    gt_prefix: Annotated[str | None, "Score the ground truth whose names begin with this, as mask_."]
    pred_prefix: Annotated[str | None, "The same for predictions."]
    key_regex: Annotated[str | None, "Pair files in whose names this regular expression finds the same (group key)."]
    name_map: Annotated[
        str | Path | Mapping[str, str] | None, "A CSV file of ground-truth name, prediction name; or a mapping."
    ]
    roi: Annotated[str | Path | None, "A folder of regions of interest, paired by key: what is 0 there is void."]
    keys: Annotated[str | Path | None, 'Score these images only: a split list as "val.txt", or a glob as "night/*".']


class FolderOptions(
    LabelOptions,
    ConventionOptions,
    LossOptions,
    ContourOptions,
    AllowOptions,
    StorageOptions,
    NamingOptions,
    total=False,
):
    """Say how two folders are read."""

    palette: Annotated[str | Path | None, "A file of colour -> class, to decode RGB masks."]
    missing: Annotated[str | None, "An image without prediction is an error (the default), left out (skip) or a miss."]
    probs: Annotated[bool | None, "Predictions are probability maps: report losses and curves too."]
    max_pixels: Annotated[int | None, "Refuse larger images; by default 2**28 pixels."]


class DrawingOptions(TypedDict, total=False):
    """Say how confidence intervals are drawn."""

    ci: Annotated[float | None, "Percentage of confidence intervals, as 95, by bootstrap over the images."]
    resamples: Annotated[int | None, "How often images are drawn again; by default 2000."]
    seed: Annotated[int | None, "Where the drawing starts from; by default 0."]
    ci_method: Annotated[str | None, 'How an interval is read off the resamples: "percentile" (the default) or "bca".']
    group_by: Annotated[str | None, "Draw groups of images whose keys share what this regular expression finds."]


class SliceOptions(TypedDict, total=False):
    """Ask for the scores of parts of the images."""

    by: Annotated[
        str | Sequence[str] | None,
        'Score slices of the images: columns of `slices` or `slice_regex`, as "city,weather"; "weather*city" crosses '
        'two, "fog:4" puts a number into 4 ranges, "class-size" is by the size of objects.',
    ]
    slices: Annotated[str | Path | None, "A file of slices, .csv, .jsonl or .parquet: a column key and any others."]
    slice_regex: Annotated[
        str | Sequence[str] | Mapping[str, str] | None,
        'Slices by what an expression finds in each key: {"city": "^[^/]+"} or "city=^[^/]+".',
    ]


class StatisticsOptions(DrawingOptions, SliceOptions, total=False):
    """Ask for more than scores."""

    per_image: Annotated[bool | None, "Keep every class of every image in `report.details.images`."]
    worst: Annotated[int | None, "Name so many images of lowest mIoU."]
    gain: Annotated[bool | None, "Show how much mIoU each class and each confusion costs."]


class GateOptions(TypedDict, total=False):
    """Ask that scores keep bounds."""

    fail_under: Annotated[Rules | None, 'Least scores, as {"miou": 0.7} or "miou=0.70"; `report.gates` has verdicts.']
    fail_over: Annotated[Rules | None, 'Greatest losses, as {"bce": 0.2} or "bce=0.2".']


class ScoreOptions(FolderOptions, StatisticsOptions, FindingOptions, GateOptions, total=False):
    """Hold all that `score` takes."""


class LookOptions(FolderOptions, FindingOptions, total=False):
    """Hold all that `explain` and `inspect` take."""


class RescoreOptions(
    LabelOptions,
    ConventionOptions,
    LossOptions,
    ContourOptions,
    StatisticsOptions,
    FindingOptions,
    GateOptions,
    total=False,
):
    """Hold all that a saved run can be scored by anew."""


class ArrayOptions(LabelOptions, ConventionOptions, AllowOptions, total=False):
    """Hold what arrays in memory are scored by."""

    class_weights: Annotated[Weights | None, 'Weights of `average="weighted"`: one a class, their file, or "auto".']


class MeterOptions(LabelOptions, ConventionOptions, LossOptions, AllowOptions, total=False):
    """Hold what probability maps in memory are scored by."""


class VerifyOptions(NamingOptions, total=False):
    """Hold what a signature does not: what it has a digest of, and how files are named."""

    preset: Annotated[str | Path | None, "The preset's TOML file, where the signature has its digest."]
    dataset: Annotated[str | Path | None, "The dataset.json of the preset nnunet, where the signature has its digest."]
    classes: Annotated[ClassList | None, "The class list, where the signature has its digest."]
    gt_segments: Annotated[str | Path | None, "The panoptic JSON, where the signature has its digest."]
    pred_segments: Annotated[str | Path | None, "The same for predictions."]
    palette: Annotated[str | Path | None, "The palette, where the signature has its digest."]
    max_pixels: Annotated[int | None, "Refuse larger images; by default 2**28 pixels."]


class CompareOptions(DrawingOptions, FindingOptions, total=False):
    """Hold what two runs are compared by."""

    worst: Annotated[int | None, "Name so many images whose mIoU fell most; by default 5."]
    fail_regression: Annotated[Rules | None, 'How far scores may drop, as {"miou": 0.005} or "iou.*=0.02".']
    force: Annotated[bool | None, "Compare runs of different images, ground truth or protocol, with a note."]


AGAIN = (
    *(name for name in inspect.get_annotations(NamingOptions) if name != "keys"),
    *("palette", "gt_segments", "pred_segments", "max_pixels"),
)
"""Options of how folders are read of which a run keeps nothing, or a digest alone."""

PARAMETERS = "Parameters\n----------"
HEADING = re.compile(r"^\w+\n-{3,}$", re.MULTILINE)
"""What a section of a docstring begins with."""

Table = TypeVar("Table")
Function = TypeVar("Function", bound=Callable[..., Any])


def names_in(table: type[Any]) -> tuple[str, ...]:
    """Return the keywords of a table of this module."""
    return tuple(inspect.get_annotations(table))


def chosen(table: type[Table], options: Mapping[str, Any]) -> Table:
    """Return those of the options that the table has."""
    return cast(Table, {name: options[name] for name in names_in(table) if name in options})


def spelled(table: type[Any]) -> Callable[[Function], Function]:
    """Return a decorator for a function that takes `**options: Unpack[table]`.

    It gives the function a signature that spells every keyword, and adds the keywords to the Parameters section of its
    docstring. A keyword that is neither in the table nor the function's own is a `UsageError` that names the nearest.
    """

    def decorate(function: Function) -> Function:
        own = list(inspect.signature(function).parameters.values())[:-1]
        hints = inspect.get_annotations(table)
        known = {*hints, *(parameter.name for parameter in own)}

        @wraps(function)
        def checked(*arguments: object, **options: object) -> object:
            if not options.keys() <= known:
                raise _unknown(options.keys() - known, sorted(known))
            return function(*arguments, **options)

        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=get_args(hint)[0])
            for name, hint in hints.items()
        ]
        signature = inspect.signature(function).replace(parameters=[*own, *keywords])
        vars(checked)["__signature__"] = signature  # what `inspect.signature` looks for
        checked.__doc__ = _with_keywords(inspect.cleandoc(function.__doc__ or ""), hints)
        return cast(Function, checked)

    return decorate


def _with_keywords(text: str, hints: Mapping[str, Any]) -> str:
    """Return a docstring with the keywords at the end of its Parameters section, which comes before every other."""
    starts = [*(heading.start() for heading in HEADING.finditer(text)), len(text)]
    sections = [text[start:end] for start, end in pairwise(starts)]
    own = sections.pop(0) if sections and sections[0].startswith(PARAMETERS) else PARAMETERS
    parts = (text[: starts[0]], f"{own.rstrip()}\n{_parameters(hints)}", *sections)
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _parameters(hints: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{name}\n{fill(get_args(hint)[1], 100, initial_indent='    ', subsequent_indent='    ')}"
        for name, hint in hints.items()
    )


def _unknown(names: set[str], known: Sequence[str]) -> UsageError:
    from difflib import get_close_matches

    places = []
    for name in sorted(names):
        close = get_close_matches(name, known, n=1)
        places.append(f"{name}: did you mean {close[0]}?" if close else name)
    return UsageError("there is no option of this name", places, f"Options are {', '.join(known)}")
