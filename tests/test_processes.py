"""A forked segeval is a started one: the same bytes, codes, streams and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support import processes

pytestmark = pytest.mark.skipif(not processes.FORKS, reason="nothing is forked on this system")
SAMPLES = Path(__file__).parent.parent / "sample_masks"


def both(*words: str, **environment: str) -> list[subprocess.CompletedProcess[bytes]]:
    env = {**os.environ, **environment}
    started = subprocess.run(
        [*processes.STARTED, *words], cwd=SAMPLES, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return [started, processes.run(*words, cwd=SAMPLES, env=env)]


@pytest.mark.parametrize(
    ("words", "environment", "code"),
    [
        (("score", "pred", "gt", "--classes", "classes.txt"), {"COLUMNS": "90", "FORCE_COLOR": "1"}, 0),
        (("score", "pred", "gt", "-f", "json"), {"SEGEVAL_LANE": "pillow", "SEGEVAL_FAIL_UNDER": "miou=0.99"}, 1),
        (("score", "pred", "gt", "--only", "iou.\udcff車"), {"PYTHONIOENCODING": "latin-1"}, 2),
        (("score", "pred", "nowhere"), {"PYTHONIOENCODING": "ascii:replace"}, 2),
        (("scroe",), {}, 2),
        (("completion", "bash"), {}, 0),
    ],
    ids=["score", "gate", "unknown name", "no folder", "no verb", "completion"],
)
def test_a_fork_writes_and_ends_as_what_is_started(
    words: tuple[str, ...], environment: Mapping[str, str], code: int
) -> None:
    started, forked = both(*words, **environment)
    assert forked.returncode == started.returncode == code
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def held_by(process: int) -> set[str]:
    """Return the numbers of the descriptors of a process, but for those of files that it is just reading."""
    found = {path.name: path for path in Path(f"/proc/{process}/fd").iterdir()}
    held = set()
    for name, path in found.items():
        with contextlib.suppress(FileNotFoundError):  # closed since the folder was listed
            held |= {name} if not os.path.realpath(path).startswith(str(SAMPLES)) else set()
    return held


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


LONG = ("score", str(SAMPLES / "pred"), str(SAMPLES / "gt"), "--ci", "95", "--resamples", "1000000")


def test_a_fork_has_only_its_own_descriptors_and_can_be_stopped() -> None:
    with processes.start(*LONG) as process:
        wait_until(lambda: held_by(process.pid) == {"0", "1", "2"})
        assert process.poll() is None
        process.kill()
        assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGKILL


def test_what_forks_has_one_thread() -> None:
    """A child has no other, and what waits for one would wait for ever."""
    with processes.start(*LONG) as process:
        parent = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1
        process.kill()


def test_a_fork_that_nobody_waits_for_any_more_is_ended() -> None:
    with processes.start(*LONG) as process:
        place = Path(f"/proc/{process.pid}")
        assert place.exists()
        assert isinstance(process, processes.Forked)
        process.abandon()
    wait_until(lambda: not place.exists())


PROGRAM = "import sys; from segeval import preset_names; print(sys.argv, 'loveda' in preset_names()); sys.exit({})"


@pytest.mark.parametrize(("ending", "code"), [("0", 0), ("3", 3), ("None", 0), ("1 / 0", 1)])
def test_a_program_is_run_as_python_runs_it(ending: str, code: int) -> None:
    done = processes.run("a", "b", program=PROGRAM.format(ending))
    assert (done.returncode, done.stdout) == (code, b"['-c', 'a', 'b'] True\n")
    assert (b"ZeroDivisionError" in done.stderr) == (ending == "1 / 0")
    words = ["python", "-c", PROGRAM.format(ending), "a", "b"]
    shown = subprocess.run(words, env={**os.environ, "PATH": processes.search_path()}, capture_output=True, check=False)
    assert (shown.returncode, shown.stdout) == (done.returncode, done.stdout)


def test_in_a_shell_a_fork_is_a_program(tmp_path: Path) -> None:
    script = (
        f"cd {SAMPLES}; segeval score pred gt -f json 2>/dev/null | head -c 1; echo ${{PIPESTATUS[0]}}; "
        "segeval presets >&-; echo $?; "
        "python - <<< 'print(6 * 7)'; python -m segeval --version | cut -c 1-7; "
        f"cd {tmp_path}; segeval --version | head -n 1; segeval score p g 2>&1 | head -n 1"
    )
    env = {**os.environ, "PATH": processes.search_path()}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True)
    *first, version, error = done.stdout.splitlines()
    assert first == ["{0", "2", "42", "segeval"]
    assert version.startswith("segeval ")
    assert error.startswith("error: ")
