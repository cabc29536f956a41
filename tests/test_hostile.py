"""Trees, names and files as nobody should send them: segeval ends, tells all, and acts on nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import ACTING, JOINERS
from segeval.images import readers
from tests.support import processes
from tests.support.commandline import Completed, run_segeval

FORMATS = ("table", "json", "csv", "markdown", "latex", "junit", "github")
NAMES = (
    "line\nINJECTED break",
    "carriage\rINJECTED return",
    "escape\x1b[31m\x1b]0;title\x07",
    "one-byte\x9b31m",
    "back\b\b\b\x7f",
    "[bold red]markup[/bold red][link=file:///etc/passwd]x[/link]",
    "right-to-left \u202egnp.exe",
    "isolate \u2066x\u2069\u200f",
    "separator\u2028INJECTED\u2029",
    "zero\u200bwidth\ufeff",
    "::error::INJECTED workflow command",
    "%0A::error::INJECTED percent",
    "##[error]INJECTED older command",
    "###[group]INJECTED third mark",
    "behind ##[warning]INJECTED words",
    "##vso[task.setvariable variable=x]INJECTED",
    "##teamcity[buildProblem INJECTED]",
    "<script>alert('x')</script>&amp;\"",
    "| pipe | **bold** `code` <!-- comment",
    r"\input{secret}$x_1^2$ \end{tabular}",
    "=cmd|' /C calc'!A0",
    "-o",
    " spaces ",
    "dot.dot..dot",
    "tilde~\u0303combining\u0301\u0301",
    "日本語 Straße 🛣️",
    "n" * 240,
)


def bytes_name() -> str:
    return os.fsdecode(b"latin-1 \xfc\xff\x1b[1m")


def save(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        Image.fromarray(array).save(stream, "PNG")


def all_names(root: Path) -> tuple[str, ...]:
    """Return the names that this file system takes."""
    root.mkdir(parents=True, exist_ok=True)
    taken = []
    for name in (*NAMES, bytes_name()):
        try:
            (root / f"{name}.png").touch()
            (root / f"{name}.png").unlink()
        except OSError:
            continue
        taken.append(name)
    return tuple(taken)


LABELS = np.array([[0, 1, 2], [1, 1, 0]], np.uint8)


@pytest.fixture
def named(tmp_path: Path) -> tuple[Path, Path, tuple[str, ...]]:
    """Two folders of good masks with bad names."""
    names = all_names(tmp_path / "probe")
    assert len(names) >= 15
    for name in names:
        save(tmp_path / "gt" / f"{name}.png", LABELS)
        save(tmp_path / "pred" / f"{name}.png", np.roll(LABELS, 1, axis=1))
    return tmp_path / "pred", tmp_path / "gt", names


def assert_inert(text: str) -> None:
    """No character acts on a terminal, and no name begins a line of its own."""
    for character in set(text) - {"\n", *JOINERS}:
        assert unicodedata.category(character) not in ACTING, repr(character)
    for line in text.splitlines():
        assert not line.lstrip().startswith("INJECTED"), line
        # GitHub takes a line that begins so, blanks aside, for a command of the workflow.
        assert not line.lstrip().startswith("::error::INJECTED"), line
        # And this for one wherever it stands; Azure and TeamCity have words between the two.
        assert not re.search(r"##\w*\[", line), line


def assert_calm(done: Completed, code: int | None = None) -> None:
    assert code is None or done.code == code, done.stderr
    assert_inert(done.stdout)
    assert_inert(done.stderr)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    if done.code == 2:
        assert done.stdout == ""
        assert "error:" in done.stderr


# --- Names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_name", FORMATS)
def test_bad_names_of_good_masks_change_nothing(named: tuple[Path, Path, tuple[str, ...]], format_name: str) -> None:
    pred, gt, names = named
    done = run_segeval("score", pred, gt, "-f", format_name, "--worst", "30", "-v")
    assert_calm(done, 0)
    if format_name == "json":
        assert json.loads(done.stdout)["data"]["images"] == len(names)
    if format_name == "junit":
        ElementTree.fromstring(done.stdout)


@pytest.mark.parametrize("format_name", FORMATS)
def test_bad_names_in_warnings_are_shown_and_do_nothing(
    named: tuple[Path, Path, tuple[str, ...]], format_name: str, tmp_path: Path
) -> None:
    pred, gt, names = named
    for name in names[:3]:
        (gt / f"{name}.png").unlink()
    for name in names[3:6]:
        (pred / f"{name}.png").unlink()
    done = run_segeval("score", pred, gt, "-f", format_name, "--missing", "skip", "-o", tmp_path / "r.json")
    assert_calm(done, 0)
    assert r"line\nINJECTED break" in done.stderr
    assert "not scored (" in done.stderr
    assert_inert((tmp_path / "r.json").read_text())


@pytest.mark.parametrize("verb", ["score", "inspect", "explain"])
@pytest.mark.parametrize("spoil", ["missing", "corrupt"])
def test_every_bad_name_of_a_bad_file_is_told(named: tuple[Path, Path, tuple[str, ...]], verb: str, spoil: str) -> None:
    pred, gt, names = named
    for name in names:
        if spoil == "missing":
            (pred / f"{name}.png").unlink()
        else:
            (pred / f"{name}.png").write_bytes(b"no image")
    (pred / "other.png").write_bytes((gt / f"{names[0]}.png").read_bytes())
    (gt / "other.png").write_bytes((gt / f"{names[0]}.png").read_bytes())
    done = run_segeval(verb, pred, gt)
    assert done.code == 2
    assert_inert(done.stdout)
    assert_inert(done.stderr)
    if verb == "score":
        # Ten are shown, the others counted.
        assert f"... and {len(names) - 10} more" in done.stderr
        assert len(done.stderr.splitlines()) < 20


def test_each_bad_name_alone_is_told_in_full(tmp_path: Path) -> None:
    for index, name in enumerate(all_names(tmp_path / "probe")):
        pred, gt = tmp_path / f"{index}/pred", tmp_path / f"{index}/gt"
        save(gt / "other.png", LABELS)
        save(pred / "other.png", LABELS)
        save(gt / f"{name}.png", LABELS)
        done = run_segeval("score", pred, gt)
        assert_calm(done, 2)
        visible = "".join(letter for letter in name if letter.isascii() and letter.isalnum())
        told = "".join(letter for letter in done.stderr if letter.isascii() and letter.isalnum())
        if name.isascii() and name.isprintable():
            assert visible.replace("x23", "") in told.replace("x23", ""), name
        elif name != bytes_name():
            assert name[:4] in done.stderr, name


def test_rows_of_bad_names_go_through_files_and_come_back(
    named: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    pred, gt, names = named
    for suffix in ("csv", "jsonl"):
        done = run_segeval(
            "score", pred, gt, "--per-image", tmp_path / f"images.{suffix}", "--save", tmp_path / "run.jsonl"
        )
        assert_calm(done, 0)
        assert_inert((tmp_path / f"images.{suffix}").read_text())
    assert_inert((tmp_path / "run.jsonl").read_text())
    first = run_segeval("score", pred, gt, "-f", "json")
    again = run_segeval("report", tmp_path / "run.jsonl", "-f", "json")
    assert_calm(again, 0)
    assert json.loads(again.stdout)["scores"] == json.loads(first.stdout)["scores"]
    assert json.loads(again.stdout)["data"]["images"] == len(names)
    united = run_segeval("combine", tmp_path / "run.jsonl", tmp_path / "run.jsonl", "-o", tmp_path / "all.jsonl")
    assert_inert(united.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "no\x1b[31m\nINJECTED", "gt"],
        ["score", "pred", "gt", "--classes", "no\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--preset", "no\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--palette", "no\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "-o", "no/\x1b[31m\nINJECTED.json"],
        ["score", "pred", "gt", "-o", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "-f", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--save", "no/\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--fail-under", "\x1b[31m\nINJECTED=0.5"],
        ["score", "pred", "gt", "--ignore", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--map", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--gt-suffix", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--only", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--config", "\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--\x1b[31m\nINJECTED"],
        ["score", "pred", "gt", "--group-by", "(\x1b[31m\nINJECTED", "--ci", "95"],
        ["\x1b[31m\nINJECTED"],
        ["report", "\x1b[31m\nINJECTED"],
        ["combine", "\x1b[31m\nINJECTED", "-o", "out"],
        ["presets", "\x1b[31m\nINJECTED"],
    ],
)
def test_arguments_that_would_act_are_told_as_text(tmp_path: Path, arguments: list[str]) -> None:
    save(tmp_path / "gt/a.png", LABELS)
    save(tmp_path / "pred/a.png", LABELS)
    assert_calm(run_segeval(*arguments, cwd=tmp_path), 2)


@pytest.mark.parametrize("format_name", FORMATS)
def test_class_names_are_text_in_every_format(tmp_path: Path, format_name: str) -> None:
    save(tmp_path / "gt/a.png", LABELS)
    save(tmp_path / "pred/a.png", LABELS)
    names = [name for name in NAMES if name.isprintable() and len(name) < 100][:3]
    for start in range(0, len(NAMES), 3):
        chosen = [name.strip() for name in NAMES[start : start + 3] if name.isprintable() and len(name) < 100]
        (tmp_path / "classes.json").write_text(
            json.dumps((chosen + names)[:3] if len({*chosen}) == 3 else ["a", "b", "c"])
        )
        done = run_segeval(
            "score", tmp_path / "pred", tmp_path / "gt", "-c", tmp_path / "classes.json", "-f", format_name
        )
        assert_inert(done.stdout)
        assert_inert(done.stderr)
        assert done.code == 0, done.stderr
    for name in NAMES:
        if name.isprintable():
            continue
        (tmp_path / "classes.json").write_text(json.dumps([name, "b", "c"]))
        done = run_segeval(
            "score", tmp_path / "pred", tmp_path / "gt", "-c", tmp_path / "classes.json", "-f", format_name
        )
        assert_inert(done.stdout)
        assert_inert(done.stderr)
        assert "internal error" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_no_encoding_of_the_streams_is_a_crash(named: tuple[Path, Path, tuple[str, ...]], encoding: str) -> None:
    pred, gt, names = named
    (pred / f"{names[-2]}.png").unlink()
    for format_name in ("table", "json"):
        env = {**os.environ, "PYTHONIOENCODING": encoding}
        done = processes.run("score", pred, gt, "-f", format_name, "--missing", "miss", env=env)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        assert done.stdout.decode("utf-8" if format_name == "json" or encoding != "utf-16" else encoding)


def test_names_that_differ_in_case_only_are_two_images(tmp_path: Path) -> None:
    save(tmp_path / "gt/Mask.png", LABELS)
    if (tmp_path / "gt/mask.png").exists():
        pytest.skip("this file system does not tell them apart")
    save(tmp_path / "gt/mask.png", LABELS)
    save(tmp_path / "pred/mask.png", LABELS)
    save(tmp_path / "pred/MASK.png", LABELS)
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert_calm(done, 2)
    assert "  gt/Mask.png\n" in done.stderr
    save(tmp_path / "pred/Mask.png", LABELS)
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json")
    assert json.loads(done.stdout)["data"]["images"] == 2


# --- Trees -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for side in ("pred", "gt"):
        for name in ("a", "b", "c/d"):
            save(tmp_path / side / f"{name}.png", LABELS)
    return tmp_path / "pred", tmp_path / "gt"


def loop(root: Path) -> None:
    (root / "c/up.png").symlink_to("..")
    (root / "self.png").symlink_to("self.png")
    (root / "ring1").symlink_to("ring2")
    (root / "ring2").symlink_to("ring1")


def fan(root: Path) -> None:
    below = root / "fan"
    for level in range(18):
        (below / f"{level}").mkdir(parents=True)
        for side in ("x", "y"):
            (below / f"{level}" / side).symlink_to(f"../{level + 1}")


def pipes(root: Path) -> None:
    os.mkfifo(root / "fifo.png")
    (root / "zero.png").symlink_to("/dev/zero")
    (root / "random.npy").symlink_to("/dev/random")
    (root / "terminal.tif").symlink_to("/dev/tty")
    (root / "memory.png").symlink_to("/proc/kcore")


def nothing(root: Path) -> None:
    (root / "gone.png").symlink_to("nowhere.png")


def folder_called_mask(root: Path) -> None:
    (root / "x.png").mkdir()


def replaced_by_pipe(root: Path) -> None:
    (root / "a.png").unlink()
    os.mkfifo(root / "a.png")


TREES: dict[Callable[[Path], None], tuple[str, ...]] = {
    loop: ("c/up.png", "self.png", "ring1", "ring2"),
    pipes: ("fifo.png", "zero.png", "random.npy"),
    nothing: ("gone.png",),
    replaced_by_pipe: ("a.png",),
}


@pytest.mark.parametrize("spoil", TREES, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("side", ["gt", "pred"])
@pytest.mark.parametrize("verb", ["score", "inspect", "explain"])
def test_what_cannot_be_masks_is_told_in_time(
    folders: tuple[Path, Path], tmp_path: Path, spoil: Callable[[Path], None], side: str, verb: str
) -> None:
    spoil(tmp_path / side)
    start = time.process_time()
    done = run_segeval(verb, *folders)
    assert time.process_time() - start < 5
    assert_inert(done.stdout)
    assert_inert(done.stderr)
    assert done.code == 2
    assert "Traceback" not in done.stderr
    for place in TREES[spoil]:
        assert place in done.stderr + done.stdout


def test_a_fan_of_links_ends(folders: tuple[Path, Path], tmp_path: Path) -> None:
    fan(tmp_path / "gt")
    start = time.process_time()
    assert_calm(run_segeval("score", *folders))
    assert time.process_time() - start < 10


def test_a_folder_with_the_name_of_a_mask_is_a_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder_called_mask(tmp_path / "gt")
    assert_calm(run_segeval("score", *folders), 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
@pytest.mark.parametrize("place", ["a.png", "c"])
def test_what_may_not_be_read_is_told(folders: tuple[Path, Path], tmp_path: Path, place: str) -> None:
    (tmp_path / "pred" / place).chmod(0)
    try:
        done = run_segeval("score", *folders)
    finally:
        (tmp_path / "pred" / place).chmod(0o700)
    assert_calm(done, 2)
    assert "Permission denied" in done.stderr
    assert place in done.stderr


def test_a_path_of_four_thousand_characters_is_scored(tmp_path: Path) -> None:
    room = 3990 - len(str(tmp_path)) - len("/pred/mask.png")
    below = "/".join(["d" * 199] * (room // 200))
    for side in ("gt", "pred"):
        _write_deep(tmp_path / side, below.split("/"), "mask.png")
    try:
        done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json", "--worst", "1")
        assert_calm(done, 0)
        (tmp_path / "pred" / below / "mask.png").write_bytes(b"no image")
        done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
        assert_calm(done, 2)
        assert "mask.png" in done.stderr
        assert len(done.stderr) < 10_000
    finally:
        _remove_deep(tmp_path)


def test_a_path_beyond_what_the_system_opens_is_told(tmp_path: Path) -> None:
    save(tmp_path / "gt/a.png", LABELS)
    save(tmp_path / "pred/a.png", LABELS)
    _write_deep(tmp_path / "gt", ["d" * 199] * 30, "mask.png")
    try:
        done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
        assert_calm(done, 2)
        assert "too long" in done.stderr
        assert len(done.stderr) < 10_000
    finally:
        _remove_deep(tmp_path)


def _write_deep(root: Path, names: list[str], last: str) -> None:
    """Make a path step by step, since no call takes it whole."""
    root.mkdir(exist_ok=True)
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(root)
        for name in names:
            Path(name).mkdir()
            os.chdir(name)
        save(Path(last), LABELS)
    finally:
        os.fchdir(here)
        os.close(here)


def _remove_deep(root: Path) -> None:
    subprocess.run(["rm", "-rf", str(root)], check=True)


def test_ten_thousand_problems_are_a_few_lines(tmp_path: Path) -> None:
    save(tmp_path / "pred/only.png", LABELS)
    save(tmp_path / "gt/only.png", LABELS)
    for index in range(10_000):
        (tmp_path / f"gt/{index}.png").touch()
    start = time.process_time()
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert_calm(done, 2)
    assert "... and 9,990 more" in done.stderr
    assert len(done.stderr.splitlines()) < 20
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_a_hundred_thousand_files_are_scored(tmp_path: Path) -> None:
    for side in ("gt", "pred"):
        for folder in range(100):
            # A file system bounds the links to one file, so each folder has a file of its own to link to.
            first = tmp_path / side / f"{folder:02}/0000.png"
            save(first, LABELS)
            for number in range(1, 1000):
                os.link(first, first.with_name(f"{number:04}.png"))
    start = time.process_time()
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json")
    assert json.loads(done.stdout)["data"]["images"] == 100_000
    assert json.loads(done.stdout)["scores"]["miou"] == 1
    assert time.process_time() - start < 300


# --- Files that change -----------------------------------------------------------------------------------------------


def meddle(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Path], None]) -> None:
    """Change a file after the folder was walked, and before it is read."""
    whole = readers.read_bytes
    changed: set[Path] = set()

    def read_bytes(file: str | Path, **options: Any) -> bytes:
        path = Path(file)
        if path.name == name and path not in changed:
            changed.add(path)
            change(path)
        return whole(path, **options)

    monkeypatch.setattr(readers, "read_bytes", read_bytes)


def vanish(path: Path) -> None:
    path.unlink()


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def be_emptied(path: Path) -> None:
    path.write_bytes(b"")


def lose_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize(
    "change", [vanish, become_folder, become_pipe, become_loop, shrink, be_emptied], ids=lambda change: change.__name__
)
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_file_that_changes_after_it_was_found_is_told(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], jobs: int
) -> None:
    meddle(monkeypatch, "b.png", change)
    start = time.process_time()
    done = run_segeval("score", *folders, "-j", str(jobs))
    assert time.process_time() - start < 5
    assert_calm(done, 2)
    assert "b.png" in done.stderr
    assert "a.png" not in done.stderr


def test_a_folder_that_vanishes_is_told(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    meddle(monkeypatch, "d.png", lose_folder)
    done = run_segeval("score", *folders)
    assert_calm(done, 2)
    assert "c/d.png" in done.stderr


def test_a_file_that_grows_while_it_is_read_is_told(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.read

    def grow(descriptor: int, size: int) -> bytes:
        data = whole(descriptor, size)
        with (folders[0] / "b.png").open("ab") as stream:
            stream.write(b"more")
        return data

    monkeypatch.setattr(os, "read", grow)
    done = run_segeval("score", *folders, "-j", "1")
    monkeypatch.undo()
    assert_calm(done, 2)
    assert "changed while it was read" in done.stderr
    assert "b.png" in done.stderr


# --- Texts -----------------------------------------------------------------------------------------------------------


TEXTS = {
    "empty": b"",
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "long number": b"9" * 100_000,
    "long line": b"x" * 1_000_000,
    "nul": b"road\0sky\n",
    "escape": b"road\x1b[31m\nINJECTED\n",
    "utf-16": "road\nsky\n".encode("utf-16"),
    "surrogate": b'["\\ud800", "a", "b"]',
    "nul in toml": b'[tool.segeval]\noutput = "a\\u0000b"\nclasses = "\\u0000"\n',
    "sixteen megabytes": b"a\n" * (1 << 23) + b"b",
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("option", ["--classes", "--palette", "--preset", "--class-weights", "--config"])
def test_user_files_of_any_content_are_read_or_refused_in_time(
    folders: tuple[Path, Path], tmp_path: Path, name: str, option: str
) -> None:
    path = tmp_path / ("list.toml" if option in ("--preset", "--config") else "list.txt")
    path.write_bytes(TEXTS[name])
    extra = ["--probs"] if option == "--class-weights" else []
    start = time.process_time()
    done = run_segeval("score", *folders, option, path, *extra)
    assert time.process_time() - start < 5
    assert_inert(done.stdout)
    assert_inert(done.stderr)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


@pytest.mark.parametrize("option", ["--classes", "--palette", "--preset", "--class-weights", "--config"])
def test_user_files_that_are_pipes_or_devices_do_not_hang(
    folders: tuple[Path, Path], tmp_path: Path, option: str
) -> None:
    """A pipe may be meant, as in --classes <(cat names): it is read to its end, but a device without end is not."""
    path = tmp_path / "zero.toml"
    path.symlink_to("/dev/zero")
    start = time.process_time()
    done = run_segeval("score", *folders, option, path, *(["--probs"] if option == "--class-weights" else []))
    assert time.process_time() - start < 5
    assert_calm(done, 2)
