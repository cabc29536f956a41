"""Streams that are closed or broken when a command begins: 0, 1 and 2 keep their meaning."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support import processes

STREAMS = [closed for size in range(4) for closed in combinations((0, 1, 2), size)]
VERBS: dict[str, tuple[str, ...]] = {
    "score": ("score", "pred", "gt"),
    "score -f json": ("score", "pred", "gt", "-f", "json"),
    "score, gate failed": ("score", "pred", "gt", "--fail-under", "miou=0.99"),
    "score, could not": ("score", "pred", "nowhere"),
    "report": ("report", "run.jsonl"),
    "combine": ("combine", "run.jsonl", "-o", "all.jsonl"),
    "compare": ("compare", "run.jsonl", "run.jsonl", "--resamples", "20"),
    "explain": ("explain", "pred", "gt"),
    "inspect": ("inspect", "pred", "gt"),
    "verify, another number": ("verify", "segeval|classes:infer(0..2)|convention:segeval", "miou=12.34%", "run.jsonl"),
    "plan, could not": ("plan", "pred", "nowhere"),
    "watch": ("watch", "run.jsonl"),
    "config": ("config",),
    "help": ("help", "security"),
    "presets": ("presets",),
    "completion": ("completion", "bash"),
    "--help": ("--help",),
    "score --help": ("score", "--help"),
    "--version": ("--version",),
    "none": (),
    "unknown": ("scroe",),
}
EXPECTED = {
    "score, gate failed": 1,
    "score, could not": 2,
    "verify, another number": 1,
    "plan, could not": 2,
    "unknown": 2,
}
"""Exit codes where every stream is open; 0 for the others."""
SAYS_NOTHING = ("combine",)
"""Verbs that write nothing to stdout."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for side, moved in (("gt", 0), ("pred", 1)):
        (root / side).mkdir()
        (root / side / "a.png").write_bytes(encode((pattern(8, 6) + moved * (pattern(8, 6) > 2)) % 3))
    assert run_with(root, VERBS["score"] + ("--save", "run.jsonl")).returncode == 0
    return root


def run_with(root: Path, arguments: Sequence[str], *, closed: Sequence[int] = ()) -> subprocess.CompletedProcess[bytes]:
    """Run segeval without some of its standard streams, as `2>&-` of a shell does."""
    usual = (processes.DEVNULL, processes.PIPE, processes.PIPE)
    stdin, stdout, stderr = (None if number in closed else stream for number, stream in enumerate(usual))
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEGEVAL_")}
    return processes.run(*arguments, cwd=root, env=env, stdin=stdin, stdout=stdout, stderr=stderr)


QUICK = ("score, gate failed", "combine", "--help")
SOME = [verb if verb in QUICK else pytest.param(verb, marks=pytest.mark.slow) for verb in VERBS]


@pytest.mark.parametrize("verb", SOME)
def test_every_verb_keeps_its_exit_codes_without_any_of_its_streams(project: Path, verb: str) -> None:
    whole = run_with(project, VERBS[verb])
    assert whole.returncode == EXPECTED.get(verb, 0), whole.stderr
    for closed in STREAMS:
        done = run_with(project, VERBS[verb], closed=closed)
        unwritten = 1 in closed and whole.returncode != 2 and verb not in SAYS_NOTHING
        assert done.returncode == (2 if unwritten else whole.returncode), (closed, done.stderr)
        assert done.stdout == (b"" if 1 in closed else whole.stdout), closed
        if 2 not in closed and not unwritten:
            assert done.stderr == whole.stderr, closed
        if 2 not in closed and unwritten:
            assert b"stdout" in done.stderr or b"stream" in done.stderr
            assert b"internal error" not in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [closed for closed in STREAMS if closed], ids=str)
def test_what_is_said_on_a_closed_stream_never_goes_into_a_file(project: Path, closed: tuple[int, ...]) -> None:
    arguments = (*VERBS["score"], "-f", "json", "-o", "report.csv", "--save", "again.jsonl", "--missing", "skip", "-v")
    run_with(project, arguments)
    expected = {name: (project / name).read_bytes() for name in ("report.csv", "again.jsonl")}
    for name in expected:
        (project / name).unlink()
    run_with(project, arguments, closed=closed)
    assert {name: (project / name).read_bytes() for name in expected} == expected


@pytest.mark.parametrize("verb", SOME)
def test_a_full_disk_behind_stdout_is_2_and_no_fault_of_ours(project: Path, verb: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = processes.run(*VERBS[verb], cwd=project, stdout=full.fileno())
    assert done.returncode == (0 if verb in SAYS_NOTHING else 2), done.stderr
    assert b"internal error" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("verb", SOME)
def test_a_reader_that_has_gone_away_changes_no_exit_code(project: Path, verb: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = processes.run(*VERBS[verb], cwd=project, stdout=writing)
    finally:
        os.close(writing)
    assert done.returncode == EXPECTED.get(verb, 0), done.stderr
    assert b"internal error" not in done.stderr
    assert b"Traceback" not in done.stderr
