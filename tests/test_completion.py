"""Completion, driven in the real shells where they are installed: files stay completed, and names are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
BASH_DRIVER = r"""
source <({segeval} completion bash)
complete -p segeval >/dev/null || exit 9
compopt() {{ printf "compopt %s\n" "$2"; }}
IFS=' ' read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
COMPREPLY=()
_segeval_completion {segeval}
printf '%s\n' "${{COMPREPLY[@]}}"
"""
CLASSES = "--classes sample_masks/classes.txt"
needs_segeval = pytest.mark.skipif(not (BIN / "segeval").exists(), reason="segeval is not installed here")


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> list[str]:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line]


def in_bash(line: str) -> list[str]:
    return run(shell("bash"), "-c", BASH_DRIVER.format(segeval=BIN / "segeval"), "driver", line)


def in_fish(line: str) -> list[str]:
    script = f"{BIN / 'segeval'} completion fish | source; complete -C '{line}'"
    return [found.partition("\t")[0] for found in run(shell("fish"), "--no-config", "-c", script)]


@needs_segeval
def test_bash_completes_files_itself() -> None:
    assert in_bash("segeval score sample_masks/pr") == ["compopt default"]
    assert in_bash("segeval score --classes sample_masks/cl") == ["compopt default"]


@needs_segeval
def test_fish_completes_files_itself() -> None:
    assert in_fish("segeval score sample_masks/pr") == ["sample_masks/pred/"]


NAMES = [
    ("segeval score --preset ci", ["cityscapes", "cityscapes-trainids"]),
    ("segeval score --convention mms", ["mmseg"]),
    ("segeval score --format mark", ["markdown"]),
    ("segeval score --allow unn", ["unnormalised"]),
    (f"segeval score {CLASSES} --fail-under iou.si", ["iou.sidewalk="]),
    (f"segeval score {CLASSES} --only iou.sk", ["iou.sky"]),
    (f"segeval score {CLASSES} --mean-over road,per", ["road,person"]),
    ("segeval presets ci", ["cityscapes", "cityscapes-trainids"]),
    ("segeval help lab", ["labels"]),
]


@needs_segeval
@pytest.mark.parametrize(("line", "words"), NAMES)
def test_bash_completes_names(line: str, words: list[str]) -> None:
    assert [word for word in in_bash(line) if not word.startswith("compopt")] == words


@needs_segeval
@pytest.mark.parametrize(("line", "words"), [pair for pair in NAMES if "," not in pair[0]])
def test_fish_completes_names(line: str, words: list[str]) -> None:
    assert in_fish(line) == words


@needs_segeval
def test_metrics_of_classes_stay_open_where_no_class_is_known() -> None:
    assert in_bash("segeval score --fail-under io") == ["compopt nospace", "iou."]
    assert in_fish("segeval score --fail-under io") == ["iou."]


@needs_segeval
def test_a_broken_class_list_completes_nothing_and_says_nothing() -> None:
    assert in_bash("segeval score --classes no/such.txt --only iou.r") == []
