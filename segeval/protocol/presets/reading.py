"""Read a preset's TOML, and check all of it: a user's own preset goes through here too."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import NoReturn, TypeVar

from segeval.errors import UsageError, did_you_mean
from segeval.protocol.classlists import check_text, checked_classes, parse_class, parse_color, structured
from segeval.protocol.conventions import conventions
from segeval.protocol.labeling import Color, Group, SegmentationClass
from segeval.protocol.palettes import show
from segeval.protocol.presets.facts import Preset, PresetPairing, Source
from segeval.protocol.storage import STORAGE_NAMES, Storage, storage_from_dict

DEFAULT_IGNORE = 255

_KEYS = (*(field.name for field in fields(Preset) if field.name != "more_colors"), "map")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RAW_VALUE = re.compile(r"0|-?[1-9][0-9]{0,8}")
_KINDS = {int: "a whole number", str: "a text", bool: "true or false", list: "a list", dict: "a table"}
_T = TypeVar("_T")


def parse_preset(text: str, *, name: str) -> Preset:
    """Read a preset from TOML; `name` is the file's name, for errors.

    `name` is required, and `classes`, or `classes_from` where any classes go with it. Without `map`, or `gt_map` and
    `pred_map`, a raw value of a class or of `ignore` stands for itself; without `ignore` it is 255, and nothing under
    `binary`. Everything is checked.
    """
    data = structured(text, name=name if name.endswith(".toml") else f"{name}.toml")
    return _Reader(name).preset(data)


class _Reader:
    """Read one file; `name` is its name, for errors."""

    def __init__(self, name: str) -> None:
        self.name = name

    def preset(self, document: object) -> Preset:
        data = self.table(document, "", keys=_KEYS)
        classes_from = self.optional_text(data, "classes_from", "a preset") or ""
        for key in ("name",) if classes_from else ("name", "classes"):
            if key not in data:
                self.fail("a preset lacks a key", key, "A preset has at least a name and classes")
        if classes_from and "classes" in data:
            self.fail("a preset has classes and leaves them open", "classes_from", "Leave out one of the two")
        name = self.text(data["name"], "name")
        if not _NAME.fullmatch(name):
            self.fail("a preset's name is not one word", f"name: {name!a}", "Use letters, digits, '.', '_' and '-'")
        convention = self.text(data.get("convention", "segeval"), "convention")
        if convention not in conventions():
            fix = f"{did_you_mean(convention, conventions())}Choose one of {', '.join(conventions())}"
            self.fail("a preset names a convention that does not exist", f"convention: {convention!a}", fix)
        classes, more_colors = self.classes(data["classes"]) if not classes_from else ((), {})
        ids = [entry.id for entry in classes]
        binary = self.of(bool, data.get("binary", False), "binary")
        if binary and (sorted(ids) != [0, 1] or any(key in data for key in ("ignore", "map", "gt_map", "pred_map"))):
            fix = "Give the classes 0 and 1 and neither maps nor ignored values: every value but 0 is class 1"
            self.fail("a binary preset has other than two classes", "binary", fix)
        ignore = () if binary else self.ignore(data, ids)
        gt_map, pred_map = (self.map(data, key, ids, ignore) for key in ("gt_map", "pred_map"))
        for entry in classes:
            if entry.id not in {*gt_map.values(), *pred_map.values()}:
                self.fail("no raw value is mapped to a class", f"class {entry.id}, {entry.name}", "Add it to a map")
        return Preset(
            name=name,
            title=self.text(data.get("title", name), "title"),
            classes=classes,
            ignore=ignore,
            gt_map=gt_map,
            pred_map=pred_map,
            binary=binary,
            convention=convention,
            more_colors=more_colors,
            void_colors=self.void_colors(data, {*more_colors, *(entry.color for entry in classes)}),
            pairing=self.pairing(data.get("pairing", {})),
            groups=self.groups(data.get("groups", {}), ids),
            encodings={key: self.text(*item) for key, item in self.items(data, "encodings").items()},
            images={key: self.of(int, *item) for key, item in self.items(data, "images").items()},
            sources=tuple(self.each(data, "sources", self.source)),
            notes=self.text(data.get("notes", "-"), "notes").strip() if "notes" in data else "",
            unverified=tuple(self.each(data, "unverified", self.text)),
            gt_threshold=self.gt_threshold(data, binary=binary),
            storage=self.storage(data.get("storage", {})),
            classes_from=classes_from,
        )

    def classes(self, value: object) -> tuple[tuple[SegmentationClass, ...], dict[Color, int]]:
        """Return the classes, and the further colours of those that have some."""
        found: list[SegmentationClass] = []
        more: dict[Color, int] = {}
        taken: dict[Color, str] = {}
        for index, entry in enumerate(self.of(list, value, "classes"), start=1):
            place = f"classes, entry {index}"
            table = dict(self.table(entry, place))
            others = self.of(list, table.pop("more_colors", []), f"{place}, more_colors")
            found.append(parse_class(table, None, self.name, place))
            for other in others:
                more[self.color(other, f"{place}, more_colors", taken)] = found[-1].id
        for entry in found:
            if entry.color in more:
                self.fail(
                    "a colour has two meanings", f"{show(entry.color)}: {entry.name}", "Give each colour one class"
                )
        return checked_classes(found, name=self.name), more

    def gt_threshold(self, data: Mapping[str, object], *, binary: bool) -> int | None:
        if "gt_threshold" not in data:
            return None
        if not binary:
            self.fail("a threshold is of binary masks", "gt_threshold", "Add binary = true, or leave it out")
        return self.of(int, data["gt_threshold"], "gt_threshold")

    def storage(self, value: object) -> Storage:
        data = self.table(value, "storage", keys=STORAGE_NAMES)
        try:
            return storage_from_dict(data)
        except (TypeError, UsageError) as error:
            return self.fail("a preset stores labels in a way that there is not", f"storage: {error}", "Correct it")

    def ignore(self, data: Mapping[str, object], ids: Collection[int]) -> tuple[int, ...]:
        if "ignore" not in data:
            return () if DEFAULT_IGNORE in ids else (DEFAULT_IGNORE,)
        found = tuple(self.each(data, "ignore", lambda value, place: self.of(int, value, place)))
        for value in found:
            if value in ids:
                self.fail("an ignored value of a preset is a class", f"ignore: {value}", "Leave it out of the classes")
        return found

    def map(
        self, data: Mapping[str, object], side: str, ids: Collection[int], ignore: Collection[int]
    ) -> dict[int, int]:
        """Return raw value -> class id or ignored value, ascending: the map of the side, the common one, or none."""
        key = side if side in data else "map"
        if "map" in data and "gt_map" in data and "pred_map" in data:
            self.fail("a preset has a map that nothing uses", "map", "Leave out map, or gt_map or pred_map")
        if key not in data:
            return {value: value for value in sorted([*ids, *ignore])}
        found: dict[int, int] = {}
        for raw, (value, place) in self.items(data, key).items():
            if not _RAW_VALUE.fullmatch(raw):
                self.fail(
                    "a map of a preset has a key that is no value", f"{key}: {raw!a}", "Write RAW = CLASS, as 7 = 0"
                )
            found[int(raw)] = self.of(int, value, place)
            if value not in ids and value not in ignore:
                fix = "Map each raw value to a class id or to a value of ignore"
                self.fail("a map of a preset leads to no class", f"{key}: {raw} = {value}", fix)
        return dict(sorted(found.items()))

    def void_colors(self, data: Mapping[str, object], taken: Collection[Color | None]) -> tuple[Color, ...]:
        seen: dict[Color, str] = {}
        found = tuple(self.each(data, "void_colors", lambda value, place: self.color(value, place, seen)))
        for color in found:
            if color in taken:
                self.fail("a colour has two meanings", f"void_colors: {show(color)}", "Give each colour one class")
        return found

    def color(self, value: object, place: str, taken: dict[Color, str]) -> Color:
        found = parse_color(value)
        if found is None:
            fix = "Write a colour as [128, 64, 128] or #804080"
            self.fail("a colour is not three whole numbers from 0 to 255", f"{place}: {value!a}", fix)
        if found in taken:
            self.fail("a colour has two meanings", f"{place} and {taken[found]}: {show(found)}", "Give it once")
        taken[found] = place
        return found

    def pairing(self, value: object) -> PresetPairing:
        data = self.table(value, "pairing", keys=[field.name for field in fields(PresetPairing)])
        key_regex = self.optional_text(data, "key_regex", "pairing")
        if key_regex is not None:
            try:
                named = "key" in re.compile(key_regex).groupindex
            except (re.error, RecursionError, OverflowError):
                named = False
            if not named:
                fix = r"Give a regular expression with a group called key, as '^(?P<key>\d+)'"
                self.fail("a preset's key_regex finds no key", f"pairing.key_regex: {key_regex!a}", fix)
        return PresetPairing(
            gt_suffixes=tuple(self.each(data, "gt_suffixes", self.text)),
            pred_suffixes=tuple(self.each(data, "pred_suffixes", self.text)),
            key_regex=key_regex,
            gt_glob=self.optional_text(data, "gt_glob", "pairing"),
        )

    def groups(self, value: object, ids: Collection[int]) -> tuple[Group, ...]:
        found: list[Group] = []
        grouped: dict[int, str] = {}
        for name, members in self.table(value, "groups").items():
            place = f"groups.{self.text(name, 'groups')}"
            group = Group(name, tuple(self.of(int, member, place) for member in self.of(list, members, place)))
            for member in group.ids:
                if member not in ids:
                    self.fail("a group names a class that does not exist", f"{place}: {member}", "Name classes by id")
                if member in grouped:
                    where = f"class {member} in {grouped[member]} and {name}"
                    self.fail("a class is in two groups", where, "Leave it in one")
                grouped[member] = name
            if not group.ids:
                self.fail("a group is empty", place, "Name its classes by id")
            found.append(group)
        return tuple(found)

    def source(self, value: object, place: str) -> Source:
        data = self.table(value, place, keys=[field.name for field in fields(Source)])
        return Source(
            self.text(data.get("repo"), f"{place}, repo"),
            self.text(data.get("path"), f"{place}, path"),
            self.optional_text(data, "commit", place),
        )

    def table(self, value: object, place: str, *, keys: Collection[str] | None = None) -> dict[str, object]:
        found: dict[str, object] = self.of(dict, value, place)
        for key in found:
            if keys is not None and key not in keys:
                fix = f"{did_you_mean(key, keys)}The keys are {', '.join(keys)}"
                self.fail("a preset has an unknown key", f"{place}: {key!a}" if place else f"{key!a}", fix)
        return found

    def items(self, data: Mapping[str, object], key: str) -> dict[str, tuple[object, str]]:
        """Return the values of the table at `key`, each with its place."""
        table = self.table(data.get(key, {}), key)
        return {self.text(name, key): (value, f"{key}.{name}") for name, value in table.items()}

    def each(self, data: Mapping[str, object], key: str, read: Callable[[object, str], _T]) -> list[_T]:
        """Read every entry of the list at `key`."""
        entries = self.of(list, data.get(key, []), key)
        return [read(entry, f"{key}, entry {index}") for index, entry in enumerate(entries, start=1)]

    def optional_text(self, data: Mapping[str, object], key: str, place: str) -> str | None:
        return self.text(data[key], f"{place}, {key}") if key in data else None

    def text(self, value: object, place: str) -> str:
        found = self.of(str, value, place)
        check_text(found.replace("\n", " "), name=f"{self.name}: {place}")
        return found

    def of(self, kind: type[_T], value: object, place: str) -> _T:
        # A bool is an int to Python, and to nobody who wrote it.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail("a value of a preset has another type", f"{place}: {value!a}", f"Give {_KINDS[kind]}")
        return value

    def fail(self, what: str, where: str, fix: str) -> NoReturn:
        raise UsageError(what, (f"{self.name}: {where}",), fix)
