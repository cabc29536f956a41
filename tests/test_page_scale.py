"""The page of 2,000 images of 150 classes: made in a minute, small, quick to load and sort, in memory that is flat."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
IMAGES, FEWER, CLASSES = 2000, 100, 150
SIZE = (192, 240)


def write(folder: Path, images: int) -> None:
    draw = np.random.default_rng(0)
    for side in ("gt", "pred"):
        (folder / side).mkdir(parents=True)
    for index in range(images):
        few = draw.choice(CLASSES, 8, replace=False).astype(np.uint8)
        gt = np.kron(few[draw.integers(0, 8, (8, 10))], np.ones((24, 24), np.uint8))
        pred = np.roll(gt, 3, axis=1)
        for side, mask in (("gt", gt), ("pred", pred)):
            Image.fromarray(mask).save(folder / side / f"{index:05}.png", compress_level=1)


def page_of(folder: Path) -> tuple[float, int]:
    """Make the page; return the seconds that it took, and the most memory that it had, in KB."""
    line = ["score", "pred", "gt", "--classes", str(CLASSES), "-o", "page.html", "-q", "--no-config", "-j", "1"]
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "segeval", *line], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, process.stderr and process.stderr.read()
    return time.monotonic() - start, used.ru_maxrss


@pytest.mark.slow
def test_a_large_run_has_a_page_that_is_small_and_quick(tmp_path: Path) -> None:
    write(tmp_path / "many", IMAGES)
    write(tmp_path / "few", FEWER)
    seconds, memory = page_of(tmp_path / "many")
    _, less = page_of(tmp_path / "few")
    path = tmp_path / "many/page.html"
    assert seconds < 60
    assert memory <= 1.10 * less
    assert path.stat().st_size < 8_000_000
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        start = time.monotonic()
        page.goto(path.as_uri())
        assert time.monotonic() - start < 3
        sorting = (
            "(() => { const start = performance.now(); document.querySelector('table.sortable th button').click(); "
            "document.body.offsetHeight; return performance.now() - start; })()"
        )
        assert page.evaluate(sorting) < 300
        browser.close()
