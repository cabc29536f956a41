"""A published number checked: what makes it stand, and what each changed digit, option and pixel does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segeval import rescore, save_run, score, verify
from segeval.api.folders import measure
from segeval.cli import run as run_command
from segeval.comparison.verification import parse_claim
from segeval.errors import UsageError
from tests.support.readme import PAGES, commands, workplace

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
STREET: dict[str, Any] = {"classes": SAMPLES / "classes.txt"}
FOLDERS = (SAMPLES / "pred", SAMPLES / "gt")


@pytest.fixture(scope="module")
def line() -> str:
    return str(score(*FOLDERS, **STREET).signature)


@pytest.mark.parametrize(
    "claim", ["miou=0.7425", "miou=74.25%", "mIoU=74.3 %", "miou=0.7425392114689943", "iou.road=0.94"]
)
def test_a_number_stands_with_the_digits_it_was_printed_with(claim: str, line: str) -> None:
    report = score(*FOLDERS, **STREET)
    if claim.startswith("iou"):
        value = next(entry.iou for entry in report.classes if entry.name == "road")
        claim = f"iou.road={value:.2f}"
    assert verify(line, claim, *FOLDERS, **STREET).holds(strict=True)


@pytest.mark.parametrize("claim", ["miou=0.7426", "miou=74.26%", "miou=0.7424", "miou=0.75", "miou=74.25"])
def test_another_digit_is_another_number(claim: str, line: str) -> None:
    found = verify(line, claim, *FOLDERS, **STREET)
    assert not found.holds()
    assert [one.kind for one in found.differences] == ["value"]


@pytest.mark.parametrize("claim", ["miou", "miou=", "=0.7", "miou=nan", "miou=abc", "mjou=0.7"])
def test_what_is_no_number_of_a_score_is_refused(claim: str) -> None:
    with pytest.raises(UsageError):
        parse_claim(claim)


def test_a_short_signature_and_a_saved_run_do_as_well(line: str, tmp_path: Path) -> None:
    report = score(*FOLDERS, **STREET)
    save_run(measure(*FOLDERS, **STREET), tmp_path / "run.jsonl")
    for text in (line, report.signature.short()):
        assert verify(text, "miou=74.25%", tmp_path / "run.jsonl", **STREET).holds(strict=True)


def test_one_pixel_that_moves_a_digit_is_told(line: str, tmp_path: Path) -> None:
    run = measure(*FOLDERS, **STREET)
    value = rescore(run).scores["miou"]
    for side in ("pred", "gt"):
        for path in sorted((SAMPLES / side).rglob("*.png")):
            target = tmp_path / side / path.relative_to(SAMPLES / side)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    changed = tmp_path / "pred" / "0001.png"
    with Image.open(changed) as image:
        pixels = np.array(image)
    gt = np.array(Image.open(SAMPLES / "gt" / "0001.png"))
    row, column = np.argwhere((pixels == gt) & (gt != 255))[0]
    pixels[row, column] = (int(gt[row, column]) + 1) % 10
    Image.fromarray(pixels).save(changed)
    found = verify(line, f"miou={value!r}", tmp_path / "pred", tmp_path / "gt", **STREET)
    assert [one.kind for one in found.differences] == ["value"]


def test_another_digest_or_version_alone_fails_only_where_nothing_may_differ(line: str) -> None:
    for text, kind in (
        (re.sub(r"gt:\w+", "gt:00000000", line), "ground truth"),
        (re.sub(r"\|v:[^|]+", "|v:0.0.9", line), "version"),
    ):
        found = verify(text, "miou=74.25%", *FOLDERS, **STREET)
        assert [one.kind for one in found.differences] == [kind]
        assert found.holds()
        assert not found.holds(strict=True)


def test_another_number_of_images_fails(line: str) -> None:
    assert not verify(line.replace("images:7", "images:8"), "miou=74.25%", *FOLDERS, **STREET).holds()


@pytest.mark.parametrize(
    ("old", "new"),
    [("absent:skip", "absent:zero"), ("average:dataset", "average:image"), ("map:none", "map:1=2")],
)
def test_another_option_in_the_signature_gives_another_number(old: str, new: str, line: str) -> None:
    assert old in line
    assert not verify(line.replace(old, new, 1), "miou=74.25%", *FOLDERS, **STREET).holds()


def test_a_digest_asks_for_what_it_is_of(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="class list as a digest"):
        verify(line, "miou=74.25%", *FOLDERS)
    (tmp_path / "other.txt").write_text("\n".join(f"name{at}" for at in range(10)))
    with pytest.raises(UsageError, match="not that of the signature"):
        verify(line, "miou=74.25%", *FOLDERS, classes=tmp_path / "other.txt")
    with pytest.raises(UsageError, match="field that there is not"):
        verify(f"{line}|foo:1", "miou=74.25%", *FOLDERS, **STREET)


def test_settings_of_maps_come_from_the_signature() -> None:
    folders = (SAMPLES / "binary" / "probs", SAMPLES / "binary" / "gt")
    report = score(*folders, probs=True, binary=True, pos_weight="auto", loss_reduction="images", beta2=1)
    for name in ("bce", "mae", "max_f"):
        assert verify(str(report.signature), f"{name}={report.scores[name]:.6f}", *folders).holds(strict=True)
    other = str(report.signature).replace("pos-weight:auto", "pos-weight:1")
    assert not verify(other, f"bce={report.scores['bce']:.6f}", *folders).holds()


def test_exit_codes(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [*map(str, FOLDERS), "--classes", str(STREET["classes"])]
    assert run_command(["verify", line, "miou=74.25%", *folders, "-q"]) == 0
    assert capsys.readouterr().out.startswith("equal: miou is 74.25%")
    assert run_command(["verify", line, "miou=74.26%", *folders, "-q"]) == 1
    assert "printed as 74.26%, and is 74.25%" in capsys.readouterr().out
    changed = re.sub(r"gt:\w+", "gt:00000000", line)
    assert run_command(["verify", changed, "miou=74.25%", *folders, "-q", "--strict"]) == 1
    assert run_command(["verify", "nonsense", "miou=74.25%", *folders, "-q"]) == 2


PRINTED = [
    (page.name, session.command, signature[0], miou[0])
    for page in PAGES
    for session in commands(page.read_text(encoding="utf-8"))
    if session.command.startswith("segeval score")
    and (signature := [text.strip() for text in session.output.splitlines() if text.startswith(" segeval|")])
    and (miou := re.findall(r"(?m)^ mIoU ([\d.]+) %", session.output) or [""])
]


def asked_again(command: str) -> list[str]:
    """Return the folders of a printed command, and what its signature holds as a digest only."""
    words = command.partition(" | ")[0].split()
    own = [f"--classes={words[words.index('--classes') + 1]}"] if "--classes" in words else []
    return [*words[2:4], *own]


def test_the_pages_print_numbers_with_signatures() -> None:
    assert len([number for *_, number in PRINTED if number]) >= 4


@pytest.mark.parametrize(("page", "command", "line", "number"), PRINTED)
def test_every_signature_of_the_pages_is_accepted_and_another_digit_is_not(
    page: str, command: str, line: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workplace() as folder:
        monkeypatch.chdir(folder)
        again = asked_again(command)
        report = score(*again[:2], **printed_options(command))
        number = number or f"{100 * (report.scores['miou'] or 0):.2f}"
        assert run_command(["verify", line, f"miou={number}%", *again, "-q", "--strict"]) == 0, page
        for at, digit in enumerate(number):
            if digit.isdigit():
                other = number[:at] + str((int(digit) + 1) % 10) + number[at + 1 :]
                assert run_command(["verify", line, f"miou={other}%", *again, "-q"]) == 1, other
        for changed in (line.replace("images:", "images:1"), re.sub(r"convention:\w+", r"\g<0>|average:micro", line)):
            assert run_command(["verify", changed, f"miou={number}%", *again, "-q"]) == 1, changed


def printed_options(command: str) -> dict[str, Any]:
    words = command.split()
    found: dict[str, Any] = {name: True for name in ("probs", "binary") if f"--{name}" in words}
    for name in ("classes", "convention"):
        if f"--{name}" in words:
            found[name] = words[words.index(f"--{name}") + 1]
    return found
