"""From colours to raw values: what decodes an RGB mask, read from text or taken from classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import NoReturn

from segeval.errors import UsageError, did_you_mean
from segeval.protocol.classlists import check_name, parse_color, structured
from segeval.protocol.classtext import LABEL_MAP_LINE
from segeval.protocol.labeling import Color, SegmentationClass
from segeval.protocol.toollists import tool_classes
from segeval.records import dataclass

VOID_WORDS = ("void", "ignore", "ignored", "unlabeled", "unlabelled")
"""What a colour may stand for instead of a class; a class of that name goes first."""

PALETTE_FIX = (
    "Give one colour and its class or value a line, as in '128 64 128 road', or JSON or TOML: "
    '{"128,64,128": "road"}, {"road": [128, 64, 128]}, [[128, 64, 128], ...] (the position is the value), '
    'or a list of {"id": 0, "name": "road", "color": [128, 64, 128]}; a comment is a # followed by a space'
)
"""The forms of a palette, for errors."""

LARGEST_VALUE = 2**31 - 1
"""Decoded values fit a signed 32-bit integer; negative ones are values like others."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_SEPARATOR = re.compile(r"\s*[,;:=]\s*|\s+")
_COMMENT = re.compile(r"(?:^|\s)#(?:\s.*|$)")
_COLOR_START = re.compile(r"#[0-9A-Fa-f]{6}(?![0-9A-Za-z])|[(\[]? ?[+-]?[0-9]+(?![^ ,;])")
_COLOR = r"[(\[]? ?(?P<color>#[0-9A-Fa-f]{6}|[+-]?[0-9]+(?: ?[,;] ?| )[+-]?[0-9]+(?: ?[,;] ?| )[+-]?[0-9]+) ?[)\]]?"
_COLOR_FIRST = re.compile(rf"{_COLOR}(?: ?[,;:=] ?| |(?<=[)\]]))(?P<target>\S.*)")
_COLOR_LAST = re.compile(rf"(?P<target>\S.*?)(?: ?[,;:=] ?| ){_COLOR}")
_THREE_NUMBERS = re.compile(r"(?:[0-9]{1,9} ?[ ,;] ?){2}[0-9]{1,9}")
_FOUR_NUMBERS = re.compile(r"(?:[0-9]{1,9} ?[ ,;] ?){3}[0-9]{1,9}")
_RED_GREEN_BLUE = ({"r", "red"}, {"g", "green"}, {"b", "blue"})
_TARGET_WORDS = frozenset({"name", "class", "class_name", "label", "id", "index", "value", "class_id"})


@dataclass(frozen=True, slots=True)
class Palette:
    """Name the raw value of each 8-bit RGB colour.

    `name` says where the palette comes from (a file or a preset); `names` has the class name of each colour, where it
    has one, for messages. `explicit` is one that the user gave to decode colours by: of palette images too, whose
    indices count otherwise.
    """

    colors: Mapping[Color, int]
    name: str = "palette"
    names: Mapping[Color, str] = field(default_factory=dict)
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    """One colour with what it stands for, and where in the file that stands."""

    place: str
    color: Color
    target: int | str
    label: str | None = None


def parse_palette(
    text: str,
    *,
    name: str,
    classes: Sequence[SegmentationClass] = (),
    mapping: Mapping[int, int] | None = None,
    void: int = 255,
) -> Palette:
    """Read a palette; `name` is the file's name, for errors.

    Plain text has a colour a line (three numbers 0..255, or #rrggbb) and then its raw value or its class's name; names
    may come first; where every line is three numbers, the value is the position, as it is in the `labelmap.txt` of CVAT
    (name, colour, parts, actions) where `classes` are not given. JSON and TOML: see `PALETTE_FIX`.
    Class names are looked up in `classes`, "void" and "ignore" stand for the mapped value `void`; under `mapping`
    (raw -> mapped value) either becomes the smallest raw value that is mapped to it.
    """
    data = structured(text, name=name)
    entries = list(
        _text_entries(text, name, bool(classes)) if data is None else _data_entries(data, name, bool(classes))
    )
    if not entries:
        raise UsageError("the palette is empty", (name,), PALETTE_FIX)
    ids = {entry.name: entry.id for entry in classes}
    titles = {entry.id: entry.name for entry in classes}
    renamed = mapping or {}
    first: dict[Color, _Entry] = {}
    colors: dict[Color, int] = {}
    names: dict[Color, str] = {}
    for entry in entries:
        value = _value(entry, ids, renamed, void)
        before = first.setdefault(entry.color, entry)
        if colors.setdefault(entry.color, value) != value:
            raise UsageError(
                "a colour of the palette has two meanings",
                [f"{found.place}: {show(found.color)} is {found.target}" for found in (before, entry)],
                "Give each colour one class: RGB masks in which two classes share a colour cannot be decoded",
            )
        title = entry.label or (
            entry.target if isinstance(entry.target, str) else titles.get(renamed.get(value, value))
        )
        if title is not None:
            names.setdefault(entry.color, title)
    return Palette(colors, name, names)


