"""Configurations, class lists, palettes, presets and run files that keep a parser busy: refused or read in time.

Each is given to the command line, which may take 2 seconds of the processor and 300 MB: the largest that a parser gets
one after another, and when slow all sizes, each in a process of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.corpora.png_corpus import encode, pattern
from tests.support.bigmaps import MAP_FORMS
from tests.support.bigruns import FORMS, REFUSED

SECONDS, MEGABYTES = 2, 300
SIZES = (1 << 10, 1 << 14, 1 << 18, 1 << 20, 1 << 24)
"""1 KB to 16 MB; the third is the most that a parser gets."""


def filled(size: int, piece: Callable[[int], str], start: str = "", end: str = "") -> str:
    """Return about `size` characters of pieces that differ."""
    pieces, length, index = [start], len(start) + len(end), 0
    while length < size:
        pieces.append(piece(index))
        length += len(pieces[-1])
        index += 1
    return "".join([*pieces, end])


def repeated(size: int, piece: str, start: str = "", end: str = "") -> str:
    return start + piece * max(1, (size - len(start) - len(end)) // len(piece)) + end


TOML: dict[str, Callable[[int], str]] = {
    "a table of many parts": lambda size: repeated(size, "a.", "[", "a]\n"),
    "a table of quoted parts": lambda size: repeated(size, '"a".', "[", "a]\n"),
    "a table of spaced parts": lambda size: repeated(size, "a . ", "[", "a]\n"),
    "a key of many parts": lambda size: repeated(size, "a.", "", "a = 1\n"),
    "a key of many parts in a table within a line": lambda size: repeated(size, "a.", "x = {", "a = 1}\n"),
    "keys of 30 parts": lambda size: filled(size, lambda index: f"{'a.' * 29}b{index} = 1\n"),
    "many tables": lambda size: filled(size, lambda index: f"[t{index}]\n"),
    "many tables of one list": lambda size: repeated(size, "[[t]]\n"),
    "many short keys": lambda size: filled(size, lambda index: f"k{index}=1\n"),
    "lists in lists": lambda size: repeated(size, "[", "x = "),
    "lists that end": lambda size: repeated(size, "[],", "x = [", "]\n"),
    "tables in tables": lambda size: repeated(size, "{a=", "x = "),
    "escapes": lambda size: repeated(size, "\\n", 'x = "', '"\n'),
    "escapes without end": lambda size: repeated(size, '\\"', 'x = "'),
    "quotes": lambda size: repeated(size, '"'),
    "quotes of several lines": lambda size: repeated(size, '""" ', "x = "),
    "apostrophes": lambda size: repeated(size, "'", "x = "),
    "one long word": lambda size: repeated(size, "a"),
    "one long number": lambda size: repeated(size, "1", "x = ", "\n"),
    "a long hexadecimal number": lambda size: repeated(size, "f", "ignore = 0x", "\n"),
    "blank lines": lambda size: repeated(size, "\n"),
    "spaces": lambda size: repeated(size, " ", "x =", "1\n"),
    "comments": lambda size: repeated(size, "# [a.a.a]\n"),
    "a comment": lambda size: repeated(size, "[", "#"),
    "dates": lambda size: repeated(size, "1979-05-27T07:32:00Z,", "x = [", "]\n"),
    "floats": lambda size: repeated(size, "1.5,", "x = [", "]\n"),
    "one option again": lambda size: repeated(size, '"0",', "ignore = [", "]\n"),
    "options that are none": lambda size: filled(size, lambda index: f"ignoree{index} = 1\n"),
    "an option of a long name": lambda size: repeated(size, "ignore", "", " = 1\n"),
}
JSON: dict[str, Callable[[int], str]] = {
    "lists in lists": lambda size: repeated(size, "["),
    "objects in objects": lambda size: repeated(size, '{"a":'),
    "empty lists": lambda size: repeated(size, "[],", "[", "[]]"),
    "empty objects": lambda size: repeated(size, "{},", "[", "{}]"),
    "numbers": lambda size: repeated(size, "1,", "[", "1]"),
    "floats": lambda size: repeated(size, "1e1,", "[", "1]"),
    "a long number": lambda size: repeated(size, "1", "[", "]"),
    "long numbers": lambda size: repeated(size, f"{'9' * 4000},", "[", "1]"),
    "names": lambda size: filled(size, lambda index: f'"{index}a",', "[", '"x"]'),
    "keys": lambda size: filled(size, lambda index: f'"{index}":"n{index}",', "{", '"x":1}'),
    "one key": lambda size: repeated(size, '"a":1,', "{", '"a":1}'),
    "escapes without end": lambda size: repeated(size, '\\"', '["'),
    "escapes": lambda size: repeated(size, "\\u0041", '["', '"]'),
    "a name": lambda size: repeated(size, "a", '["', '"]'),
    "a colour of blanks": lambda size: repeated(size, " ", '[{"id":0,"name":"a","color":"1', '2"}]'),
    "blanks": lambda size: repeated(size, " ", "[", "]"),
    "classes": lambda size: filled(
        size, lambda index: f'{{"id":{index},"name":"n{index}"}},', "[", '{"id":-1,"name":"x"}]'
    ),
}
TEXT: dict[str, Callable[[int], str]] = {
    "names": lambda size: filled(size, lambda index: f"name {index}\n"),
    "one name": lambda size: repeated(size, "a\n"),
    "numbered": lambda size: filled(size, lambda index: f"{index} name{index}\n"),
    "a long line": lambda size: repeated(size, "a"),
    "a long line of numbers": lambda size: repeated(size, "1 ", "1 "),
    "long lines of numbers": lambda size: repeated(size, f"{'1 ' * 250}x\n"),
    "long lines of blanks": lambda size: repeated(size, f"1{' ' * 500}1\n"),
    "lines of 60 blanks": lambda size: repeated(size, f"a{' ' * 60}a{' ' * 60}a\n"),
    "long lines of commas": lambda size: repeated(size, f"{'1,' * 250}x\n"),
    "long lines of colons": lambda size: repeated(size, f"a{':' * 500}\n"),
    "blank lines": lambda size: repeated(size, "\n", "a", "b"),
    "lines of brackets": lambda size: repeated(size, "[a\n", "[a"),
    "lines of quotes": lambda size: repeated(size, '"a\n', '"a'),
    "lines that look like yaml": lambda size: filled(size, lambda index: f"  - n{index}\n", "names:\n"),
    "a list that looks like yaml": lambda size: filled(size, lambda index: f"n{index},", "names: [", "x]"),
    "colours": lambda size: filled(size, lambda index: f"{index % 256} {index // 256 % 256} {index >> 16} {index}\n"),
    "colours of names": lambda size: filled(size, lambda index: f"#{index:06x} n{index}\n"),
    "cvat": lambda size: filled(
        size, lambda index: f"n{index}:1,2,{index % 256}::\n", "# label:color_rgb:parts:actions\n"
    ),
    "a heading and rows": lambda size: filled(size, lambda index: f"{index},n{index}\n", "id,name\n"),
    "no text": lambda size: "\0\x1b" * (size // 2),
}


def preset_of(size: int, piece: Callable[[int], str], start: str, end: str = "") -> str:
    return filled(size, piece, f'name = "p"\n{start}', f"{end}\n")


PRESETS: dict[str, Callable[[int], str]] = {
    **TOML,
    "classes": lambda size: preset_of(size, lambda index: f'[[classes]]\nid = {index}\nname = "n{index}"\n', ""),
    "a map": lambda size: preset_of(size, lambda index: f"{index} = 0\n", 'classes = [{id = 0, name = "a"}]\n[map]\n'),
    "sources": lambda size: preset_of(
        size, lambda index: f'[[sources]]\nurl = "u{index}"\nwhat = "w"\n', 'classes = [{id = 0, name = "a"}]\n'
    ),
    "unknown keys": lambda size: preset_of(size, lambda index: f"k{index} = 1\n", ""),
}


def run_file(lines: list[str]) -> bytes:
    """Finish a run file: its last line counts and seals the lines before."""
    body = "".join(f"{line}\n" for line in lines).encode()
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    return body + f'{{"rows":{len(lines) - 1},"digest":"blake2b:{digest}"}}\n'.encode()


ROW = '{{"key":"{}","size":[1,1],"gt":"blake2b:{}","counts":[[0,[0],[1]]]}}'


def run_rows(head: str, size: int, row: Callable[[int], str]) -> bytes:
    lines, length = [head], 0
    while length < size:
        lines.append(row(len(lines)))
        length += len(lines[-1]) + 1
    return run_file(lines)


def many_rows(head: str, size: int) -> bytes:
    """Return as many images as there is room for, of 1,280 classes: images times classes are far beyond the file."""
    classes = ",".join(f'{{"id":{index},"name":"n{index}","color":null}}' for index in range(1280))
    named = head.replace('"classes":null', f'"classes":[{classes}]')
    return run_rows(named, size, lambda index: ROW.format(f"{index:07}", "0" * 32))


RUNS: dict[str, Callable[[str, int], bytes]] = {
    "lists": lambda head, size: f"{head}\n{repeated(size, '[],', '[', '[]]')}\n".encode(),
    "lists in lists": lambda head, size: f"{head}\n{repeated(size, '[')}\n".encode(),
    "names": lambda head, size: (
        f"{head}\n{filled(size, lambda index: chr(34) + str(index) + chr(34) + ',', '[', '1]')}\n".encode()
    ),
    "keys": lambda head, size: (
        f"{head}\n{filled(size, lambda index: f'{chr(34)}{index}{chr(34)}:1,', '{', '{}}')}\n".encode()
    ),
    "numbers": lambda head, size: f"{head}\n{repeated(size, '1,', '[', '1]')}\n".encode(),
    "floats": lambda head, size: f"{head}\n{repeated(size, '1e1,', '[', '1]')}\n".encode(),
    "blanks": lambda head, size: f"{head}\n{repeated(size, ' ', '{', '}')}\n".encode(),
    "a line without end": lambda head, size: f"{head}\n{'x' * size}".encode(),
    "lines": lambda head, size: b"\n" * size,
    "classes": lambda head, size: run_file(
        [
            head.replace(
                '"classes":null',
                filled(
                    size,
                    lambda index: f'{{"id":{index},"name":"n{index}","color":null}},',
                    '"classes":[',
                    '{"id":99999999,"name":"x","color":null}]',
                ),
            ),
            ROW.format("a", "0" * 32),
        ]
    ),
    "a packed nothing": lambda head, size: gzip.compress(f"{head}\n".encode() + b" " * (size * 64), 1),
    "packed blanks in rows": lambda head, size: gzip.compress(
        "".join(f"{head}\n{' ' * (1 << 20)}{ROW.format(index, '0' * 32)}\n" for index in range(size >> 14)).encode(), 1
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for side in ("gt", "pred"):
        (root / side).mkdir()
        (root / side / "a.png").write_bytes(encode(pattern(8, 6) % 3))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "segeval", "score", "pred", "gt", "--save", "run.jsonl"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    assert done.returncode == 0
    return root


MEASURED = """
import os, resource, sys
seconds, *command = sys.argv[1:]
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    os.execv(command[0], command)
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss, used.ru_utime + used.ru_stime)
"""
"""Run a command from a small process: the system counts the memory of whoever starts one as the command's own."""


def bounded(root: Path, *arguments: str) -> tuple[int, str]:
    """Run segeval; end it where it takes more than it may, and hold it to its memory."""
    with (root / "stderr").open("wb") as stderr:
        done = subprocess.run(
            [sys.executable, "-S", "-c", MEASURED, str(SECONDS), sys.executable, "-P", "-m", "segeval", *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=True,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    code, kilobytes, seconds = done.stdout.rpartition("\n")[0].rpartition("\n")[2].split()
    told = (root / "stderr").read_text(encoding="utf-8")
    assert int(code) in (0, 2), f"exit code {code}, {float(seconds):.1f} s: {told[-500:]}"
    assert int(kilobytes) < MEGABYTES * 1024, f"{int(kilobytes) >> 10} MB"
    assert "internal error" not in told, told[-500:]
    assert "Traceback" not in told
    assert len(told) < 60_000, "nobody reads that"
    return int(code), told


Case = tuple[Path, list[str]]
"""The folder in which a command runs, and its arguments."""


def configured(project: Path, folder: Path, text: str) -> Case:
    head = "" if text.startswith(("[", '"')) else "[tool.segeval]\n"
    (folder / "pyproject.toml").write_text(f"{head}{text}", encoding="utf-8")
    return folder, ["score", str(project / "pred"), str(project / "gt")]


def with_file(project: Path, folder: Path, text: str, option: str, name: str) -> Case:
    (folder / name).write_text(text, encoding="utf-8")
    more = ["--probs"] if option == "--class-weights" else []
    return folder, ["score", str(project / "pred"), str(project / "gt"), option, name, *more]


def preset_in(folder: Path, text: str) -> Case:
    (folder / "p.toml").write_text(text, encoding="utf-8")
    return folder, ["presets", "./p.toml"]


def reported(project: Path, folder: Path, content: Callable[[str, int], bytes], size: int) -> list[Case]:
    head = (project / "run.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (folder / "x.jsonl").write_bytes(content(head, size))
    return [(folder, ["report", "x.jsonl", "-f", "json"]), (folder, ["report", "x.jsonl", "--gain"])]


ONE_AFTER_ANOTHER = """
import json, os, resource, signal, sys, time
from segeval.cli import run
seconds, told = float(sys.argv[1]), os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal ends the process
    code = run(arguments)
    signal.setitimer(signal.ITIMER_PROF, 0)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    os.write(told, f"{code} {memory} {time.process_time() - start}\\n".encode())
"""
"""Run commands in one process, each within its seconds: to start a process for each takes longer than most of them."""
FROM_A_SMALL_ONE = """
import os, sys
child = os.fork()
if not child:
    os.execv(sys.argv[1], sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
"""
"""Start a process from a small one, for the reason that `MEASURED` has."""


def assert_all_bounded(cases: list[Case], told: Callable[[int, str], bool]) -> None:
    """Hold each command to its seconds, all of them to the memory, and what is told to what is right."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", FROM_A_SMALL_ONE, sys.executable, "-c", ONE_AFTER_ANOTHER, str(SECONDS)],
        input="".join(f"{json.dumps([str(folder), arguments])}\n" for folder, arguments in cases),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(cases), f"{cases[len(lines)]} ended the process: {done.returncode} {done.stderr[-500:]}"
    for (folder, arguments), line in zip(cases, lines, strict=True):
        code, kilobytes, _ = line.split()
        text = (folder / "stderr").read_text(encoding="utf-8")
        right = int(code) in (0, 2) and told(int(code), text)
        assert right, f"{arguments}: {code} {text[-500:]}"
        faults = [word for word in ("internal error", "Traceback") if word in text]
        assert not faults, f"{arguments}: {text[-500:]}"
        assert int(kilobytes) < MEGABYTES * 1024, f"{arguments}: {int(kilobytes) >> 10} MB"
        assert len(text) < 60_000, "nobody reads that"


def apart(root: Path, forms: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Give each form a folder of its own."""
    for number, form in enumerate(forms):
        folder = root / str(number)
        folder.mkdir()
        yield form, folder


MOST = 1 << 18
"""Bytes of text that a parser gets at most."""


def test_hostile_configurations_end(project: Path, tmp_path: Path) -> None:
    cases = [configured(project, folder, TOML[form](MOST - 100)) for form, folder in apart(tmp_path, TOML)]
    assert_all_bounded(cases, lambda code, text: code == 0 or "pyproject.toml" in text)


@pytest.mark.parametrize("option", ["--classes", "--palette"])
def test_all_hostile_json_ends(project: Path, tmp_path: Path, option: str) -> None:
    cases = [with_file(project, folder, JSON[form](MOST), option, "x.json") for form, folder in apart(tmp_path, JSON)]
    # A class list may be of one class.
    assert_all_bounded(cases, lambda code, text: code == 0 or "x.json" in text or "neither a class" in text)


@pytest.mark.parametrize("option", ["--classes", "--palette", "--class-weights"])
def test_hostile_lists_end(project: Path, tmp_path: Path, option: str) -> None:
    cases = [with_file(project, folder, TEXT[form](MOST), option, "x") for form, folder in apart(tmp_path, TEXT)]
    assert_all_bounded(cases, lambda code, text: True)


def test_hostile_presets_end(tmp_path: Path) -> None:
    cases = [preset_in(folder, PRESETS[form](MOST - 50)) for form, folder in apart(tmp_path, PRESETS)]
    assert_all_bounded(cases, lambda code, text: code == 0 or "p.toml" in text)


@pytest.mark.parametrize("size", [1 << 10, 1 << 14, 1 << 18])
def test_hostile_run_files_end(project: Path, tmp_path: Path, size: int) -> None:
    cases = [case for form, folder in apart(tmp_path, RUNS) for case in reported(project, folder, RUNS[form], size)]
    assert_all_bounded(cases, lambda code, text: code == 0 or "x.jsonl" in text)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", TOML)
def test_a_hostile_configuration_ends(project: Path, tmp_path: Path, form: str, size: int) -> None:
    folder, arguments = configured(project, tmp_path, TOML[form](size - 100))
    code, told = bounded(folder, *arguments)
    assert code == 0 or "pyproject.toml" in told


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", JSON)
@pytest.mark.parametrize("option", ["--classes", "--palette"])
def test_hostile_json_ends(project: Path, tmp_path: Path, option: str, form: str, size: int) -> None:
    folder, arguments = with_file(project, tmp_path, JSON[form](size), option, "x.json")
    code, told = bounded(folder, *arguments)
    assert code == 0 or "x.json" in told or "neither a class" in told  # a class list may be of one class


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", TEXT)
@pytest.mark.parametrize("option", ["--classes", "--palette", "--class-weights"])
def test_a_hostile_list_ends(project: Path, tmp_path: Path, option: str, form: str, size: int) -> None:
    folder, arguments = with_file(project, tmp_path, TEXT[form](size), option, "x")
    assert bounded(folder, *arguments)[0] in (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", PRESETS)
def test_a_hostile_preset_ends(tmp_path: Path, form: str, size: int) -> None:
    folder, arguments = preset_in(tmp_path, PRESETS[form](size - 50))
    code, told = bounded(folder, *arguments)
    assert code == 0 or "p.toml" in told


def test_a_run_of_many_images_and_classes_takes_no_memory_for_the_classes_that_images_have_not(
    project: Path, tmp_path: Path
) -> None:
    """4,500,000 classes of images, of which 3,500 have a pixel; dense arrays of them took a gigabyte."""
    head = (project / "run.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "x.jsonl").write_bytes(many_rows(head, 400_000))
    for options in (["--gain"], ["--worst", "3", "--average", "image", "--absent", "one"]):
        code, told = bounded(tmp_path, "report", "x.jsonl", "-f", "json", *options)
        assert code == 0, told
    for options in (["--ci", "95"], ["--per-image", "x.csv"]):
        code, told = bounded(tmp_path, "report", "x.jsonl", *options)
        assert (code, "their product may be 4,194,304" in told) == (2, True), told


@pytest.mark.slow
def test_intervals_of_many_images_of_very_many_classes_are_refused_in_time(tmp_path: Path) -> None:
    """160,000 images of 1,280 classes, of which each resample would have 9,000 columns."""
    (tmp_path / "x.jsonl").write_bytes(FORMS["one class of 1,280"](1 << 24))
    for arguments in (["report", "x.jsonl", "--ci", "95"], ["compare", "x.jsonl", "x.jsonl"]):
        code, told = bounded(tmp_path, *arguments)
        assert (code, "above 100,000 images there may be 256 classes" in told) == (2, True), told


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", RUNS)
def test_a_hostile_run_file_ends(project: Path, tmp_path: Path, form: str, size: int) -> None:
    for folder, arguments in reported(project, tmp_path, RUNS[form], size):
        code, told = bounded(folder, *arguments)
        assert code == 0 or "x.jsonl" in told


def test_whole_run_files_of_every_form_are_reported(tmp_path: Path) -> None:
    """In two seconds each, the smaller ones, so that no form is damaged or read by the line."""
    cases = []
    for form, folder in apart(tmp_path, FORMS | MAP_FORMS):
        (folder / "x.jsonl").write_bytes((FORMS | MAP_FORMS)[form](1 << 18))
        cases.append((folder, ["report", "x.jsonl", "-f", "json"]))
    assert_all_bounded(cases, lambda code, text: code == 0)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS | MAP_FORMS)
def test_a_whole_run_file_is_reported_in_time(tmp_path: Path, form: str, size: int) -> None:
    (tmp_path / "x.jsonl").write_bytes((FORMS | MAP_FORMS)[form](size))
    for options in (["-f", "json"], ["--gain"] * (form != "sets of classes")):
        code, told = bounded(tmp_path, "report", "x.jsonl", *options)
        assert code == 0, told


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES[2:])
@pytest.mark.parametrize("form", REFUSED)
def test_a_whole_run_file_is_refused_in_time(tmp_path: Path, form: str, size: int) -> None:
    (tmp_path / "x.jsonl").write_bytes(REFUSED[form](size))
    code, told = bounded(tmp_path, "report", "x.jsonl", "-f", "json")
    assert code == 2
    assert "predictions hold" in told or "distinct values, more than 1,024 classes" in told


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("many values", "at least 65,536 distinct values, more than 1,024 classes"),
        ("many predicted values", "they look like probability maps"),
        ("many values of binary masks", "values besides 0 (1000, 1001, 1002, 1003, 1004"),
    ],
)
def test_masks_of_more_values_than_are_looked_at_are_refused_with_a_fix(tmp_path: Path, form: str, words: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(REFUSED[form](1 << 21))
    code, told = bounded(tmp_path, "report", "x.jsonl", "-f", "json")
    assert (code, words in told, "--probs" in told) == (2, True, True), told


def test_what_is_beyond_a_bound_is_told_with_the_bound(project: Path, tmp_path: Path) -> None:
    folders = str(project / "pred"), str(project / "gt")
    (tmp_path / "x.json").write_text(json.dumps([f"n{index}" for index in range(1281)]))
    code, told = bounded(tmp_path, "score", *folders, "--classes", "x.json")
    assert (code, "more than 1,280 classes" in told, "1,281 classes" in told) == (2, True, True), told
    (tmp_path / "x.json").write_text(json.dumps([f"n{index}" for index in range(1280)]))
    assert bounded(tmp_path, "score", *folders, "--classes", "x.json", "-f", "json", "--gain")[0] == 0
    (tmp_path / "pyproject.toml").write_text(f"[{'a.' * 40}a]\n")
    code, told = bounded(tmp_path, "score", *folders)
    assert (code, "a key of more than 32 parts" in told, "--no-config" in told) == (2, True, True), told
    assert bounded(tmp_path, "score", *folders, "--no-config")[0] == 0
