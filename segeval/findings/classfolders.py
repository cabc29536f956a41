"""One mask a class, in folders named after classes, which would be scored as separate images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from segeval.errors import Finding, listed
from segeval.findings.values import FULL, Values
from segeval.runs.run import Row

MOST_FOLDERS = 10


def class_folders(values: Values) -> Iterator[Finding]:
    """Find masks of two values, the same names in every folder, whose foregrounds fit side by side in one image.

    Where they do not fill the image, folders of frames can look so too: then there must be more images than folders.
    """
    rows = values.run.rows
    if values.run.maps is not None or len(rows) < 2 or not all("/" in row.key for row in rows):
        return
    if not set(values.table.gt.tolist()) <= FULL | {1}:
        return
    images: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    below = len({row.key.partition("/")[0] for row in rows}) > 1
    for row in rows:
        folder, _, name = row.key.partition("/") if below else row.key.rpartition("/")
        images[name][folder] = row
    folders = {folder for image in images.values() for folder in image}
    if len(folders) < 2 or any(image.keys() != folders for image in images.values()):
        return
    covered = [_covered(image) for image in images.values()]
    if None in covered or any(share is not None and share > 1 for share in covered):
        return
    if len(images) < max(2, len(folders)) and any(share != 1 for share in covered):
        return
    yield Finding(
        "class-folders",
        f"{len(folders)} folders hold the same names, with foregrounds that fit side by side: these look like one mask "
        "a class, and would be scored as images of their own",
        (listed([f"gt/{folder}/" for folder in sorted(folders)], MOST_FOLDERS),),
        "Write one label mask an image, with a value for each class",
    )


def _covered(image: Mapping[str, Row]) -> float | None:
    """Return which share of an image the foregrounds of its masks cover, `None` where their sizes differ."""
    sizes = {(row.height, row.width) for row in image.values()}
    if len(sizes) > 1:
        return None
    (height, width), *_ = sizes
    foreground = sum(int(row.counts.pixels[row.counts.gt != 0].sum()) for row in image.values())
    return foreground / (height * width) if height * width else None
