"""Tallies of images as arrays with a place for every class, shape (images, K), and as the package keeps them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from segeval.scores.imageoverlap import OF_CLASSES, Cells, ImageTallies
from segeval.tables.counts import Tallies


def kept_tallies(dense: Tallies) -> ImageTallies:
    """Keep what is more than zero."""
    met = np.any([getattr(dense, name) for name in OF_CLASSES], axis=0)
    image, label = (places.astype(np.int32) for places in np.nonzero(met))
    outside = {"gt_unknown": dense.gt_unknown, "same_unknown": dense.same_unknown}
    kept = {name: getattr(dense, name)[image, label] for name in OF_CLASSES}
    pixels = {name: getattr(dense, name).sum(axis=1, keepdims=True) for name in OF_CLASSES}
    return ImageTallies(Cells(image, label, *met.shape), Tallies(**kept, **outside), Tallies(**pixels, **outside))


def dense_tallies(images: ImageTallies) -> Tallies:
    """Give every class its place."""
    spread = {field.name: getattr(images.kept, field.name) for field in fields(Tallies)}
    for name in OF_CLASSES:
        spread[name] = np.zeros((images.at.images, images.at.classes), np.int64)
        spread[name][images.at.image, images.at.label] = getattr(images.kept, name)
    return Tallies(**spread)
