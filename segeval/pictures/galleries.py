"""The galleries that pages have: the worst images, suspected label errors, and what a comparison changed most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from segeval.comparison.imagechanges import ImageChange
from segeval.measuring.suspects import Suspect
from segeval.pictures.gallery import Entry, Shots, View, image_shot, legend, region_shot, shots
from segeval.pictures.pagetext import Gallery, shown
from segeval.pictures.panels import Photo
from segeval.protocol.labeling import SegmentationClass
from segeval.render.comparison.wording import signed_points
from segeval.render.report.wording import percent
from segeval.scores.gains import WorstImage

BY_NAME = ("key", "name")
BY_CLASS = "wrong pixels of a class{} (missed, or wrongly predicted as it), most first"
COLORS = "Errors are orange, void is white, what has no class is black."
MIXED = "A pixel of several classes has the mean of their colours."
Classes = Sequence[SegmentationClass]
PhotoOf = Callable[[str], Photo] | None


def worst_gallery(
    ranked: Sequence[WorstImage],
    images: int,
    view: View,
    photo_of: PhotoOf,
    classes: Classes,
    room: int,
    *,
    sets: bool,
) -> Gallery:
    """Draw the images of lowest mIoU of so many `images`, the worst first; `sets`: pixels may have several classes."""
    draws = [
        partial(
            image_shot,
            Entry(one.key, [_worst_line(one, classes)], {"miou": one.image_miou, "gain": -(one.gain or 0.0)}),
            [view],
            photo_of,
        )
        for one in ranked
    ]
    drawn = shots(draws, room)
    which = f"All {images:,} images" if len(ranked) == images else f"The {len(ranked):,} worst of {images:,} images"
    note = f"{which}, by mIoU. {COLORS}{f' {MIXED}' if sets else ''}{_left_out(drawn)}"
    orders = [("miou", "lowest mIoU"), *([] if sets else [("gain", "class that costs most")]), BY_NAME]
    return Gallery("Worst images", note, drawn.drawn, orders, legend(classes), by_class=BY_CLASS.format(""))


def _worst_line(one: WorstImage, classes: Classes) -> str:
    told = f"mIoU {percent(one.image_miou)} %"
    if one.costliest is None or one.gain is None:
        return told
    return f"{told}; {classes[one.costliest].name} costs {100 * one.gain:.2f} points"


def suspect_gallery(
    found: Sequence[Suspect], confident: float, view: View, photo_of: PhotoOf, classes: Classes, room: int
) -> Gallery:
    """Draw the regions of suspected label errors with what lies around them, as many as there is room for."""
    draws = [
        partial(
            region_shot,
            Entry(one.key, _suspect_lines(place, one, classes), {"loss": -one.loss}),
            one.box,
            f"{one.gt}-{one.pred}",
            view,
            photo_of,
        )
        for place, one in enumerate(found, start=1)
    ]
    drawn = shots(draws, room)
    note = (
        f"Regions whose ground truth a map of another class contradicts with p of at least {confident:g}, the largest "
        f"sum of -ln p first; the black line is the region's box. {COLORS}{_left_out(drawn)}"
        if found
        else f"No region has a map of another class than the ground truth's with p of at least {confident:g}."
    )
    orders = [("loss", "largest loss"), BY_NAME]
    return Gallery("Suspected label errors", note, drawn.drawn, orders, legend(classes), view="all")


def _suspect_lines(place: int, one: Suspect, classes: Classes) -> list[str]:
    left, top, right, bottom = one.box
    return [
        f"{place}. ground truth {shown(classes[one.gt].name, 40)}, predicted {shown(classes[one.pred].name, 40)}",
        f"{one.pixels:,} pixels in x {left} to {right}, y {top} to {bottom}; loss {one.loss:,.1f}",
    ]


def change_gallery(
    name: str,
    fallen: Sequence[ImageChange],
    risen: Sequence[ImageChange],
    views: Sequence[View],
    photo_of: PhotoOf,
    classes: Classes,
    room: int,
) -> Gallery:
    """Draw the images that a run changed most, before and after, the largest change first."""
    name = shown(name)
    changes = sorted((*fallen, *risen), key=lambda one: (-abs(one.difference), one.key))
    draws = [partial(image_shot, _change_entry(one), views, photo_of) for one in changes]
    drawn = shots(draws, room)
    note = (
        f"The {len(fallen):,} images that lost most in {name} and the {len(risen):,} that gained most, before and "
        f"after. {COLORS}{_left_out(drawn)}"
        if changes
        else f"No image has another mIoU in {name}."
    )
    orders = [("change", "largest change"), ("lost", "lost most"), ("gained", "gained most"), BY_NAME]
    by_class = BY_CLASS.format(f" in {shown(name, 40)}")
    title = f"Images that changed most in {name}"
    return Gallery(title, note, drawn.drawn, orders, legend(classes), by_class=by_class)


def _change_entry(one: ImageChange) -> Entry:
    told = [f"mIoU {percent(one.base)} % to {percent(one.new)} %, {signed_points(one.difference)} points"]
    if one.class_name is not None:
        told.append(f"{shown(one.class_name, 40)} {signed_points(one.class_difference)} points")
    ranks = {"change": -abs(one.difference), "lost": one.difference, "gained": -one.difference}
    return Entry(one.key, told, ranks)


def _left_out(drawn: Shots) -> str:
    return f" {drawn.left_out:,} more are left out for the size of the page." if drawn.left_out else ""
