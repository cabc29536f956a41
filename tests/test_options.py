"""The keywords of public functions: typed, spelled by help(), those of the command line, never misspelt in silence."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import segeval
from segeval.cli.verbs.compare import compare as compare_command
from segeval.cli.verbs.report import report as report_command
from segeval.cli.verbs.score import score as score_command
from segeval.errors import SegevalError, UsageError
from segeval.protocol.axes import AXES
from segeval.request import Request, amend, build_request
from segeval.request.options import (
    AGAIN,
    CompareOptions,
    ConventionOptions,
    FolderOptions,
    LookOptions,
    RescoreOptions,
    ScoreOptions,
    VerifyOptions,
    names_in,
)

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = (SAMPLES / "pred", SAMPLES / "gt")
CLASSES = SAMPLES / "classes.txt"
TAKING: dict[str, type[Any]] = {
    "score": ScoreOptions,
    "measure": FolderOptions,
    "rescore": RescoreOptions,
    "compare": CompareOptions,
    "explain": LookOptions,
    "inspect": LookOptions,
    "verify": VerifyOptions,
}
WHERE_KEYWORDS_STAND = """
[mypy]
strict = True
follow_imports = skip
[mypy-segeval,segeval.api.*,segeval.accumulator.*,segeval.request.options]
follow_imports = silent
"""
"""Lets mypy read what says which keywords there are and of which type: NumPy and the rest take it half a minute."""


# Misspelt


@pytest.mark.parametrize(
    ("call", "misspelt", "meant"),
    [
        (lambda: segeval.score("p", "g", ignroe=3), "ignroe", "ignore"),  # type: ignore[call-arg]
        (lambda: segeval.score("p", "g", mapping="0=1"), "mapping", "map"),  # type: ignore[call-arg]
        (lambda: segeval.measure("p", "g", clases=3), "clases", "classes"),  # type: ignore[call-arg]
        (lambda: segeval.rescore("r.jsonl", convetion="voc"), "convetion", "convention"),  # type: ignore[call-arg]
        (lambda: segeval.rescore("r.jsonl", key="a*"), "key", "keys"),  # type: ignore[call-arg]
        (lambda: segeval.compare("a.jsonl", "b.jsonl", resample=9), "resample", "resamples"),  # type: ignore[call-arg]
        (lambda: segeval.inspect("p", "g", job=1), "job", "jobs"),  # type: ignore[call-arg]
        (lambda: segeval.ConfusionMatrix(absnet="zero"), "absnet", "absent"),  # type: ignore[call-arg]
        (lambda: build_request(gama=1), "gama", "gamma"),  # type: ignore[call-arg]
    ],
)
def test_a_misspelt_keyword_is_refused_with_the_nearest(call: Any, misspelt: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.where == (f"{misspelt}: did you mean {meant}?",)


def test_a_keyword_that_is_like_none_lists_them_all() -> None:
    with pytest.raises(SegevalError) as caught:
        segeval.compare("a", "b", zzzzzz=1)  # type: ignore[call-arg]
    assert caught.value.where == ("zzzzzz",)
    assert all(name in caught.value.fix for name in names_in(CompareOptions))


def test_the_type_checker_refuses_what_no_function_takes(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    wrong = [
        'segeval.score("p", "g", clases=3)',
        'segeval.score("p", "g", gamma="much")',
        'segeval.rescore("r.jsonl", palette="p.json")',
        "segeval.ConfusionMatrix(probs=True)",
        'segeval.compare("a", "b", force="yes")',
    ]
    right = [
        'segeval.score("p", "g", classes=3, map={0: 1}, absent="zero", ci=95, fail_under={"miou": 0.7})',
        'segeval.rescore("r.jsonl", keys="a*", gamma=1, worst=3)',
        'segeval.compare("a", "b", fail_regression="miou=0.01", seed=1)',
        'segeval.ConfusionMatrix(classes=["a", "b"], ignore="none")',
    ]
    asked = [f"reveal_type(segeval.{name})" for name in TAKING]
    (tmp_path / "mypy.ini").write_text(WHERE_KEYWORDS_STAND, encoding="utf-8")
    program.write_text("\n".join(["import segeval", *wrong, *right, *asked, ""]), encoding="utf-8")
    checkout = str(Path(segeval.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", tmp_path / "cache", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        # An installed package is found by itself, and mypy refuses to be pointed to where it is.
        env={**os.environ, **({} if "site-packages" in segeval.__file__ else {"MYPYPATH": checkout})},
    )
    refused = [
        int(line.split(":")[1]) for line in done.stdout.splitlines() if re.match(r"program.py:\d+: error:", line)
    ]
    assert refused == list(range(2, 2 + len(wrong))), done.stdout + done.stderr
    assert 'Unexpected keyword argument "clases" for "score"' in done.stdout
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    for table, line in zip(TAKING.values(), revealed, strict=True):
        assert [name for name in names_in(table) if f"'{name}'?: " not in line] == []


# Spelled


@pytest.mark.parametrize("name", TAKING)
def test_signature_and_help_spell_every_keyword(name: str) -> None:
    function = getattr(segeval, name)
    parameters = inspect.signature(function).parameters
    told = inspect.getdoc(function) or ""
    assert not [one for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD]
    section = told.partition("Parameters\n----------\n")[2].partition("\n\n")[0].splitlines()
    for keyword in names_in(TAKING[name]):
        assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[keyword].default is None
        assert section[section.index(keyword) + 1].startswith("    ")


def test_the_accumulator_spells_its_keywords_too() -> None:
    parameters = inspect.signature(segeval.ConfusionMatrix).parameters
    assert {"classes", "ignore", "map", "convention", "absent"} <= parameters.keys()
    assert not {"self", "options", "probs", "palette"} & parameters.keys()


def test_no_public_function_hides_its_options() -> None:
    for name in segeval.__all__:
        entry = getattr(segeval, name)
        if inspect.isfunction(entry) or inspect.isclass(entry):
            kinds = {one.kind for one in inspect.signature(entry).parameters.values()}
            assert inspect.Parameter.VAR_KEYWORD not in kinds, name


# One name everywhere


@pytest.mark.parametrize(
    ("table", "command", "own"),
    [
        (
            ScoreOptions,
            score_command,
            (
                "jobs engine save resume shard format output only details confusion sort digits color plot curves "
                "read_timeout journal overlays images label_errors label_error_p config no_config quiet verbose pred gt"
            ),
        ),
        (
            RescoreOptions,
            report_command,
            (
                "keys format output only details confusion sort digits color plot curves "
                "pred gt overlays images label_errors label_error_p config no_config quiet verbose run "
                f"{' '.join(AGAIN)}"
            ),
        ),
        (
            CompareOptions,
            compare_command,
            f"format output color config no_config quiet verbose base new pred gt images {' '.join(AGAIN)}",
        ),
    ],
)
def test_keywords_bear_the_names_of_the_command_line(table: type[Any], command: Any, own: str) -> None:
    of_command = {parameter.name: parameter for parameter in command.params}
    assert set(names_in(table)) == of_command.keys() - set(own.split())
    for name in names_in(table):
        assert f"--{name.replace('_', '-')}" in of_command[name].opts


def test_every_axis_is_a_keyword() -> None:
    assert set(names_in(ConventionOptions)) == {"convention", "mean_over", *AXES}


def test_gates_and_statistics_are_plain_keywords() -> None:
    report = segeval.score(
        *MASKS, classes=CLASSES, fail_under={"miou": 0.99, "iou.sky": 0.1}, fail_over=[], worst=2, per_image=True
    )
    assert [(one.metric, one.bound, one.passed) for one in report.gates] == [
        ("miou", 0.99, False),
        ("iou.sky", 0.1, True),
    ]
    assert len(report.details.worst_images or ()) == 2
    assert len(report.details.images or ()) == report.data.images
    run = segeval.measure(*MASKS, classes=CLASSES)
    again = segeval.rescore(run, fail_under="miou=0.99", ci=90, resamples=50)
    assert [one.passed for one in again.gates] == [False]
    assert again.interval("miou") is not None


@pytest.mark.parametrize(
    "options",
    [{"fail_under": "mioux=0.5"}, {"fail_over": {"miou": 0.5}}, {"ci": 0}, {"worst": 0}, {"group_by": "^a"}],
)
def test_what_no_report_can_be_asked_for_is_told_before_anything_is_read(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^(?!.*folder)"):
        segeval.score("no such folder", "nor this", **options)


# Amended


def test_nothing_amended_is_the_same_request() -> None:
    for options in (
        {},
        {"preset": "cityscapes"},
        {"classes": 3, "ignore": 0, "map": "7=1"},
        {"probs": True, "gamma": 1},
    ):
        request = build_request(**options)
        assert amend(request, {}) == request
        assert amend(Request(), cast(FolderOptions, options)) == request


def test_what_is_amended_wins_and_the_rest_stays() -> None:
    base = build_request(
        classes=3, ignore=0, map="7=1", absent="zero", missing="skip", probs=True, gamma=1, alpha="none"
    )
    found = amend(base, {"classes": ["a", "b"], "pred_map": {9: 1}, "average": "image", "eps": "torch"}).protocol
    assert [entry.name for entry in found.classes or ()] == ["a", "b"]
    assert (found.ignore, found.mapping, found.pred_map, found.missing) == ((0,), ((7, 1),), ((9, 1),), "skip")
    assert (found.convention.absent, found.convention.average) == ("zero", "image")
    assert found.probabilities is not None
    assert (found.probabilities.gamma, found.probabilities.alpha, found.probabilities.eps) == (1, None, "torch")


def test_an_evaluator_named_anew_takes_back_the_axes() -> None:
    base = build_request(absent="zero")
    assert amend(base, {"convention": "segeval"}).protocol.convention.absent == "skip"


def test_options_join_the_closed_maps_of_a_preset() -> None:
    base = build_request(preset="cityscapes")
    found = amend(base, {"map": {200: 0}, "ignore": 201}).protocol
    assert dict(found.gt_map)[200] == 0
    assert dict(found.pred_map)[201] == 201
    assert dict(found.gt_map)[7] == dict(base.protocol.gt_map)[7]
