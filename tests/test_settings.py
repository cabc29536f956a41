"""Loss settings: defaults and limits have one home, and run files and signatures keep them side by side."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import pytest

from segeval.cli.options import loss_options
from segeval.errors import UsageError
from segeval.protocol.protocol import Protocol, protocol_from_dict
from segeval.protocol.settings import USUAL, LossSettings, Probabilities, is_number
from segeval.protocol.signature import LOSS_FIELDS, LOSS_FIELDS_WHERE_GIVEN
from segeval.request import build_request

PACKAGE = Path(__file__).resolve().parents[1] / "segeval"
NAMES = [field.name for field in fields(Probabilities)]


def test_what_is_usual_is_what_the_papers_and_pytorch_say() -> None:
    """Focal loss: gamma 2 and alpha 0.25 (Lin et al. 2017, section 5.1); PyTorch's BCE weighs both sides alike."""
    assert Probabilities() == USUAL
    assert (USUAL.threshold, USUAL.gamma, USUAL.alpha, USUAL.pos_weight) == (0.5, 2.0, 0.25, 1.0)
    assert USUAL.eps is USUAL.class_weights is None


@pytest.mark.parametrize(
    "wrong", [{"gamma": -1}, {"alpha": 2}, {"pos_weight": 0}, {"eps": 0.5}, {"class_weights": (0.0,)}, {"gamma": True}]
)
def test_the_settings_of_a_protocol_have_the_limits_of_the_losses(wrong: dict[str, Any]) -> None:
    for make in (LossSettings, Probabilities, lambda **options: replace(USUAL, **options)):
        with pytest.raises(UsageError):
            make(**wrong)


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        USUAL.gamma = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("weights", [None, "auto", (1.0, 0.5)])
def test_the_json_is_flat_and_holds_nothing_but_json(weights: tuple[float, ...] | str | None) -> None:
    protocol = Protocol(probabilities=Probabilities(threshold=0.25, class_weights=weights))
    facts = protocol.to_dict()
    assert list(facts["probabilities"]) == ["threshold", "gamma", "alpha", "pos_weight", "eps", "class_weights"]
    assert not isinstance(facts["probabilities"]["class_weights"], tuple)
    assert protocol_from_dict(facts) == protocol


def test_a_request_that_says_nothing_of_losses_has_the_usual_ones() -> None:
    assert build_request(probs=True).protocol.probabilities == USUAL


def test_the_command_line_shows_and_gives_the_usual_settings() -> None:
    @loss_options
    def command() -> None:
        """Stand for a verb."""

    defaults = {option.name: option.default for option in command.__click_params__}  # type: ignore[attr-defined]
    given = {name: defaults[name] for name in NAMES if isinstance(defaults[name], str | float)}
    assert {*given} == {"threshold", "gamma", "alpha", "pos_weight"}
    assert build_request(probs=True, **given).protocol.probabilities == USUAL


def test_the_signature_names_every_setting() -> None:
    assert {field.attribute for field in (*LOSS_FIELDS, *LOSS_FIELDS_WHERE_GIVEN)} == set(NAMES)


@pytest.mark.parametrize(("value", "is_one"), [(1, True), (0.5, True), (True, False), ("1", False), (None, False)])
def test_truth_values_and_texts_are_no_numbers(value: object, is_one: bool) -> None:
    assert is_number(value) is is_one


def defaults_of(tree: ast.AST) -> Iterator[tuple[str, object]]:
    """Yield the parameters and fields that have a constant as default."""
    pairs: list[tuple[str, ast.expr | None]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            names = [one.arg for one in (*node.posonlyargs, *node.args)]
            pairs += zip(names[len(names) - len(node.defaults) :], node.defaults, strict=True)
            pairs += zip([one.arg for one in node.kwonlyargs], node.kw_defaults, strict=True)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            pairs.append((node.target.id, node.value))
    yield from ((name, default.value) for name, default in pairs if isinstance(default, ast.Constant))


def test_no_other_module_has_a_default_of_its_own() -> None:
    """`None` says that a setting is left open; a number would be a second home of the default."""
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name, default in defaults_of(ast.parse(path.read_text(encoding="utf-8")))
        if name in NAMES and default is not None
    }
    assert found == {("protocol/settings.py", name) for name in ("gamma", "alpha", "pos_weight", "threshold")}