def class_palette(
    classes: Iterable[SegmentationClass], *, name: str, mapping: Mapping[int, int] | None = None
) -> Palette:
    """Build the palette of the classes that have a colour.

    A colour stands for the class's id, under `mapping` (raw -> mapped value) for the smallest raw value mapped to it.
    """
    colored = [(entry.color, smallest_raw(entry.id, mapping or {}), entry.name) for entry in classes if entry.color]
    return disjoint_palette(colored, name=name)


def disjoint_palette(entries: Iterable[tuple[Color, int, str]], *, name: str) -> Palette:
    """Build a palette from (colour, raw value, class name); a colour of two values is an error that names them all."""
    meanings: dict[Color, dict[int, str]] = {}
    for color, value, title in entries:
        meanings.setdefault(color, {}).setdefault(value, title)
    shared = {color: found for color, found in meanings.items() if len(found) > 1}
    if shared:
        raise UsageError(
            "RGB masks cannot be decoded with a palette in which classes share a colour",
            [f"{name}: {show(color)} is {', '.join(found.values())}" for color, found in sorted(shared.items())],
            "Store the masks as labels (gray or palette PNG), or give the colours that were used with --palette FILE",
        )
    first = {color: next(iter(found.items())) for color, found in meanings.items()}
    return Palette(
        {color: value for color, (value, _) in first.items()},
        name,
        {color: title for color, (_, title) in first.items()},
    )


def nearest(color: Color, palette: Palette) -> tuple[Color, int]:
    """Return the palette's colour nearest to `color` (Euclidean in RGB; of equals, the smallest) and its raw value.

    Raises ValueError if the palette is empty.
    """
    found = min(palette.colors, key=lambda other: (sum((a - b) ** 2 for a, b in zip(color, other, strict=True)), other))
    return found, palette.colors[found]


def swapped(palette: Palette) -> Palette:
    """Return the palette with red and blue exchanged, as OpenCV stores RGB colours that it was given unconverted."""
    return Palette(
        {color[::-1]: value for color, value in palette.colors.items()},
        f"{palette.name} (BGR)",
        {color[::-1]: title for color, title in palette.names.items()},
    )


def share_explained(colors: Mapping[Color, int], palette: Palette) -> float:
    """Return the share, in [0, 1], of the pixels of `colors` (colour -> pixels) whose colour is in `palette`."""
    total = sum(colors.values())
    return sum(pixels for color, pixels in colors.items() if color in palette.colors) / total if total else 0.0


def show(color: Color) -> str:
    """Write a colour as palettes do: 128,64,128."""
    return ",".join(map(str, color))


def smallest_raw(value: int, mapping: Mapping[int, int]) -> int:
    """Return the smallest raw value that `mapping` (raw -> mapped value) maps to `value`; `value` itself if none is."""
    return min((raw for raw, mapped in mapping.items() if mapped == value), default=value)


def _value(entry: _Entry, ids: Mapping[str, int], mapping: Mapping[int, int], void: int) -> int:
    target = entry.target
    if isinstance(target, str):
        if target in ids:
            return smallest_raw(ids[target], mapping)
        if target.lower() in VOID_WORDS:
            return smallest_raw(void, mapping)
        raise UsageError(
            "a palette names a class that does not exist",
            (f"{entry.place}: {target}",),
            f"{did_you_mean(target, [*ids, 'void'])}Name the classes with --classes or --preset, or write values "
            "instead of names",
        )
    if abs(target) > LARGEST_VALUE:
        raise UsageError(
            "a value of the palette is out of range",
            (f"{entry.place}: {show(entry.color)} is {target}",),
            f"Values are at most {LARGEST_VALUE}",
        )
    return target


