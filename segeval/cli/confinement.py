"""Where a configuration may write: one that was only found, and may be a stranger's, not outside its own folder."""

from __future__ import annotations

import os
from pathlib import Path

from segeval.errors import UsageError

WRITTEN = ("save", "outputs", "curves", "per_image")
"""Options that name a file to write."""


def placed(option: str, value: object, config: Path, *, found: bool) -> object:
    """Return what an option that names outputs stands for in the file `config`: paths below the file's folder.

    Raises `UsageError` where the file was `found` and an output lies outside its folder, links followed.
    """
    if isinstance(value, list):
        return [placed(option, each, config, found=found) for each in value]
    text, prefix = str(value), ""
    if option == "outputs":
        from segeval.render import parse_target

        name, path = parse_target(text)
        text, prefix = str(path), f"{name}:"
    target = config.parent / text
    if found and not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(config.parent)):
        raise UsageError(
            "a configuration that was found writes outside its folder",
            (f"{config}: {prefix}{text}",),
            f"If you trust it, say --config {config}; otherwise say --no-config",
        )
    return f"{prefix}{target}"
