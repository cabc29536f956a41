"""Evaluators that no package index has: read from clones of their repositories at a fixed commit, and run as they are.

A file is run alone. What it imports beside numpy, scipy and torch, and does not need for its numbers, is stood in for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

FOLDER = "SEGTEST_CLONES"
"""The environment variable that names the folder of the clones, each called as its repository is."""


class NoCloneError(Exception):
    """The repository of an evaluator was not cloned."""


class _Anything(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn


class StandIn(metaclass=_Anything):
    """Be whatever an import wants: a base class, a decorator, a name that is never used."""

    def __new__(cls, *arguments: Any, **_options: Any) -> Any:
        """Return a decorated thing as it is, and a stand-in for everything else."""
        if cls is StandIn and len(arguments) == 1 and isinstance(arguments[0], type | FunctionType):
            return arguments[0]
        return super().__new__(cls)

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """Take anything."""

    def __call__(self, *arguments: Any, **_options: Any) -> Any:
        """Return a decorated thing as it is."""
        return arguments[0] if arguments else self


class StandInModule(ModuleType):
    """A module that has every name."""

    def __init__(self, name: str) -> None:
        """Be a package, so that its submodules can be imported."""
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        """Return a stand-in for any name but Python's own."""
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn


def source(repository: str, commit: str, path: str) -> str:
    """Return the text of a file of a clone at a commit."""
    clone = Path(os.environ.get(FOLDER, "")) / repository
    if not os.environ.get(FOLDER) or not clone.exists():
        raise NoCloneError(f"{FOLDER} names no folder that holds a clone of {repository}")
    shown = subprocess.run(
        ["git", "-C", str(clone), "show", f"{commit}:{path}"], check=True, capture_output=True, text=True
    )
    return shown.stdout


def execute(text: str, name: str, stand_ins: Sequence[str] = (), package: str = "") -> ModuleType:
    """Run a module's text, with stand-ins for the modules that are named; names of submodules bring their parents."""
    missing = [part for dotted in stand_ins for part in _parents(dotted) if part not in sys.modules]
    for part in missing:
        sys.modules[part] = StandInModule(part)
    module = ModuleType(name)
    module.__package__ = package
    try:
        exec(compile(text, name, "exec"), module.__dict__)
    finally:
        for part in missing:
            sys.modules.pop(part, None)
    return module


def _parents(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]
