"""The image that belongs to a key: the file of its name below the folder of images."""

from __future__ import annotations

from pathlib import Path

from segeval.errors import UsageError
from segeval.folders.walking import walk

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class Photos:
    """Find images by key: the path without its suffix is the key, or begins with it and goes on after _ - or a dot."""

    def __init__(self, root: Path) -> None:
        self._root = root
        files = walk(root, lambda name: name.casefold().endswith(SUFFIXES)).files
        if not files:
            raise UsageError("no image is found", (str(root),), f"Give the folder of {', '.join(SUFFIXES)} in --images")
        self._files = {file.rpartition(".")[0]: file for file in sorted(files, reverse=True)}

    def path(self, key: str) -> Path:
        """Return the file of a key; raises `UsageError` where there is none, or several."""
        if key in self._files:
            return self._root / self._files[key]
        begun = [file for stem, file in self._files.items() if stem.startswith(key) and stem[len(key)] in "_-."]
        if len(begun) != 1:
            told = f"{key}: {', '.join(begun[:3])}" if begun else key
            raise UsageError(
                "an image of --images does not follow from the key", (told,), "Name images as their ground truth is"
            )
        return self._root / begun[0]
