"""README and manual are true: every command in them prints what stands below it, and every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import __version__
from tests.support.readme import MANUAL, PAGES, README, ROOT, commands, shown, workplace

GITHUB = ROOT / ".github"
"""A source archive has none."""
TEXTS = (*PAGES, *sorted(GITHUB.glob("*.md")))
"""Everything with links."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(text: str) -> set[str]:
    """Return the places in a page that a link can lead to: its headings, as GitHub writes them."""
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_prints_what_the_page_says(page: Path) -> None:
    sessions = commands(text_of(page))
    with workplace() as folder:  # one for all: a later command may read what an earlier one wrote
        printed = [(session.command, shown(session.command, folder)) for session in sessions]
    assert printed == [(session.command, session.output) for session in sessions]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_segeval_line_is_in_a_block_that_is_run(page: Path) -> None:
    outside = re.sub(r"```console\n.*?```", "", text_of(page), flags=re.DOTALL)
    assert "$ segeval" not in outside


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(text_of(README).splitlines()) <= 250


def test_the_readme_opens_with_two_commands_that_do_everything() -> None:
    first_block = re.search(r"```sh\n(.*?)```", text_of(README), flags=re.DOTALL)
    assert first_block is not None
    score, test = [line for line in first_block[1].splitlines() if line and not line.startswith("#")]
    assert "pip install" in score
    assert "segeval score sample_masks/pred sample_masks/gt" in score
    assert "[test]" in test
    assert test.endswith("pytest")


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((segeval/docs/[^)]+)\)", text_of(README)))
    assert linked == {name_of(page) for page in MANUAL}


@pytest.mark.parametrize("page", MANUAL, ids=name_of)
def test_a_page_begins_with_a_title_and_one_line_that_the_list_can_show(page: Path) -> None:
    title, gap, line, end = text_of(page).splitlines()[:4]
    assert title.startswith("# ")
    assert (gap, end) == ("", "")
    assert line.endswith(".")
    assert 0 < len(line) <= 80


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_every_link_leads_to_a_file_of_the_project(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        path, _, heading = target.partition("#")
        if path.startswith(".github/") and not GITHUB.is_dir():
            continue
        place = page.parent / path if path else page
        assert place.is_file(), target
        assert not heading or heading in anchors(text_of(place)), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_source_that_a_page_names_is_there(page: Path) -> None:
    for named in re.findall(r"(?<![\w/])(?:segeval|tests)/[\w./-]*\w", text_of(page)):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize("page", TEXTS, ids=name_of)
def test_every_block_is_closed(page: Path) -> None:
    assert text_of(page).count("```") % 2 == 0


PYTHON = re.findall(r"```python\n(.*?)```", text_of(ROOT / "segeval" / "docs" / "python.md"), re.DOTALL)
DISTRIBUTED = [block for block in PYTHON if "torch.distributed" in block]


def test_the_python_of_the_manual_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pred", "gt", "classes.txt"):
        (tmp_path / name).symlink_to(ROOT / "sample_masks" / name)
    monkeypatch.chdir(tmp_path)
    gt = np.array([[0, 0, 1], [1, 1, 255]])
    pred = np.array([[0, 1, 1], [1, 1, 1]])
    logits = np.random.default_rng(0).standard_normal((2, 19, 2, 3))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names: dict[str, Any] = {
        "batches": [(pred, gt), (np.stack([pred, pred]), np.stack([gt, gt]))],
        "logits": logits,
        "labels": np.stack([gt, gt]),
        "probability_batches": [(probs, np.stack([gt, gt]))],
    }
    ran = 0
    for block in PYTHON:
        if block in DISTRIBUTED or ("to_dataframe" in block and find_spec("pandas") is None):
            continue
        exec(block, names)
        ran += 1
        if "matrix.compute" in block:
            assert names["report"].scores["miou"] == pytest.approx((1 / 2 + 3 / 4) / 2)
    assert ran >= 6
    assert names["logged"]["val/miou"] == pytest.approx(0.7425, abs=1e-4)
    assert names["matrix"].counts.sum() == 10, "reset forgot the batches before the logits"
    true = [(0, 0, 1, 1, 1)] * 2
    loss = [-np.log(probs[n, label, divmod(i, 3)[0], i % 3]) for n in range(2) for i, label in enumerate(true[n])]
    assert names["scores"]["cross_entropy"] == pytest.approx(np.mean(loss), rel=1e-12)
    names["test_the_model_is_good_enough"]()


def test_one_source_of_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
