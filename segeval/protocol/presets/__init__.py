"""What is known of each data set: a TOML file each, read when asked for; a user's own preset has the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path

from segeval.errors import UsageError, did_you_mean
from segeval.protocol.labeling import Color
from segeval.protocol.palettes import Palette, disjoint_palette, share_explained, swapped
from segeval.protocol.presets.facts import Preset, PresetPairing, Source
from segeval.protocol.presets.reading import DEFAULT_IGNORE, parse_preset
from segeval.protocol.storage import PLAINLY

__all__ = [
    "Preset",
    "PresetPairing",
    "Source",
    "explain_colors",
    "parse_preset",
    "preset",
    "preset_digest",
    "preset_names",
    "preset_palette",
]

HOME = Path(__file__).parent
"""Where the package's presets are; importlib.resources brings tempfile and zipfile, five milliseconds."""
NEARLY_ALL = 0.99
"""Colours are explained where this share of their pixels is."""
ENOUGH = 3
"""Colours of a preset that are met before it is named."""


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the package's presets, ascending, without reading one.

    Returns
    -------
    tuple of str
        Names that `preset` and the keyword of that name take.

    Examples
    --------
    >>> "cityscapes" in segeval.preset_names()
    True
    """
    return tuple(sorted(path.stem for path in HOME.glob("*.toml")))


@cache
def preset(name: str) -> Preset:
    """Return the package's preset called `name`, reading its file only.

    Parameters
    ----------
    name
        One of `preset_names()`.

    Returns
    -------
    Preset
        Classes, ignored values, maps, colours and the official convention of a data set, with their sources.

    Raises
    ------
    UsageError
        Where there is no preset of this name.

    Examples
    --------
    >>> segeval.preset("cityscapes").classes[0].name
    'road'
    """
    if name not in preset_names():
        raise UsageError(
            f"there is no preset '{name}'",
            (),
            f"{did_you_mean(name, preset_names())}Choose one of {', '.join(preset_names())}, or give a TOML file: "
            "--preset ./mine.toml",
        )
    text = (HOME / f"{name}.toml").read_text(encoding="utf-8")
    return parse_preset(text, name=f"{name}.toml")


def stored_otherwise(preset: Preset) -> bool:
    """Tell whether files are read in another way than plainly."""
    return preset.gt_threshold is not None or preset.storage != PLAINLY


def preset_digest(preset: Preset) -> str:
    """Return 8 hexadecimal characters (blake2b) of all in a preset that can change a number, but for its convention."""
    content = [
        sorted([entry.id, entry.name, entry.color] for entry in preset.classes),
        sorted(preset.ignore),
        sorted(preset.gt_map.items()),
        sorted(preset.pred_map.items()),
        preset.binary,
        sorted(preset.more_colors.items()),
        sorted(preset.void_colors),
        sorted([group.name, sorted(group.ids)] for group in preset.groups),
        *([preset.gt_threshold, preset.storage.to_dict()] if stored_otherwise(preset) else []),
    ]
    return blake2b(json.dumps(content).encode("ascii"), digest_size=4).hexdigest()


def preset_palette(preset: Preset, *, side: str) -> Palette:
    """Return the palette of one folder's RGB masks; `side` is "gt" or "pred".

    A colour becomes the smallest raw value that the folder's map sends to its class, a void colour the smallest sent
    to void (a negative one only if there is no other); what the map never yields has no colour. UsageError where
    classes share a colour, or none has one.
    """
    values = {"gt": preset.gt_map, "pred": preset.pred_map}[side]
    smallest = {mapped: raw for raw, mapped in sorted(values.items(), reverse=True)}
    titles = {entry.id: entry.name for entry in preset.classes}
    meanings = [(entry.color, entry.id) for entry in preset.classes if entry.color] + list(preset.more_colors.items())
    entries = [(color, smallest[target], titles[target]) for color, target in meanings if target in smallest]
    voids = [raw for raw, mapped in values.items() if mapped in preset.ignore]
    void = min(voids, key=lambda raw: (raw < 0, raw), default=None)
    entries += [(color, void, "void") for color in preset.void_colors if void is not None]
    if not entries:
        raise UsageError(
            "the preset has no colours, so RGB masks cannot be decoded with it",
            (preset.name,),
            "Store the masks as labels (gray or palette PNG), or give their colours with --palette FILE",
        )
    return disjoint_palette(entries, name=f"preset {preset.name}")


def explain_colors(colors: Mapping[Color, int], *, palette: Palette | None = None) -> str | None:
    """Say what would explain colours that `palette` does not know, or None.

    `colors` counts the pixels of each. They may be `palette` in BGR order, or the colours of a preset of the package;
    either must explain nearly all pixels. `ENOUGH` colours speak for a preset, one of them neither gray nor of levels
    0 and 255 only: black, white and pure red are in palettes that nobody published.
    """
    if palette is not None and share_explained(colors, swapped(palette)) >= NEARLY_ALL:
        return (
            f"The colours are those of {palette.name} with red and blue exchanged (BGR): "
            "write the masks in RGB order, as with cv2.cvtColor before cv2.imwrite"
        )
    palettes = ((known, _all_colors(known)) for known in map(preset, preset_names()))
    speaking = [(len(palette.colors), known) for known, palette in palettes if _speaks_for(colors, palette)]
    if not speaking:
        return None
    fewest = min(size for size, _ in speaking)  # a palette of 171 colours has those of many a smaller one
    found = [known for size, known in speaking if size == fewest]
    names = " or ".join(known.name for known in found)
    if not any(known.has_palette for known in found):
        return f"The colours are those of the preset {names}, in which classes share colours: store the masks as labels"
    return f"The colours are those of the preset {names}: --preset {found[0].name}"


def _all_colors(preset: Preset) -> Palette:
    colors = {entry.color: entry.id for entry in preset.classes if entry.color}
    return Palette({**colors, **preset.more_colors, **dict.fromkeys(preset.void_colors, DEFAULT_IGNORE)}, preset.name)


def _speaks_for(colors: Mapping[Color, int], palette: Palette) -> bool:
    known = [color for color in colors if color in palette.colors]
    return (
        len(known) >= ENOUGH
        and any(len(set(color)) > 1 and not set(color) <= {0, 255} for color in known)
        and (share_explained(colors, palette) >= NEARLY_ALL)
    )
