"""Completion, driven in the real shells where they are installed: files stay completed, and names are."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import processes

ROOT = Path(__file__).parent.parent
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
needs_segeval = pytest.mark.skipif(
    not processes.FORKS and not (Path(sys.executable).parent / "segeval").exists(),
    reason="segeval is not installed here",
)


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> list[str]:
    environment = {**os.environ, "PATH": processes.search_path()}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line]


def in_bash(line: str) -> list[str]:
    return run(shell("bash"), "-c", BASH_DRIVER.format(segeval=processes.programs() / "segeval"), "driver", line)


def in_fish(line: str) -> list[str]:
    script = f"{processes.programs() / 'segeval'} completion fish | source; complete -C '{line}'"
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


# Typed in the interactive shells

RC = {
    "bash": r"""
PS1='$ '
bind 'set enable-bracketed-paste off'
bind -x '"\C-t": printf "%s" "$READLINE_LINE" > "$TYPED.part"; mv "$TYPED.part" "$TYPED"'
source <("$SEGEVAL" completion bash)
""",
    "zsh": """
autoload -U compinit && compinit -u -D
source <("$SEGEVAL" completion zsh)
keep() { print -rn -- "$BUFFER" > "$TYPED.part"; mv "$TYPED.part" "$TYPED" }
zle -N keep
bindkey '^T' keep
bindkey '^I' complete-word
""",
    "fish": r"""
segeval completion fish | source
bind \ct 'commandline > "$TYPED.part"; mv "$TYPED.part" "$TYPED"'
""",
}
"""What each shell begins with: our completion as its page says, and a key that keeps the line as it stands."""
STARTED = {
    "bash": ("--noprofile", "--rcfile", "{rc}", "-i"),
    "zsh": ("-d", "-i"),
    "fish": ("--no-config", "-i", "-C", "source {rc}"),
}

ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes the terminal that of the session before the shell begins: fish asks for its job control."""


def typed(name: str, keys: str, place: Path) -> str:
    """Type keys in a shell on a terminal of its own, and return the line as it then stands."""
    import pty  # Windows has neither
    import termios

    program = shell(name)
    place.mkdir()
    rc, line = place / ".zshrc", place / "typed"
    rc.write_text(RC[name], encoding="utf-8")
    environment = {**os.environ, "PATH": processes.search_path(), "SEGEVAL": str(processes.programs() / "segeval")}
    environment |= {"TYPED": str(line), "ZDOTDIR": str(place), "HOME": str(place), "TERM": "xterm"}
    words = [word.format(rc=rc) for word in STARTED[name]]
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (24, 200))
    try:
        with subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, program, *words],
            stdin=there,
            stdout=there,
            stderr=there,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        ) as process:
            os.close(there)
            try:
                return _kept(here, f"{keys}\x14", line)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
    finally:
        os.close(here)


def _kept(terminal: int, keys: str, line: Path) -> str:
    """Type once the shell has shown its prompt and is silent, and wait for the line that it keeps."""
    shown, told, until = b"", False, time.monotonic() + 60
    while not line.exists():
        assert time.monotonic() < until, shown.decode(errors="replace")
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                raise AssertionError(shown.decode(errors="replace")) from None
        elif shown and not told:
            os.write(terminal, keys.encode())
            told = True
    return line.read_text(encoding="utf-8").rstrip("\n")


TYPED = [
    ("segeval score sample_masks/pr\t", "segeval score sample_masks/pred/"),
    ("segeval score --preset ci\t", "segeval score --preset cityscapes"),
    ("segeval score --fail-under io\t", "segeval score --fail-under iou."),
    (f"segeval score {CLASSES} --only iou.sk\t", f"segeval score {CLASSES} --only iou.sky "),
]


@needs_segeval
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("name", RC)
@pytest.mark.parametrize(("keys", "line"), TYPED, ids=[keys.split()[-1] for keys, _ in TYPED])
def test_what_is_typed_in_the_shell_itself_is_completed(name: str, keys: str, line: str, tmp_path: Path) -> None:
    found = typed(name, keys, tmp_path / "home")
    assert found.rstrip() == line.rstrip()
    assert found == line or not line.endswith(("/", ".")), "no blank behind a word that goes on"
