"""Class lists as plain text: a name a line, or one of the forms that data sets and labelling tools write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from segeval.errors import UsageError
from segeval.protocol.labeling import Color, SegmentationClass
from segeval.records import dataclass

LONGEST_NUMBER = 12
"""Digits of an id beyond which it is out of range whatever it is."""

NUMBER = r"[+-]?[0-9]+"
_LEVEL = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_BETWEEN = {"tab": r"\s*\t\s*", "semicolon": r"\s*;\s*", "comma": r"\s*,\s*", "colon": r"\s*:\s*", "space": r"\s+"}
"""What can stand between the fields of a line, the most telling first."""
_LONGEST_LINE = 1000
"""A longer line is no line of a table; matching takes time that grows with its square."""
_LIKELY_FORM = 4
"""So many lines of one form are no coincidence."""
_FEW = 2
"""So few lines of another form among them are a slip."""

_ID_COLUMNS = (
    "id",
    "ids",
    "idx",
    "index",
    "value",
    "pixel value",
    "pixel_value",
    "class id",
    "class_id",
    "label id",
    "label_id",
    "label",
    "class",
)
_NAME_COLUMNS = ("name", "names", "class name", "class_name", "label name", "label_name", "category", "class", "label")
_COLOR_COLUMNS = (("r", "red"), ("g", "green"), ("b", "blue"))
_LABELME_VOID = "__ignore__"
"""First line of labelme's list: what has no class there has the value -1, so classes count from the next line."""
_NAMES_KEY = re.compile(r"names\s*:\s*(?P<list>\[.*\])?\s*")
_YAML_ITEM = re.compile(rf"\s*(?:-\s+|(?P<id>{NUMBER})\s*:\s+)(?P<name>\S.*)")
_LABEL_MAP_HEADING = re.compile(r"#\s*label\s*:\s*color_rgb\b.*", re.IGNORECASE)
LABEL_MAP_LINE = re.compile(rf"(?P<name>[^:]+):(?P<r>{_LEVEL}),(?P<g>{_LEVEL}),(?P<b>{_LEVEL}):[^:]*:[^:]*")
"""A line of the `labelmap.txt` that CVAT writes with VOC masks: name, colour, parts, actions."""


def text_classes(text: str, *, name: str) -> list[SegmentationClass]:
    """Read the classes of a plain text; `name` is the file's name, for errors.

    A form counts where every line fits it, after at most one heading: id and name, name and id, name and colour,
    colour and name, id, name and colour (with tabs, semicolons, commas, colons or spaces between), the columns that a
    heading names, CVAT's label map, labelme's list, YAML's `names:`. Otherwise each line is a name, and its number
    from 0 the id. Raises `UsageError` where a heading stands above lines that do not fit it, where one or two lines
    differ from four or more of one form, and for blank lines and comments.
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").rstrip().split("\n")]
    if lines == [""]:
        return []
    listed = _yaml_names(text, name)
    if listed is not None:
        return listed
    for number, line in enumerate(lines, start=1):
        if not line:
            raise UsageError(
                "a class list has a blank line, so the ids below it are in doubt",
                (f"{name}, line {number}",),
                "Remove the line, or write the id before every name",
            )
    if max(map(len, lines)) > _LONGEST_LINE:
        return _numbered(lines)
    if lines[0] == _LABELME_VOID:
        return _numbered(lines[1:])
    columns = _columns(lines[0])
    if columns is not None and len(lines) > 1:
        return list(_rows(columns, lines, name))
    if lines[0].startswith("#") and len(lines) > 1:
        form = _form_of_all(lines[1:])
        if form is not None and ("id" in form.groupindex or _LABEL_MAP_HEADING.fullmatch(lines[0])):
            return list(_entries(form, lines[1:]))
    return _without_heading(lines, name)


def _without_heading(lines: Sequence[str], name: str) -> list[SegmentationClass]:
    comments = [f"{name}, line {number}: {line!a}" for number, line in enumerate(lines, 1) if line.startswith("#")]
    if comments:
        raise UsageError(
            "a line of a class list is a comment, so the ids below it are in doubt", comments, "Remove the line"
        )
    form = _form_of_all(lines)
    if form is not None:
        return list(_entries(form, lines))
    _refuse_slips(lines, name)
    return _numbered(lines)


def _numbered(names: Iterable[str]) -> list[SegmentationClass]:
    return [SegmentationClass(index, line) for index, line in enumerate(names)]


def _forms() -> Iterator[re.Pattern[str]]:
    """Yield the forms of a line, those that say the most first: a line of five fields also fits one of two."""
    yield LABEL_MAP_LINE
    for wanted in (
        rf"(?P<id>{NUMBER})%(?P<name>\S.*?)%(?P<r>{_LEVEL})%(?P<g>{_LEVEL})%(?P<b>{_LEVEL})",
        rf"(?P<name>\S.*?)%(?P<r>{_LEVEL})%(?P<g>{_LEVEL})%(?P<b>{_LEVEL})",
        rf"(?P<r>{_LEVEL})%(?P<g>{_LEVEL})%(?P<b>{_LEVEL})%(?P<name>[^\W\d].*)",
        rf"(?P<id>{NUMBER})%(?P<name>\S.*)",
    ):
        for between in _BETWEEN.values():
            yield re.compile(wanted.replace("%", between))
    yield re.compile(rf"(?P<id>{NUMBER})(?:\s*[,;:]\s*|\s+)(?P<name>\S.*)")
    for word, between in _BETWEEN.items():
        if word != "space":  # "class 1" is a name
            yield re.compile(rf"(?P<name>\S.*?){between}(?P<id>{NUMBER})")


def _form_of_all(lines: Sequence[str]) -> re.Pattern[str] | None:
    return next((form for form in _forms() if all(map(form.fullmatch, lines))), None)


def _refuse_slips(lines: Sequence[str], name: str) -> None:
    """Raise `UsageError` where all but one or two lines are of one form: their names would hold ids or colours."""
    if len(lines) < _LIKELY_FORM + 1:
        return
    for form in _forms():
        unlike = ((number, line) for number, line in enumerate(lines, 1) if not form.fullmatch(line))
        others = list(islice(unlike, _FEW + 1))
        if 1 <= len(others) <= _FEW and len(lines) - len(others) >= _LIKELY_FORM:
            raise UsageError(
                "a line of a class list has another form than the other lines",
                [f"{name}, line {number}: {line!a}" for number, line in others],
                f"Write every line in one form, as line {1 if others[0][0] > 1 else others[-1][0] + 1} is written",
            )


def _entries(form: re.Pattern[str], lines: Sequence[str]) -> Iterator[SegmentationClass]:
    for position, line in enumerate(lines):
        match = form.fullmatch(line)
        assert match is not None, "every line was seen to fit"
        yield _entry(match.groupdict(), position)


def _entry(fields: Mapping[str, str | None], position: int) -> SegmentationClass:
    digits, title = fields.get("id"), fields["name"] or ""
    color: Color | None = None
    if fields.get("r") is not None:
        color = (int(fields["r"] or 0), int(fields["g"] or 0), int(fields["b"] or 0))
    return SegmentationClass(position if digits is None else class_id(digits), title.strip(), color)


def class_id(digits: str) -> int:
    """Return the number that the digits write; one too long to convert is out of range whatever it is."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else int("9" * LONGEST_NUMBER)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Say in which column of a table each part of a class stands, and what separates columns."""

    between: str
    count: int
    parts: Mapping[str, int]


