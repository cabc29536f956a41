"""Class lists: the names, ids and colours of classes, read from plain text, JSON or TOML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NoReturn

from segeval.errors import UsageError, did_you_mean
from segeval.files.usertexts import TextBoundError, check_lines, json_data, toml_data
from segeval.protocol.classtext import NUMBER, class_id, text_classes
from segeval.protocol.labeling import Color, SegmentationClass
from segeval.protocol.toollists import gray_classes, tool_classes

CLASSES_FIX = (
    "Give one class name a line (the first line is class 0), one '<id> <name>' a line, "
    'or a JSON or TOML list of {"id": 0, "name": "road", "color": [128, 64, 128]}'
)
"""The forms of a class list, for errors."""

LARGEST_ID = 2**31 - 1
"""No mask stores a larger class id than this."""

LONGEST_NAME = 1000
MOST_CLASSES = 1280
"""The confusion matrix is dense: so many classes take 13 MB of counts. The longest list that is known has 1,203."""

_NUMBER = re.compile(NUMBER)
_HEX_COLOR = re.compile(r"#(?P<r>[0-9a-f]{2})(?P<g>[0-9a-f]{2})(?P<b>[0-9a-f]{2})", re.IGNORECASE)
_TOML_LINE = re.compile(
    r"""^[ \t]*+(?:\[\[?[ \t]*+[A-Za-z_"'][^,\]\n]*+\]\]?|(?:"[^"\n]*+"|'[^'\n]*+'|[\w-]++)[ \t]*+=)""", re.MULTILINE
)
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def parse_classes(text: str, *, name: str) -> tuple[SegmentationClass, ...]:
    """Read a class list, in the order of the file; `name` is the file's name, for errors.

    Plain text is as `segeval.protocol.classtext.text_classes` reads it. JSON and TOML hold a list of names, a list of
    objects with `name`, `id` (or all without: then the position) and `color` (or all without), that list under
    `classes`, or a table from id to name or from name to id; `segeval.protocol.toollists` has the forms
    of tools. Ids and names occur once; ids are at least 0.
    """
    data = structured(text, name=name)
    entries = text_classes(text, name=name) if data is None else _data_entries(data, name)
    return checked_classes(entries, name=name)


def numbered_classes(count: int) -> tuple[SegmentationClass, ...]:
    """Return `count` classes called "0", "1", and so on."""
    if not 1 <= count <= MOST_CLASSES:
        memory = f"their confusion matrix would take {8 * count**2 / 2**20:,.0f} MiB"
        raise UsageError(
            f"there cannot be {count:,} classes",
            (memory,) if count > 0 else (),
            f"Give 1 to {MOST_CLASSES:,}, or leave --classes out: classes are then the values met",
        )
    return tuple(SegmentationClass(index, str(index)) for index in range(count))


def class_digest(classes: Iterable[SegmentationClass]) -> str:
    """Return 8 hexadecimal characters (blake2b) of ids and names.

    Neither the colours nor the order of the classes change a score, so they do not change the digest.
    """
    import json

    content = json.dumps(sorted([entry.id, entry.name] for entry in classes), ensure_ascii=True)
    return blake2b(content.encode("ascii"), digest_size=4).hexdigest()


def checked_classes(classes: Iterable[SegmentationClass], *, name: str) -> tuple[SegmentationClass, ...]:
    """Return `classes` if they make a class list: at least one, each id and each name once, names printable."""
    checked = tuple(classes)
    if not checked:
        raise UsageError("the class list is empty", (name,), CLASSES_FIX)
    if len(checked) > MOST_CLASSES:
        raise UsageError(
            f"a class list has more than {MOST_CLASSES:,} classes, which one confusion matrix has no room for",
            (f"{name}: {len(checked):,} classes",),
            "List the classes that matter, and let --map or --ignore take the other values",
        )
    ids: dict[int, str] = {}
    names: dict[str, int] = {}
    for entry in checked:
        check_name(entry.name, name=f"{name}: class {entry.id}")
        if not 0 <= entry.id <= LARGEST_ID:
            raise UsageError(
                "a class id is out of range", (f"{name}: {entry.name!r} has id {entry.id}",), "Class ids start at 0"
            )
        if _NUMBER.fullmatch(entry.name) and entry.name != str(entry.id):
            raise UsageError(
                "a class is named by a number that is not its id",
                (f"{name}: class {entry.id} is called {entry.name!r}",),
                "Give each class a name; to only number them, give the number of classes instead of a file",
            )
        if entry.id in ids:
            raise UsageError(
                "a class id occurs twice",
                (f"{name}: id {entry.id} is {ids[entry.id]!r} and {entry.name!r}",),
                "Give each class its own id",
            )
        if entry.name in names:
            raise UsageError(
                "a class name occurs twice",
                (f"{name}: {entry.name!r} is class {names[entry.name]} and class {entry.id}",),
                "Give each class its own name; to merge two values into one class, use --map",
            )
        ids[entry.id] = entry.name
        names[entry.name] = entry.id
    return checked


def check_name(text: str, *, name: str) -> None:
    """Refuse an empty name, a long one, and characters that would garble a terminal; `name` says where it stands."""
    check_text(text, name=name)
    if len(text) > LONGEST_NAME:
        raise UsageError(
            "a name is too long",
            (f"{name}: {len(text):,} characters",),
            f"Give names of at most {LONGEST_NAME} characters",
        )


def check_text(text: str, *, name: str) -> None:
    """Refuse an empty text, and one with characters that would garble a terminal; `name` says where it stands."""
    if not text.strip():
        raise UsageError("a name is empty", (name,), "Give every entry a name")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in _BIDI_CONTROLS for char in text):
        raise UsageError(
            "a name has control characters", (f"{name}: {text!a}",), "Write names in printable characters only"
        )


def parse_class(entry: object, position: int | None, name: str, place: str) -> SegmentationClass:
    """Read {id, name, color} of JSON or TOML data; without id it is `position`, unless that is None."""
    if not isinstance(entry, Mapping):
        _malformed(name, place, entry)
    for key in entry:
        if key not in {"id", "name", "color"}:
            hint = did_you_mean(str(key), ("id", "name", "color"))
            raise UsageError(
                "a class has an unknown key",
                (f"{name}, {place}: {key!a}",),
                f"{hint}A class has the keys id, name and color",
            )
    number = entry.get("id", position)
    title = entry.get("name")
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(title, str):
        _malformed(name, place, entry)
    color = None
    if "color" in entry:
        color = parse_color(entry["color"])
        if color is None:
            raise UsageError(
                "a colour is not three whole numbers from 0 to 255",
                (f"{name}, {place}: {entry['color']!a}",),
                "Write a colour as [128, 64, 128] or #804080",
            )
    return SegmentationClass(number, title, color)


def structured(text: str, *, name: str) -> object | None:
    """Return the data of a JSON or TOML text, or None for plain text.

    The suffix of `name` decides; without one of .json, .toml, .txt or .csv the text itself does. Errors name the line.
    """
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    text = text.removeprefix("\ufeff")
    start = text.lstrip()
    if suffix == "json" or (suffix not in {"toml", "txt", "csv"} and start[:1] == "{"):
        return _parsed(json_data, text, name, "JSON")
    if suffix == "toml" or (suffix not in {"txt", "csv"} and _TOML_LINE.search(text)):
        return _parsed(toml_data, text, name, "TOML")
    if suffix not in {"txt", "csv"} and start[:1] == "[":
        return _parsed(json_data, text, name, "JSON")
    _parsed(check_lines, text, name, "text")
    return None


def parse_color(value: object) -> Color | None:
    """Return the colour that `value` writes, or None if it writes none.

    Colours are three whole numbers 0..255 in a list, or in text with commas or spaces between them, or #rrggbb.
    """
    parts: Sequence[object]
    if isinstance(value, str):
        if match := _HEX_COLOR.fullmatch(value.strip()):
            return (int(match["r"], 16), int(match["g"], 16), int(match["b"], 16))
        fields = re.split(r"\s*[,;]\s*|\s+", value.strip().strip("()[]").strip())
        parts = [int(field) for field in fields if re.fullmatch(r"[0-9]{1,9}", field)]
        if len(parts) != len(fields):
            return None
    elif isinstance(value, list | tuple):
        parts = value
    else:
        return None
    numbers = [part for part in parts if isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == len(parts) == 3 else None


def _parsed(parse: Callable[[str], object], text: str, name: str, kind: str) -> object:
    from json import JSONDecodeError

    try:
        return parse(text)
    except TextBoundError as error:
        raise UsageError(
            "a file has more in it than a list has", (f"{name}: {error}",), "Check the path that the option names"
        ) from None
    except JSONDecodeError as error:
        where = f"{name}, line {error.lineno}, column {error.colno}: {error.msg}"
    except ValueError as error:
        where = f"{name}: {error}"
    raise UsageError(f"a file is not valid {kind}", (where,), "Fix the file at that place")


def _malformed(name: str, place: str, content: object) -> NoReturn:
    shown = ascii(content)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    raise UsageError("an entry is no class", (f"{name}, {place}: {shown}",), CLASSES_FIX)


def _data_entries(data: object, name: str) -> list[SegmentationClass]:
    if isinstance(data, Mapping):
        data = tool_classes(data) or gray_classes(data) or data
    if isinstance(data, Mapping) and "classes" in data:
        data = data["classes"]
    if isinstance(data, Mapping):
        return [_table_entry(key, value, name) for key, value in data.items()]
    if not isinstance(data, list):
        _malformed(name, "the whole of it", data)
    if all(isinstance(entry, str) for entry in data):
        return [SegmentationClass(index, entry) for index, entry in enumerate(data)]
    numbered = any(isinstance(entry, Mapping) and "id" in entry for entry in data)
    return [
        parse_class(entry, None if numbered else index, name, f"entry {index + 1}") for index, entry in enumerate(data)
    ]


def _table_entry(key: str, value: object, name: str) -> SegmentationClass:
    if isinstance(value, int) and not isinstance(value, bool):
        return SegmentationClass(value, key)
    if isinstance(value, str) and _NUMBER.fullmatch(key):
        return SegmentationClass(class_id(key), value)
    return _malformed(name, f"key {key!a}", value)
