"""A system that fails at any one call: the old file or the new one stays, never another, and the exit code is 2."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support.commandline import run_segeval

CALLS: dict[str, tuple[Any, str]] = {
    "write": (os, "write"),
    "fsync": (os, "fsync"),
    "rename": (os, "replace"),
    "lock": (fcntl, "flock"),
    "truncate": (os, "ftruncate"),
    "close": (os, "close"),
    "open": (os, "open"),
    "unlink": (os, "unlink"),
}
ERRORS = {"lock": errno.EIO, "open": errno.EMFILE, "unlink": errno.EBUSY}
SWALLOWED = ("close", "unlink")
"""Calls whose failure may leave something behind, but never a wrong or half a file."""


KEEPING, KEEPERS = ("save", "packed"), ("truncate", "unlink")
"""Commands that keep the rows of an unfinished run, and the calls that only they make."""


class Shim:
    """Count the calls of one function that concern the folder of the test, and fail the n-th."""

    def __init__(self, original: Callable[..., Any], number: int, code: int, folder: Path) -> None:
        self.original, self.number, self.code, self.folder = original, number, code, folder
        self.calls = 0

    def __call__(self, first: Any, *arguments: Any, **options: Any) -> Any:
        if self._concerns(first):
            self.calls += 1
            if self.calls == self.number:
                raise OSError(self.code, os.strerror(self.code))
        return self.original(first, *arguments, **options)

    def _concerns(self, first: Any) -> bool:
        path = str(first)
        if isinstance(first, int):
            try:
                path = str(Path(f"/proc/self/fd/{first}").readlink())
            except OSError:
                return False
        return path.startswith(str(self.folder))


@contextmanager
def failing(call: str, number: int, folder: Path) -> Iterator[Shim]:
    module, name = CALLS[call]
    shim = Shim(getattr(module, name), number, ERRORS.get(call, errno.ENOSPC), folder)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(module, name, shim))
        yield shim


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masks, and two runs to unite."""
    tmp_path = tmp_path_factory.mktemp("given")
    for side, moved in (("gt", 0), ("pred", 1)):
        for index in range(4):
            path = tmp_path / side / f"{index // 2}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode((pattern(8, 6) + moved * index) % 3))
    for part in ("0", "1"):
        done = run_segeval(
            "score", tmp_path / "pred" / part, tmp_path / "gt" / part, "--save", f"{part}.jsonl", cwd=tmp_path
        )
        assert done.code == 0, done.stderr
    return tmp_path


@pytest.fixture
def project(given: Path, tmp_path: Path) -> Path:
    """A project with those, and a folder for what is written."""
    for path in given.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "out").mkdir()
    return tmp_path


COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "save": (("score", "pred", "gt", "--save", "out/run.jsonl", "-j", "1"), ("run.jsonl",)),
    "packed": (("score", "pred", "gt", "--save", "out/run.jsonl.gz", "-j", "2"), ("run.jsonl.gz",)),
    "output": (
        ("score", "pred", "gt", "-o", "out/r.json", "-o", "out/r.csv", "--per-image", "out/i.csv"),
        ("r.json", "r.csv", "i.csv"),
    ),
    "combine": (("combine", "0.jsonl", "1.jsonl", "-o", "out/all.jsonl"), ("all.jsonl",)),
    "compare": (("compare", "0.jsonl", "0.jsonl", "-o", "out/c.json", "--resamples", "20"), ("c.json",)),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("old", [True, False], ids=["old", "absent"])
def test_whichever_call_fails_the_old_file_or_the_new_one_is_there(
    project: Path, command: str, call: str, old: bool
) -> None:
    arguments, names = COMMANDS[command]
    assert run_segeval(*arguments, cwd=project).code == 0
    new = {name: (project / "out" / name).read_bytes() for name in names}
    number = 0
    while True:
        number += 1
        for path in (project / "out").iterdir():
            path.unlink()
        if old:
            for name in names:
                (project / "out" / name).write_bytes(b"old")
        with failing(call, number, project / "out") as shim:
            done = run_segeval(*arguments, cwd=project)
        if shim.calls < number:
            break
        for name in names:
            path = project / "out" / name
            content = path.read_bytes() if path.exists() else None
            assert content in (new[name], b"old" if old else None), f"{call} {number}: {name}"
        assert done.code in ((0, 2) if call in SWALLOWED else (2,)), f"{call} {number}: {done.stderr}"
        assert "internal error" not in done.stderr
        assert "Traceback" not in done.stderr
        if done.code == 2:
            assert done.stdout == ""
            assert "fix: " in done.stderr
        else:
            assert all((project / "out" / name).read_bytes() == new[name] for name in names)
        if call not in SWALLOWED:
            assert not [path for path in (project / "out").iterdir() if path.suffix == ".part"]
    assert done.code == 0, "no call was left to fail"
    assert (number > 1) == (command in KEEPING or call not in KEEPERS)


def test_a_run_is_gone_on_with_after_any_failed_write(project: Path) -> None:
    arguments = (*COMMANDS["save"][0], "--resume")
    assert run_segeval(*arguments, cwd=project).code == 0
    new = (project / "out/run.jsonl").read_bytes()
    for number in range(1, 100):
        (project / "out/run.jsonl").unlink()
        with failing("write", number, project / "out") as shim:
            run_segeval(*arguments, cwd=project)
        assert run_segeval(*arguments, cwd=project).code == 0
        assert (project / "out/run.jsonl").read_bytes() == new
        assert [path.name for path in (project / "out").iterdir()] == ["run.jsonl"]
        if shim.calls < number:
            return
    raise AssertionError("writes without end")
