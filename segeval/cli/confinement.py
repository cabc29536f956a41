"""Where the paths of a configuration lie: beside it; one that was only found may write nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from segeval.cli.parameters import PathType, Target
from segeval.errors import UsageError


def placed(kind: object, value: str, config: Path, *, found: bool) -> str:
    """Return what a value in the file `config` stands for: paths in it are relative to that file.

    Raises `UsageError` where the file was `found` and a file to write lies outside its folder, links followed.
    """
    if found and "://" in value:
        raise UsageError(
            "a configuration that was found names a URL",
            (str(config),),
            f"If you trust it, say --config {config}; otherwise say --no-config",
        )
    if "://" in value:
        return value
    file = kind.file_of(value) if isinstance(kind, PathType | Target) else None
    if file is None:
        return value
    prefix, text = file
    target = config.parent / text
    written = isinstance(kind, PathType | Target) and kind.written
    if found and written and not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(config.parent)):
        raise UsageError(
            "a configuration that was found writes outside its folder",
            (f"{config}: {prefix}{text}",),
            f"If you trust it, say --config {config}; otherwise say --no-config",
        )
    return f"{prefix}{target.as_posix()}"
