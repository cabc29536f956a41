"""Sound data raise nothing: the colours of every preset, every convention, and the label sets of the golden files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.findings.runs import run_findings
from segeval.protocol.conventions import conventions
from segeval.protocol.presets import preset, preset_names, preset_palette
from segeval.request import build_request
from segeval.runs.run import Row, Run
from segeval.tables.counts import joint_counts
from tests.originals.inputs import label_set
from tests.support.soundpairs import FOLDERS, pairs, values

NAME = "ulm_000001_000019.png"
"""A name that every preset pairs."""
COLORED = [name for name in preset_names() if preset(name).has_palette and not preset(name).palette_duplicates]


@pytest.mark.parametrize("encoding", ["RGB", "P"])
@pytest.mark.parametrize("name", COLORED)
def test_the_colours_of_a_preset(name: str, encoding: str, tmp_path: Path) -> None:
    found = preset(name)
    ids = np.repeat([entry.id for entry in found.classes], 16).reshape(len(found.classes), 16)
    predicted = ids.copy()
    predicted[:, 12:] = np.roll(predicted[:, 12:], 1, axis=0)
    for side, labels in (("gt", ids), ("pred", predicted)):
        colors = preset_palette(found, side=side).colors
        raw = {entry.id: colors[entry.color] for entry in found.classes if entry.color}
        indices = np.vectorize(raw.get)(labels).astype(np.uint8)
        image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
        shown = {value: color for color, value in reversed(list(colors.items()))}
        image.putpalette([level for value in range(256) for level in shown.get(value, (0, 0, 0))])
        (tmp_path / side).mkdir()
        (image if encoding == "P" else image.convert("RGB")).save(tmp_path / side / NAME)
    report = segeval.score(tmp_path / "pred", tmp_path / "gt", preset=name)
    assert report.warnings == ()
    assert report.scores["pixel_accuracy"] == 0.75


@pytest.mark.parametrize("name", conventions())
@pytest.mark.parametrize("data", FOLDERS)
def test_every_convention_on_sound_masks(data: str, name: str) -> None:
    rows = [pair.row(values({}), values({})) for pair in pairs(data)]
    rows.sort(key=lambda row: row.key.encode())
    assert run_findings(Run(build_request(convention=name).protocol, tuple(rows))) == ()


@pytest.mark.parametrize("profile", ["plain", "flat", "void", "binary"])
def test_label_sets_of_the_golden_files(profile: str) -> None:
    told = {}
    for seed in range(100):
        drawn = label_set(profile, seed)
        if len(np.unique(np.concatenate([pred.ravel() for pred in drawn.pred]))) == 1:
            continue  # one value everywhere is what a finding is for
        rows = []
        for index, (gt, pred) in enumerate(zip(drawn.gt, drawn.pred, strict=True)):
            height, width = gt.shape
            rows.append(Row(f"{index}", height, width, f"{index}", joint_counts(gt=gt, pred=pred)))
        if found := run_findings(
            Run(build_request(classes=max(2, drawn.size), ignore=drawn.void).protocol, tuple(rows))
        ):
            told[seed] = [(one.kind, one.what) for one in found]
    assert told == {}
