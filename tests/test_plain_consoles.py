"""Consoles that lack characters: what is drawn becomes ASCII of the same width, and nothing fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from segeval.cli.plain import STAND_INS, encodable, undrawn
from tests.support import processes

SAMPLES = Path(__file__).parent.parent / "sample_masks"
MASKS = (str(SAMPLES / "pred"), str(SAMPLES / "gt"), "--classes", str(SAMPLES / "classes.txt"), "--no-config")
MAPS = (str(SAMPLES / "multiclass/probs"), str(SAMPLES / "multiclass/gt"), "--probs", "--no-config")
VERBS = {
    "score": ("score", *MASKS, "--confusion", "--fail-under", "miou=0.9"),
    "maps": ("score", *MAPS, "--classes", str(SAMPLES / "classes.txt"), "--plot", "--details"),
    "explain": ("explain", *MASKS),
    "inspect": ("inspect", *MASKS),
    "presets": ("presets", "loveda"),
    "help": ("help",),
    "--help": ("score", "--help"),
}
CODES = {"score": 1}
DRAWN = re.compile("[\u2500-\u259f\u2800-\u28ff▼✓✗●○†]")


@cache
def run(verb: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
    return processes.run(*VERBS[verb], env={**known, "PYTHONIOENCODING": encoding})


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_a_stream_cannot_show_is_shown_otherwise_in_the_same_columns(verb: str, encoding: str) -> None:
    done, usual = run(verb, encoding), run(verb, "utf-8")
    assert done.returncode == usual.returncode == CODES.get(verb, 0), done.stderr
    shown, drawn = done.stdout.decode(encoding), usual.stdout.decode("utf-8")
    assert "\\u" not in shown, "a mark has no stand-in"
    assert list(map(len, shown.splitlines())) == list(map(len, drawn.splitlines()))
    told = done.stderr.decode(encoding)
    assert ("gate failed: miou 74.25 %" in told) == (verb == "score")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_files_and_formats_for_programs_stay_utf_8(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"Straße {index} 道\n" for index in range(10)), encoding="utf-8")
    words = (*MASKS[:3], str(tmp_path / "names.txt"), "-f", "csv", "-o", str(tmp_path / "r.txt"))
    done = processes.run("score", *words, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert "Straße 3 道" in done.stdout.decode("utf-8")
    assert "│ Straße 3 道" in (tmp_path / "r.txt").read_text(encoding="utf-8")


def test_names_and_errors_that_a_console_lacks_are_escapes(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"道{index}\n" for index in range(10)), encoding="utf-8")
    words = ("score", *MASKS[:3], str(tmp_path / "names.txt"), "--only", "iou.車")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = processes.run(*words, env=environment)
    assert done.returncode == 2
    assert b"iou.\\u8eca" in done.stderr
    done = processes.run(*words[:-2], env=environment)
    assert done.returncode == 0, done.stderr
    assert b"| \\u90533" in done.stdout


def on_terminal(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command with a terminal as its stdout and stderr, and return its exit code and what it showed."""
    import pty  # Windows has none

    here, there = pty.openpty()
    env = {**os.environ, **environment}
    with processes.start(*words, env=env, stdin=there, stdout=there, stderr=there) as process:
        os.close(there)
        shown = b""
        while True:
            try:
                part = os.read(here, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(here)
    return process.wait(), shown.decode("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("verb", ["score", "maps", "explain", "inspect", "presets"])
def test_a_dumb_terminal_gets_no_escapes_and_nothing_drawn(verb: str) -> None:
    code, shown = on_terminal(VERBS[verb], {"TERM": "dumb", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"})
    assert code == CODES.get(verb, 0), shown
    assert "\x1b" not in shown
    assert not DRAWN.search(shown), DRAWN.findall(shown)[:5]
    assert "mIoU" in shown or verb in ("inspect", "presets")
    code, drawn = on_terminal(VERBS[verb], {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"})
    assert DRAWN.search(drawn), "an able terminal gets what is drawn"


def test_stand_ins_are_ascii_of_one_column_and_letters_stay() -> None:
    assert all(len(sign) == 1 and sign.isascii() for sign in STAND_INS.values())
    assert undrawn("│ Straße 道 █▎ ⣿⠁⠀│") == "| Straße 道 #- #. |"
    assert encodable("│Straße…", "cp1252") == "|Straße…"
    assert encodable("│Straße…", "cp437") == "│Straße~"
