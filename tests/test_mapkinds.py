"""Kinds of maps: each is written once, and what follows from its levels agrees with numpy's types."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from segeval.errors import MaskError
from segeval.protocol.mapkinds import EIGHT_BIT, FLOAT, LEVELS, MAP_KIND, MAP_KINDS, SIXTEEN_BIT, kind_stored_as
from segeval.protocol.settings import resolve_eps
from segeval.scores.lossums import kind_of_array

PACKAGE = Path(__file__).resolve().parents[1] / "segeval"


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.uint8, EIGHT_BIT),
        (np.uint16, SIXTEEN_BIT),
        (np.float16, FLOAT),
        (np.float32, FLOAT),
        (np.float64, FLOAT),
        (">u2", SIXTEEN_BIT),
    ],
)
def test_an_array_is_the_kind_of_map_that_its_type_holds(dtype: type, kind: object) -> None:
    assert kind_of_array(np.zeros(1, dtype)) is kind


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.int16, np.uint32, np.uint64, np.complex64, np.longdouble])
def test_every_other_type_is_refused(dtype: type) -> None:
    with pytest.raises(MaskError, match="a probability map is"):
        kind_of_array(np.zeros(1, dtype))
    assert kind_stored_as("u", 1) is kind_stored_as("f", 8) is kind_stored_as("", 8) is None


def test_the_greatest_stored_value_is_that_of_the_type() -> None:
    assert EIGHT_BIT.top == np.iinfo(np.uint8).max
    assert SIXTEEN_BIT.top == np.iinfo(np.uint16).max
    assert FLOAT.top == 1
    assert LEVELS == (256, 65536)
    assert (EIGHT_BIT.counted_levels, SIXTEEN_BIT.counted_levels) == LEVELS
    with pytest.raises(ValueError, match="floats"):
        _ = FLOAT.counted_levels


def test_the_usual_eps_is_what_an_open_eps_becomes() -> None:
    for kind in MAP_KINDS:
        assert resolve_eps(None, kind.levels) == resolve_eps(kind.usual_eps, kind.levels)


def test_run_files_name_the_kinds_as_they_always_did() -> None:
    assert list(MAP_KIND) == ["uint8", "uint16", "float"]


def test_no_other_module_asks_for_a_kind_by_its_name() -> None:
    names = {
        (path.relative_to(PACKAGE).as_posix(), node.value)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in MAP_KIND
    }
    assert names == {("protocol/mapkinds.py", name) for name in MAP_KIND}
