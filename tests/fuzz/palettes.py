"""Mutated palettes, class lists and presets: each is read or refused with an error that names the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from segeval.errors import SegevalError
from segeval.protocol.classlists import parse_classes
from segeval.protocol.palettes import parse_palette
from segeval.protocol.presets.reading import parse_preset
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import spoiled

NAMES = ("a.txt", "a.json", "a.toml", "a.csv", "a")
LISTS = (
    "road\nsky\ncar\n",
    "0 road\n1 sky\n7,car\n255: void\n",
    '["road", "sky"]',
    '{"classes": [{"id": 0, "name": "road", "color": [128, 64, 128]}, {"id": 3, "name": "sky", "color": "#4682b4"}]}',
    '{"0": "road", "1": "sky"}',
    '[[classes]]\nid = 0\nname = "road"\ncolor = [1, 2, 3]\n[[classes]]\nid = 1\nname = "sky"\ncolor = [4, 5, 6]\n',
    "road = 0\nsky = 1\n",
    '{"classes": [{"title": "road", "color": "#51C6AA", "id": 7}, {"title": "sky", "color": "#FF0000", "id": 4}]}',
    '{"categories": [{"id": 1, "name": "road", "isthing": 0}, {"id": 4, "name": "sky", "color": [1, 2, 3]}]}',
    '{"road": [1, 1, 1], "sky": [2, 2, 2]}',
)
PALETTES = (
    "128 64 128 road\n70 130 180 sky\n# a comment\n0 0 0 void\n",
    "#804080 0\n#4682b4 1\n",
    "r,g,b,name\n128,64,128,road\n70,130,180,sky\n",
    "128 64 128\n70 130 180\n",
    "road: (128, 64, 128)\nsky: (70, 130, 180)\n",
    '{"128,64,128": "road", "70,130,180": 1}',
    '{"road": [128, 64, 128], "sky": "#4682b4"}',
    "[[128, 64, 128], [70, 130, 180]]",
    '[{"id": 0, "name": "road", "color": [128, 64, 128]}, {"id": 1, "name": "sky", "color": [70, 130, 180]}]',
    '[colors]\nroad = [128, 64, 128]\nsky = "#4682b4"\n',
)
CLASSES = parse_classes("road\nsky\ncar", name="classes")
PIECES = (
    *("\n", "\0", "\x1b[2J", "\u202e", "\ufeff", "\ud800", "[", "]", "{", "}", '"', "'", ",", "=", "#", "#" * 9),
    *("-1", "256", "999999999999999999999", "1e9", "nan", "true", "null", "٣", "0x10", "1_000", "[bold]"),
    *("[" * 3000, "{'a':" * 500, "a = " * 200, "9" * 5000, "road", "void", "\r", "\u2028", "\U0001d7d9"),
)


@cache
def presets() -> tuple[str, ...]:
    """Return the texts of the presets that are shipped."""
    folder = files("segeval.protocol.presets")
    return tuple(entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _palette(text: str, name: str) -> Any:
    return parse_palette(text, name=name, classes=CLASSES, mapping={7: 0, 9: 255})


READERS: tuple[tuple[Callable[[], tuple[str, ...]], Callable[[str, str], Any]], ...] = (
    (lambda: LISTS, lambda text, name: parse_classes(text, name=name)),
    (lambda: PALETTES, _palette),
    (presets, lambda text, name: parse_preset(text, name=name)),
)


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated text and read it."""
    texts, read = chance.choice(READERS)
    text = chance.choice(texts())
    for _ in range(chance.choice((1, 1, 2, 4))):
        if chance.random() < 0.5:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice(PIECES) + text[at + chance.choice((0, 0, 1, 5)) :]
        else:
            others = [other.encode() for other in texts()]
            text = spoiled(chance, text.encode("utf-8", "surrogatepass"), others).decode("utf-8", "replace")
    data = text.encode("utf-8", "surrogatepass")
    CURRENT.data = data
    name = chance.choice(NAMES)
    try:
        read(text, name)
    except SegevalError as error:
        if not any(name in place for place in error.where):
            raise WrongError(f"an error that does not name its file: {error!r}", data) from error
        return "refused", data
    return "read", data
