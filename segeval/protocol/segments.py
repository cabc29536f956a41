"""The segments of panoptic masks, as COCO's panoptic JSON describes them: which category each id is, file by file.

The form is that of https://cocodataset.org/#format-data and of panopticapi (evaluation.py, utils.py): `annotations`
with `file_name` and `segments_info`, each of these with `id` and `category_id`; `categories` with `id` and `name`. Id 0
of a mask that is not listed is void. A crowd (`iscrowd`) is of its category.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError, listed
from segeval.files.usertexts import LARGEST_NUMBER, TextBoundError, json_data
from segeval.protocol.classlists import checked_classes, parse_class
from segeval.protocol.labeling import SegmentationClass
from segeval.protocol.toollists import tool_classes
from segeval.records import dataclass

LARGEST_SEGMENTS = 1 << 25
"""Bytes of a panoptic JSON: COCO's 5,000 images of val2017 have some 12 MB."""
MOST_SEGMENT_PARTS = 1 << 20
"""Objects and lists in one: two a segment."""
VOID_SEGMENT = -1
"""The category of what is in no segment: no JSON can have it."""
LARGEST_CATEGORY = 2**31 - 1
MOST_LISTED = 5
FORM = "Give a COCO panoptic JSON: annotations with file_name and segments_info (id, category_id), and categories"


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Hold the category of each segment, by the name of the mask without its extension, and the categories.

    `digest` says what all segments are. `classes` are `None` where the file does not name its categories.
    """

    name: str
    of_files: Mapping[str, Mapping[int, int]]
    of_names: Mapping[str, Mapping[int, int] | None]
    classes: tuple[SegmentationClass, ...] | None
    digest: str

    def categories(self, ids: NDArray[np.integer[Any]], file: str, *, name: str) -> NDArray[np.int32]:
        """Return the category of each pixel of a mask of segment ids, `VOID_SEGMENT` where it is in none.

        `file` is its path in the folder, `name` what errors call it. Raises `MaskError` where the file has no
        annotation, and for an id other than 0 that its annotation does not list.
        """
        known = self._of(file)
        if known is None:
            raise MaskError(
                "a mask has no annotation in the panoptic JSON",
                (f"{name}: {self.name} does not name it",),
                "Give the JSON that goes with these masks: file_name of its annotations is the name of the mask",
            )
        listed_ids = np.array(sorted(known), np.int64)
        targets = np.array([*(known[one] for one in sorted(known)), VOID_SEGMENT], np.int32)
        place = np.searchsorted(listed_ids, ids)
        met = np.append(listed_ids, -1)[place] == ids
        unknown = ~met & (ids != 0)
        if unknown.any():
            strangers = sorted(set(ids[unknown].tolist()))
            raise MaskError(
                "a mask has segments that the panoptic JSON does not list",
                (f"{name}: {listed(strangers, MOST_LISTED)}",),
                "Give the JSON that goes with these masks; ids are R + 256 G + 65536 B",
            )
        return targets[np.where(met, place, len(known))]

    def _of(self, file: str) -> Mapping[int, int] | None:
        stem = _stem(file)
        found = self.of_files.get(stem)
        return self.of_names.get(stem.rpartition("/")[2]) if found is None else found


def parse_segments(text: str, *, name: str) -> Segments:
    """Read a panoptic JSON; `name` is the file's name, for errors. Raises `UsageError`."""
    try:
        data = json_data(text, most=LARGEST_SEGMENTS, parts=MOST_SEGMENT_PARTS)
    except TextBoundError as error:
        raise UsageError(
            "a panoptic JSON holds more than can be read",
            (f"{name}: {error}",),
            "Split it: write the annotations of fewer images, and score these with --keys",
        ) from None
    except ValueError as error:
        raise UsageError("a file is no JSON", (f"{name}: {error}",), FORM) from None
    return _Document(name).segments(data)


class _Document:
    """Read one file; `name` is its name, for errors."""

    def __init__(self, name: str) -> None:
        self.name = name

    def segments(self, data: object) -> Segments:
        if not isinstance(data, Mapping) or not isinstance(data.get("annotations"), list):
            self.fail("there are no annotations")
        classes = self.classes(data["categories"]) if "categories" in data else None
        categories = None if classes is None else {entry.id for entry in classes}
        of_files: dict[str, Mapping[int, int]] = {}
        for index, entry in enumerate(data["annotations"]):
            file, known = self.annotation(entry, f"annotations, entry {index + 1}", categories)
            if file in of_files:
                self.fail(f"{file!a} has two annotations")
            of_files[file] = known
        names: dict[str, Mapping[int, int] | None] = {}
        for file, known in of_files.items():
            bare = file.rpartition("/")[2]
            names[bare] = None if bare in names else known  # of two files of one name the folder decides
        return Segments(self.name, of_files, names, classes, _digest(of_files))

    def classes(self, categories: object) -> tuple[SegmentationClass, ...]:
        entries = tool_classes({"categories": categories})
        if entries is None:
            self.fail("categories are not a list of id and name")
        found = (
            parse_class(entry, None, self.name, f"categories, entry {place}")
            for place, entry in enumerate(entries, start=1)
        )
        return checked_classes(found, name=self.name)

    def annotation(self, entry: object, place: str, categories: set[int] | None) -> tuple[str, Mapping[int, int]]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("file_name"), str):
            self.fail(f"{place}: there is no file_name, as in the JSON of boxes, which has no masks")
        if not isinstance(entry.get("segments_info"), list):
            self.fail(f"{place}: there is no segments_info")
        known: dict[int, int] = {}
        for segment, category in self.infos(entry["segments_info"], place):
            if segment in known:
                self.fail(f"{place}: segment {segment} is listed twice")
            if categories is not None and category not in categories:
                self.fail(f"{place}: segment {segment} is of category {category}, which is none of categories")
            known[segment] = category
        return _stem(entry["file_name"].replace("\\", "/")), known

    def infos(self, infos: Sequence[object], place: str) -> Iterator[tuple[int, int]]:
        for info in infos:
            found = info if isinstance(info, Mapping) else {}
            segment, category = found.get("id"), found.get("category_id")
            if type(segment) is not int or not 0 <= segment <= LARGEST_NUMBER:
                self.fail(f"{place}: a segment has no id")
            if type(category) is not int or not 0 <= category <= LARGEST_CATEGORY:
                self.fail(f"{place}: segment {segment} has no category_id")
            yield segment, category

    def fail(self, where: str) -> NoReturn:
        raise UsageError("a file is no panoptic JSON", (f"{self.name}: {where}",), FORM)


def _stem(file: str) -> str:
    """Return a path without extension, whatever that is: masks are PNG where the JSON names photos, too."""
    folder, slash, name = file.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}"


def _digest(of_files: Mapping[str, Mapping[int, int]]) -> str:
    found = blake2b(digest_size=4)
    for file in sorted(of_files):
        found.update(repr((file, sorted(of_files[file].items()))).encode("utf-8", "surrogatepass"))
    return found.hexdigest()