def _text_entries(text: str, name: str, named: bool) -> Iterator[_Entry]:
    value_first = False
    rows: list[tuple[str, str]] = []
    for number, stored in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = " ".join(_COMMENT.sub("", stored).split())
        if not rows and _is_heading(line):
            value_first = _SEPARATOR.split(line)[0].lower() not in _RED_GREEN_BLUE[0]
        elif line:
            rows.append((f"{name}, line {number}", line))
    if not value_first and len(rows) > 1 and all(_FOUR_NUMBERS.fullmatch(line) for _, line in rows):
        _check_order(rows)
    labels = [LABEL_MAP_LINE.fullmatch(line) for _, line in rows]
    if all(labels):
        for position, (match, (place, _)) in enumerate(zip(labels, rows, strict=True)):
            if match is not None:
                title = match["name"].strip()
                yield _entry(place, f"{match['r']},{match['g']},{match['b']}", title if named else position, title)
        return
    colors_only = all(_THREE_NUMBERS.fullmatch(line) for _, line in rows)
    for position, (place, line) in enumerate(rows):
        yield _entry(place, line, position) if colors_only else _line_entry(place, line, value_first)


def _is_heading(line: str) -> bool:
    words = [word.lower() for word in _SEPARATOR.split(line)]
    colors = all(any(word in words for word in color) for color in _RED_GREEN_BLUE)
    return colors and len(words) >= 4 and (words[0] in _RED_GREEN_BLUE[0] or words[0] in _TARGET_WORDS)


def _check_order(rows: Sequence[tuple[str, str]]) -> None:
    """Refuse four numbers a line of which the first counts 0, 1, 2, ... or 1, 2, 3, ... and the last does not."""
    numbers = [[int(part) for part in re.findall(r"[0-9]+", line)] for _, line in rows]
    counts = [list(range(start, start + len(rows))) for start in (0, 1)]
    if [row[0] for row in numbers] in counts and [row[3] for row in numbers] not in counts:
        raise UsageError(
            "a palette of four numbers a line seems to have the values first",
            (f"{rows[0][0]}: {rows[0][1]}",),
            "Write red, green, blue and then the value, or put a heading 'id,r,g,b' above",
        )


def _line_entry(place: str, line: str, value_first: bool) -> _Entry:
    color_first = not value_first and _COLOR_START.match(line)
    match = (_COLOR_FIRST if color_first else _COLOR_LAST).fullmatch(line)
    if match is None:
        _malformed(place, line)
    return _entry(place, match["color"], match["target"])


def _data_entries(data: object, name: str, named: bool) -> Iterator[_Entry]:
    data = tool_classes(data) or data
    if isinstance(data, Mapping):
        for key in ("classes", "palette", "colors"):
            if isinstance(inner := data.get(key), Mapping) or (isinstance(inner, list) and parse_color(inner) is None):
                yield from _data_entries(inner, f"{name}, {key}", named)
                return
        for key, value in data.items():
            yield _pair_entry(key, value, f"{name}, key {key!a}")
    elif isinstance(data, list):
        numbered = any(isinstance(entry, Mapping) and "id" in entry for entry in data)
        for index, entry in enumerate(data):
            place = f"{name}, entry {index + 1}"
            if isinstance(entry, Mapping):
                yield _object_entry(entry, index, place, numbered, named)
            else:
                yield _entry(place, entry, index)
    else:
        _malformed(name, data)


def _object_entry(entry: Mapping[str, object], index: int, place: str, numbered: bool, named: bool) -> _Entry:
    """Read {id, name, color}: the value is the id, without ids that of the class's name, else the position."""
    label = entry.get("name")
    if "color" not in entry or not isinstance(label, str | None) or (numbered and "id" not in entry):
        _malformed(place, entry)
    target = entry["id"] if numbered else label if named and label is not None else index
    return _entry(place, entry["color"], target, label)


def _pair_entry(key: str, value: object, place: str) -> _Entry:
    """Read colour -> value, colour -> name, name -> colour or value -> colour."""
    if parse_color(key) is None and (isinstance(value, list) or parse_color(value) is not None):
        return _entry(place, value, key)
    return _entry(place, key, value)


def _entry(place: str, color: object, target: object, label: str | None = None) -> _Entry:
    found = parse_color(color)
    if found is None:
        raise UsageError(
            "a colour of the palette is not three whole numbers from 0 to 255",
            (f"{place}: {_short(color)}",),
            PALETTE_FIX,
        )
    if isinstance(target, bool) or not isinstance(target, int | str):
        _malformed(place, target)
    if isinstance(target, str):
        target = target.strip()
        check_name(target, name=place)
        target = int(target) if _INTEGER.fullmatch(target) else target
    if label is not None:
        check_name(label, name=place)
    return _Entry(place, found, target, label)


def _malformed(place: str, content: object) -> NoReturn:
    raise UsageError(
        "an entry of the palette is not a colour with its class", (f"{place}: {_short(content)}",), PALETTE_FIX
    )


def _short(content: object) -> str:
    shown = ascii(content)
    return shown if len(shown) <= 80 else shown[:77] + "..."
