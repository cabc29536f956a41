"""Presets as tables or as JSON: the list of them, and one with all its facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.text import Text

from segeval.errors import printable
from segeval.protocol.axes import AXES
from segeval.protocol.conventions import convention
from segeval.protocol.labeling import Color, SegmentationClass, ranges
from segeval.protocol.palettes import show
from segeval.protocol.presets import Preset, PresetPairing
from segeval.protocol.storage import PLAINLY
from segeval.render.report.wording import count
from segeval.render.syntax.json import json_text
from segeval.render.syntax.page import FULL_BLOCK, Cell, Page, grid, page_text

SCHEMA = 1
DEFAULT_AXES = {axis: choices[0] for axis, choices in AXES.items()}


def render_presets_json(presets: Iterable[Preset]) -> str:
    """Return the list as JSON: {schema, presets: [{name, title, classes (their number), convention, images}]}."""
    listed = [
        {
            "name": preset.name,
            "title": preset.title,
            "classes": len(preset.classes),
            "convention": preset.convention,
            "images": dict(preset.images),
        }
        for preset in presets
    ]
    return f"{json_text({'schema': SCHEMA, 'presets': listed})}\n"


def render_preset_json(preset: Preset) -> str:
    """Return all facts of one preset as JSON: `preset_to_dict`."""
    return f"{json_text(preset_to_dict(preset))}\n"


def preset_to_dict(preset: Preset) -> dict[str, Any]:
    """Return a preset as JSON values.

    `classes` ({id, name, color, gt, pred}) and `void` ({ids, colors, gt, pred}) have the raw values of either folder;
    under `binary` class 1 is every value but 0 and both lists are empty. `more_colors` are [[r, g, b], id]. `axes` are
    the convention's choices, `palette` says whether RGB masks can be decoded, `unverified` what no primary source
    confirms; all else is as in the preset's TOML.
    """
    return {
        "schema": SCHEMA,
        "name": preset.name,
        "title": preset.title,
        "convention": preset.convention,
        "axes": convention(preset.convention).axes(),
        "binary": preset.binary,
        "classes": [
            {
                "id": entry.id,
                "name": entry.name,
                "color": _list(entry.color),
                "gt": _raw(preset, preset.gt_map, [entry.id]),
                "pred": _raw(preset, preset.pred_map, [entry.id]),
            }
            for entry in preset.classes
        ],
        "void": {
            "ids": list(preset.ignore),
            "colors": [list(color) for color in preset.void_colors],
            "gt": _raw(preset, preset.gt_map, preset.ignore),
            "pred": _raw(preset, preset.pred_map, preset.ignore),
        },
        "more_colors": [[list(color), target] for color, target in preset.more_colors.items()],
        "palette": preset.has_palette,
        "palette_duplicates": [list(names) for names in preset.palette_duplicates],
        "groups": [{"name": group.name, "ids": list(group.ids)} for group in preset.groups],
        "pairing": {field.name: _list(getattr(preset.pairing, field.name)) for field in fields(PresetPairing)},
        "encodings": dict(preset.encodings),
        "images": dict(preset.images),
        **({} if preset.gt_threshold is None else {"gt_threshold": preset.gt_threshold}),
        **({"storage": preset.storage.to_dict()} if preset.storage != PLAINLY else {}),
        **({"classes_from": preset.classes_from} if preset.classes_from else {}),
        "notes": preset.notes,
        "sources": [asdict(source) for source in preset.sources],
        "unverified": list(preset.unverified),
    }


def render_presets(presets: Sequence[Preset], *, color: bool = False, width: int | None = None) -> str:
    """Return the list for reading: one preset a row."""

    def write(page: Page) -> None:
        rows = [
            (
                Text(printable(preset.name), "bold"),
                printable(preset.title),
                str(len(preset.classes)) if preset.classes else "any",
                preset.convention,
                _images(preset),
            )
            for preset in presets
        ]
        titles = ("preset", "data set", "classes", "convention", "images")
        page.show(grid(titles, rows, right=(2,), folded=(1, 4)))
        page.say(Text("'segeval presets NAME' shows one; -f toml is where a preset of your own can start"))

    return page_text(write, color=color, width=width)


def render_preset(preset: Preset, *, color: bool = False, width: int | None = None) -> str:
    """Return all facts of one preset for reading."""
    return page_text(lambda page: _print_preset(page, preset), color=color, width=width)


def _print_preset(page: Page, preset: Preset) -> None:
    page.say(Text.assemble((printable(preset.name), "bold"), f": {printable(preset.title)}"))
    if preset.classes:
        titles = ("id", "class", "colour", "raw gt", "raw pred")
        page.show(grid(titles, _class_rows(page, preset), right=(0,), folded=(3, 4)))
    else:
        page.say(Text.assemble(("classes: ", "bold"), printable(preset.classes_from)))
    for label, text in _facts(preset):
        page.say(Text.assemble((f"{label}: ", "bold"), printable(text)))
    for line in preset.notes.strip().splitlines():
        page.note(line)
    for line in preset.unverified:
        page.say(Text.assemble(("unverified: ", "bold yellow"), printable(line)))
    for source in preset.sources:
        place = f"{source.repo}: {source.path}" + (f" @ {source.commit[:12]}" if source.commit else "")
        page.say(Text.assemble(("source: ", "dim"), printable(place)))


def _class_rows(page: Page, preset: Preset) -> Iterator[Sequence[Cell]]:
    for entry in preset.classes:
        colors = [entry.color] if entry.color else []
        colors += [color for color, target in preset.more_colors.items() if target == entry.id]
        raws = (_raw_text(preset, side, entry) for side in (preset.gt_map, preset.pred_map))
        yield str(entry.id), printable(entry.name), _colors(page, colors), *raws
    if preset.ignore:
        raws = (ranges(_raw(preset, side, preset.ignore)) for side in (preset.gt_map, preset.pred_map))
        yield ranges(sorted(preset.ignore)), Text("void", "italic"), _colors(page, preset.void_colors[:1]), *raws


def _raw_text(preset: Preset, side: Mapping[int, int], entry: SegmentationClass) -> str:
    if preset.binary:
        return "0" if entry.id == 0 else "all but 0"
    return ranges(_raw(preset, side, [entry.id]))


def _facts(preset: Preset) -> Iterator[tuple[str, str]]:
    axes = convention(preset.convention).axes()
    special = [f"{axis.replace('_', '-')} {choice}" for axis, choice in axes.items() if choice != DEFAULT_AXES[axis]]
    yield "convention", f"{preset.convention} ({', '.join(special) or 'the defaults'})"
    yield from preset.encodings.items()
    if len(preset.void_colors) > 1:
        yield "void colours", "; ".join(map(show, preset.void_colors))
    if preset.palette_duplicates:
        shared = "; ".join(" = ".join(names) for names in preset.palette_duplicates)
        yield "RGB masks", f"cannot be decoded, since classes share colours: {shared}"
    elif not preset.has_palette:
        yield "RGB masks", "cannot be decoded: no colours are known"
    if preset.groups:
        names = {entry.id: entry.name for entry in preset.classes}
        yield (
            "groups",
            "; ".join(f"{group.name} ({', '.join(names[member] for member in group.ids)})" for group in preset.groups),
        )
    for field in fields(PresetPairing):
        value = getattr(preset.pairing, field.name)
        if value:
            yield f"pairing, {field.name}", value if isinstance(value, str) else ", ".join(value)
    if preset.images:
        yield "images", _images(preset)


def _raw(preset: Preset, side: Mapping[int, int], targets: Iterable[int]) -> list[int]:
    """Return the raw values that a folder's map sends to one of `targets`, ascending."""
    if preset.binary:
        return []
    wanted = set(targets)
    return sorted(raw for raw, target in side.items() if target in wanted)


def _colors(page: Page, colors: Sequence[Color]) -> Text:
    text = Text()
    for index, color in enumerate(colors):
        if page.color:
            text.append(f"{FULL_BLOCK * 2} ", "rgb({},{},{})".format(*color))
        text.append(show(color) + ("; " if index < len(colors) - 1 else ""))
    return text


def _images(preset: Preset) -> str:
    return ", ".join(f"{printable(split)} {count(number)}" for split, number in preset.images.items())


def _list(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
