"""Classes as labelling tools write them in JSON, brought to the form of a class list: {id, name, color} each."""

from __future__ import annotations

from collections.abc import Mapping


def tool_classes(data: object) -> list[dict[str, object]] | None:
    """Return the classes of a tool's file, `None` for data of any other form.

    Read are `categories` of COCO and of Label Studio's exports (`result.json`, `notes.json`), and `classes` of
    Supervisely's `meta.json`: a class is called `title` there, its `id` is the server's, and its place counted from 1
    is the value of its pixels in exported masks (supervisely-ecosystem/export-as-masks, src/main.py).
    """
    if not isinstance(data, Mapping):
        return None
    categories, classes = data.get("categories"), data.get("classes")
    if isinstance(categories, list) and categories and all(map(_is_category, categories)):
        return [{key: entry[key] for key in ("id", "name", "color") if key in entry} for entry in categories]
    if isinstance(classes, list) and classes and all(map(_is_titled, classes)):
        return [
            {"id": place, "name": entry["title"], **({"color": entry["color"]} if "color" in entry else {})}
            for place, entry in enumerate(classes, start=1)
        ]
    return None


def gray_classes(data: object) -> list[dict[str, object]] | None:
    """Return the classes of {name: [v, v, v]}, as Supervisely's `obj_class_to_machine_color.json` has them."""
    if not isinstance(data, Mapping) or not data or not all(map(_is_gray, data.values())):
        return None
    return [{"id": levels[0], "name": name} for name, levels in data.items()]


def _is_category(entry: object) -> bool:
    return isinstance(entry, Mapping) and "id" in entry and "name" in entry


def _is_titled(entry: object) -> bool:
    return isinstance(entry, Mapping) and "title" in entry and "name" not in entry


def _is_gray(levels: object) -> bool:
    return (
        isinstance(levels, list) and len(levels) == 3 and type(levels[0]) is int and levels[0] == levels[1] == levels[2]
    )