def _columns(heading: str) -> _Columns | None:
    """Read a heading such as `Pixel Value, Class` or `name,r,g,b`; `None` where the line is none."""
    for between in ("\t", ";", ","):
        words = [word.strip().lower() for word in heading.split(between)]
        title = next((words.index(word) for word in _NAME_COLUMNS if word in words), None)
        if title is None:
            continue
        parts = {"name": title}
        number = next((words.index(word) for word in _ID_COLUMNS if word in words and words.index(word) != title), None)
        if number is not None:
            parts["id"] = number
        levels = [next((words.index(word) for word in wanted if word in words), None) for wanted in _COLOR_COLUMNS]
        if None not in levels:
            parts.update({key: place for key, place in zip("rgb", levels, strict=True) if place is not None})
        if len(parts) > 1:
            return _Columns(between, len(words), parts)
    single = heading.strip().lower()
    return _Columns(",", 1, {"name": 0}) if single in {"name", "names", "class_name", "class name"} else None


def _rows(columns: _Columns, lines: Sequence[str], name: str) -> Iterator[SegmentationClass]:
    import csv

    table = list(csv.reader(lines[1:], delimiter=columns.between, skipinitialspace=True))
    for position, row in enumerate(table):
        fields: dict[str, str | None] = {}
        if len(row) == columns.count:
            fields = {part: row[place].strip() for part, place in columns.parts.items()}
        numeric = [fields.get(part) for part in ("id", "r", "g", "b") if part in columns.parts]
        if not fields or not all(value and re.fullmatch(NUMBER, value) for value in numeric):
            raise UsageError(
                "a line of a class list does not fit its heading",
                (f"{name}, line {position + 2}: {lines[position + 1]!a}, below {lines[0]!a}",),
                "Write every line as the heading says, or remove the heading",
            )
        if any(not 0 <= class_id(fields[part] or "") <= 255 for part in "rgb" if part in columns.parts):
            raise UsageError(
                "a colour is not three whole numbers from 0 to 255",
                (f"{name}, line {position + 2}: {lines[position + 1]!a}",),
                "Write red, green and blue as numbers from 0 to 255",
            )
        yield _entry(fields, position)


def _yaml_names(text: str, name: str) -> list[SegmentationClass] | None:
    """Read the `names:` of a YAML file as YOLO data sets have it: a list, or a number and a name a line."""
    lines = text.removeprefix("\ufeff").replace("\r", "").rstrip().split("\n")
    start = next((place for place, line in enumerate(lines) if _NAMES_KEY.fullmatch(line)), None)
    suffix = name.rpartition(".")[2].lower()
    if start is None or (start and suffix not in {"yaml", "yml"}):
        return None
    inline = _NAMES_KEY.fullmatch(lines[start])
    assert inline is not None, "the line was found by this pattern"
    if inline["list"]:
        import csv

        items = next(csv.reader([inline["list"][1:-1].replace("'", '"')], skipinitialspace=True), [])
        return _numbered(item.strip() for item in items if item.strip())
    found: list[SegmentationClass] = []
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        match = _YAML_ITEM.fullmatch(line)
        if match is None and (not line.strip() or (line[:1] not in " -" and suffix in {"yaml", "yml"})):
            break
        if match is None:
            raise UsageError(
                "a line of a class list does not fit its heading",
                (f"{name}, line {number}: {line!a}, below {lines[start]!a}",),
                "Write '<id>: <name>' or '- <name>' on every line below names:",
            )
        title = match["name"].strip().strip("'\"")
        found.append(SegmentationClass(class_id(match["id"]) if match["id"] else len(found), title))
    return found
