"""What `help()` says of the public API: every example runs, and every parameter is told in its section."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import segeval

ROOT = Path(__file__).resolve().parents[1]
NAMES = [name for name in segeval.__all__ if not name.startswith("__")]
CLASSES = [getattr(segeval, name) for name in NAMES if inspect.isclass(getattr(segeval, name))]
FUNCTIONS = [getattr(segeval, name) for name in NAMES if not inspect.isclass(getattr(segeval, name))]
RESULTS = (segeval.Report, segeval.ConfusionMatrix, segeval.ProbabilityMeter)
"""Classes whose methods people call."""
METHODS = [
    method
    for owner in RESULTS
    for name, method in vars(owner).items()
    if inspect.isfunction(method) and not name.startswith("_")
]
SECTIONS = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)
ORDER = ["Parameters", "Returns", "Raises", "Notes", "References", "Examples"]
NEEDS = {"Report.to_dataframe": "pandas"}


def sections(function: Callable[..., Any]) -> dict[str, str]:
    parts = SECTIONS.split(inspect.getdoc(function) or "")
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def called(function: Callable[..., Any]) -> str:
    return function.__qualname__


@pytest.mark.parametrize("name", NAMES)
def test_every_example_prints_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found = doctest.DocTestFinder().find(getattr(segeval, name), name, module=False, globs={"segeval": segeval})
    told: list[str] = []
    for example in found:
        needed = NEEDS.get(example.name)
        if needed is None or find_spec(needed):
            runner.run(example, out=told.append)
    assert not runner.summarize(verbose=False).failed, "".join(told)


@pytest.mark.parametrize("function", [*FUNCTIONS, *METHODS], ids=called)
def test_every_function_has_its_sections_in_the_usual_order(function: Callable[..., Any]) -> None:
    told = sections(function)
    signature = inspect.signature(function)
    wanted = [name for name in signature.parameters if name != "self"]
    assert [line for line in told.get("Parameters", "").splitlines() if line and line[0] != " "] == wanted
    assert ("Returns" in told) == (signature.return_annotation != "None")
    assert list(told) == [name for name in ORDER if name in told]
    assert all(text.strip() for text in told.values())


@pytest.mark.parametrize("function", FUNCTIONS, ids=called)
def test_every_function_has_an_example_that_calls_it(function: Callable[..., Any]) -> None:
    lines = [line for line in sections(function)["Examples"].splitlines() if line.startswith((">>> ", "... "))]
    assert f"segeval.{function.__name__}(" in "\n".join(lines)
