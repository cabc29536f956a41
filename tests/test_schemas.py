"""The published JSON Schemas: what segeval writes validates, what it would not write does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are no dependency
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from segeval.protocol.axes import AXES, MISSING_CHOICES
from segeval.protocol.distances import DEFINITIONS, Distances
from segeval.protocol.labeling import Group, SegmentationClass
from segeval.protocol.lesions import CONNECTIVITIES, MEASURES, Lesions
from segeval.protocol.mapkinds import FLOAT
from segeval.protocol.protocol import Protocol
from segeval.protocol.settings import Probabilities
from segeval.protocol.storage import Storage
from segeval.runs.file import run_to_bytes
from segeval.runs.run import Maps, Run
from tests.support.commandline import run_segeval
from tests.support.runs import image_lists, kinds, run_of


def schema(name: str) -> Any:
    return json.loads(resources.files("segeval").joinpath(f"schemas/{name}.schema.json").read_text(encoding="utf-8"))


SCHEMAS = {name: schema(name) for name in ("run", "report")}
VALIDATORS = {name: jsonschema.Draft202012Validator(found) for name, found in SCHEMAS.items()}


def lines_of(run: Run) -> list[Any]:
    return [json.loads(line) for line in run_to_bytes(run, packed=False).splitlines()]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_axes_and_choices_are_those_of_the_program(name: str) -> None:
    protocol = SCHEMAS[name]["$defs"]["protocol"]["properties"]
    chosen = {
        axis: tuple(choice["enum"]) for axis, choice in protocol["convention"]["properties"].items() if axis != "name"
    }
    assert chosen == AXES
    assert tuple(protocol["missing"]["enum"]) == MISSING_CHOICES
    every = Protocol(
        allow=("off-by-one",),
        binary=True,
        gt_threshold=0,
        pred_threshold=0,
        mean_over=(1,),
        mean_weights="auto",
        storage=Storage(
            gt_channel="R",
            pred_channel="3",
            class_axis="last",
            cast_labels=True,
            logits=True,
            palette_tolerance=5,
            multilabel=True,
            bits="a=0",
            label_regions="1+2",
            resize_pred="nearest",
            roi=True,
            gt_segments="00000000",
            pred_segments="00000000",
            stack=True,
            per_slice=True,
            forgiving="R=7",
        ),
        boundary=("authors",),
        distances=Distances("monai"),
        lesions=Lesions("detection"),
    )
    assert list(protocol) == list(every.to_dict())
    assert tuple(protocol["distances"]["properties"]["definition"]["enum"]) == tuple(DEFINITIONS)
    assert tuple(protocol["lesions"]["properties"]["definition"]["enum"]) == tuple(MEASURES)
    assert {*protocol["lesions"]["properties"]["connectivity"]["enum"]} == {None, *CONNECTIVITIES}


# Run files


@given(kinds, image_lists())
def test_every_line_of_a_run_file_is_of_one_form(maps: Maps | None, images: list[tuple[str, int]]) -> None:
    for line in lines_of(run_of(maps, images)):
        VALIDATORS["run"].validate(line)


def test_a_protocol_with_everything_validates() -> None:
    protocol = Protocol(
        preset="mine@00",
        classes=(SegmentationClass(3, "Straße", (1, 2, 3)), SegmentationClass(0, "b")),
        ignore=(255, "b", -1),
        gt_map=((-1, 255),),
        groups=(Group("flat", (3, 0)),),
        palette="0011",
        keys="a/*",
        probabilities=Probabilities(alpha=None, pos_weight="auto", eps="torch", class_weights=(0.5, 2.0)),
    )
    VALIDATORS["run"].validate(lines_of(Run(protocol, ()))[0])


Change = Callable[[dict[str, Any]], object]
WRONG_LINES: dict[str, tuple[int, Change]] = {
    "another schema": (0, lambda line: line.update(schema=3)),
    "a header with more": (0, lambda line: line.update(time=0)),
    "a kind of map that is none": (0, lambda line: line.update(maps={"kind": "int8", "count": 1})),
    "no convention": (0, lambda line: line["protocol"].pop("convention")),
    "no such choice": (0, lambda line: line["protocol"]["convention"].update(absent="perhaps")),
    "a row without its size": (1, lambda line: line.pop("size")),
    "a row with more": (1, lambda line: line.update(extra=1)),
    "an empty table": (1, lambda line: line.update(counts=[])),
    "no pixel": (1, lambda line: line.update(counts=[[0, [0], [0]]])),
    "sums of another length": (1, lambda line: line["sums"][0].pop()),
    "bins of another number": (3, lambda line: line["bins"][0].pop()),
    "a piece without a level": (4, lambda line: line.update(steps=[])),
    "a shift beyond the mantissa": (4, lambda line: line.update(shift=53)),
    "an end without its digest": (-1, lambda line: line.pop("digest")),
    "a digest of another kind": (-1, lambda line: line.update(digest="md5:00")),
}


@pytest.mark.parametrize("name", WRONG_LINES)
def test_a_line_that_segeval_would_not_write_does_not_validate(name: str) -> None:
    place, change = WRONG_LINES[name]
    line = lines_of(run_of(Maps(FLOAT, 1), [("a", 1), ("b", 2)]))[place]
    VALIDATORS["run"].validate(line)
    change(line)
    assert not VALIDATORS["run"].is_valid(line)


# Reports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("schemas")
    random = np.random.default_rng(3)
    for name in ("gt", "pred", "binary", "map8", "map16", "levels", "floats"):
        (root / name).mkdir()
    for index in range(4):
        gt = random.choice(np.array([0, 1, 2, 255], np.uint8), (8, 9))
        Image.fromarray(gt).save(root / "gt" / f"{index}.png")
        Image.fromarray(random.integers(0, 3, (8, 9), np.uint8)).save(root / "pred" / f"{index}.png")
        Image.fromarray((gt == 1).astype(np.uint8) * np.uint8(index > 0)).save(root / "binary" / f"{index}.png")
        Image.fromarray(random.integers(0, 256, (8, 9), np.uint8)).save(root / "map8" / f"{index}.png")
        Image.fromarray(random.integers(0, 65536, (8, 9), np.uint16)).save(root / "map16" / f"{index}.png")
        np.save(root / "levels" / f"{index}.npy", random.integers(0, 256, (3, 8, 9), np.uint8))
        np.save(root / "floats" / f"{index}.npy", random.random((3, 8, 9), np.float32))
    return root


COMMANDS: dict[str, list[str]] = {
    "masks": ["pred", "gt"],
    "undefined classes": ["pred", "gt", "--classes", "9"],
    "an undefined mean": ["pred", "gt", "--classes", "9", "--absent", "undefined"],
    "named classes": ["pred", "gt", "--preset", "cityscapes-trainids"],
    "groups": ["pred", "gt", "--preset", "cityscapes", "--map", "0=7,1=8,2=11,255=0"],
    "binary maps of 8 bits": ["map8", "binary", "--probs"],
    "binary maps of 16 bits": ["map16", "binary", "--probs", "--alpha", "none", "--pos-weight", "auto"],
    "maps a class of 8 bits": ["levels", "gt", "--probs", "--class-weights", "auto"],
    "maps a class of floats": ["floats", "gt", "--probs", "--eps", "1e-7"],
    "gates": ["pred", "gt", "--fail-under", "miou=0.9", "--fail-under", "iou.1=0.0"],
    "gates on every class": ["pred", "gt", "--classes", "9", "--fail-under", "iou.*=0.0"],
    "a gate on a loss": ["map8", "binary", "--probs", "--fail-over", "bce=0.2"],
    "means over some classes": ["pred", "gt", "--classes", "4", "--mean-over", "1,2"],
    "intervals, images and gains": ["pred", "gt", "--ci", "95", "--resamples", "50", "--worst", "2", "--gain"],
    "slices": ["pred", "gt", "--by", "class-size", "--resamples", "50"],
    "contours": ["pred", "gt", "--boundary", "authors,2", "--distances", "monai", "--lesions", "detection"],
    "an empty ground truth": ["binary", "binary", "--binary", "--worst", "1"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_report_validates(folder: Path, name: str) -> None:
    done = run_segeval("score", *COMMANDS[name], "-f", "json", cwd=folder)
    assert done.code in (0, 1), done.stderr
    report = json.loads(done.stdout)
    VALIDATORS["report"].validate(report)
    # Additions are allowed to come; that they are published is another matter.
    assert not list(unpublished(report, SCHEMAS["report"]))


def test_the_commands_above_reach_every_part_of_the_report(folder: Path) -> None:
    met: set[str] = set()
    for arguments in COMMANDS.values():
        met |= set(json.loads(run_segeval("score", *arguments, "-f", "json", cwd=folder).stdout))
    assert met == set(SCHEMAS["report"]["properties"])


def unpublished(value: Any, form: Any, place: str = "") -> Iterator[str]:
    """Yield the places of fields that the schema does not name."""
    while "$ref" in form:
        form = SCHEMAS["report"]["$defs"][form["$ref"].rpartition("/")[2]]
    if "anyOf" in form:
        # The form of null says nothing of fields.
        forms = [one for one in form["anyOf"] if one.get("type") != "null"]
        if len(forms) == 1 and value is not None:
            yield from unpublished(value, forms[0], place)
    elif isinstance(value, dict):
        for key, member in value.items():
            known = form.get("properties", {}).get(key, form.get("additionalProperties"))
            if isinstance(known, dict):
                yield from unpublished(member, known, f"{place}/{key}")
            else:
                yield f"{place}/{key}"
    elif isinstance(value, list) and "items" in form and isinstance(form["items"], dict):
        for member in value:
            yield from unpublished(member, form["items"], place)


WRONG_REPORTS: dict[str, Change] = {
    "a percentage": lambda report: report["scores"].update(miou=71.2),
    "NaN as a text": lambda report: report["scores"].update(miou="NaN"),
    "no mean": lambda report: report["scores"].pop("miou"),
    "half a pixel": lambda report: report["classes"][0].update(tp=0.5),
    "a class without a name": lambda report: report["classes"][0].pop("name"),
    "no class": lambda report: report.update(classes=[]),
    "no confusion": lambda report: report.pop("confusion"),
    "another schema": lambda report: report.update(schema=3),
    "a verdict without its value": lambda report: report["gates"][0].pop("value"),
    "a sign that is none": lambda report: report["gates"][0].update(comparison=">"),
}


@pytest.mark.parametrize("name", WRONG_REPORTS)
def test_a_report_that_segeval_would_not_write_does_not_validate(folder: Path, name: str) -> None:
    report = json.loads(run_segeval("score", *COMMANDS["gates"], "-f", "json", cwd=folder).stdout)
    VALIDATORS["report"].validate(report)
    changed = copy.deepcopy(report)
    WRONG_REPORTS[name](changed)
    assert not VALIDATORS["report"].is_valid(changed)
