"""The console blocks of README and manual: run them; `python -m tests.support.readme` writes back what they print."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import search_path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
MANUAL = tuple(sorted((ROOT / "segeval" / "docs").glob("*.md")))
PAGES = (README, *MANUAL)
"""Every text whose commands are run, each in a folder of its own."""
BLOCK = re.compile(r"```console\n(?P<body>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Session:
    """Hold one command of a console block and what the page says it prints."""

    command: str
    output: str


def sessions(body: str) -> list[Session]:
    """Split a console block into its commands, each with the lines below it."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    assert not parts[0].strip(), "a console block begins with a command"
    found = []
    for part in parts[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more}"
        if command.endswith("<<'END'"):
            script, end, output = output.partition("END\n")
            command = f"{command}\n{script}{end}".rstrip("\n")
        found.append(Session(command, output))
    return found


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a folder that looks like the project to a page's commands, and keeps what they write."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sample_masks").symlink_to(ROOT / "sample_masks")
        yield Path(folder)


def shown(command: str, folder: Path) -> str:
    """Return all that a command shows in `folder`, stdout and stderr as they come."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
        env={**environment, "PATH": search_path(), "NO_COLOR": "1"},
    )
    return done.stdout


def commands(text: str) -> list[Session]:
    """Return every command of a page with its output, in order."""
    return [session for block in BLOCK.finditer(text) for session in sessions(block["body"])]


def updated(text: str) -> str:
    """Return a page with every output as it is today; commands run in order in one folder."""
    with workplace() as folder:

        def run_block(match: re.Match[str]) -> str:
            parts = [f"$ {session.command}\n{shown(session.command, folder)}" for session in sessions(match["body"])]
            return f"```console\n{''.join(parts)}```"

        return BLOCK.sub(run_block, text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
