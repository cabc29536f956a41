"""Walking strangers' folders: it always ends, never raises, and tells every place that it could not look at."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from segeval.errors import printable
from segeval.folders import walking
from segeval.folders.walking import extension, folders_in, walk

SUFFIXES = frozenset({".png", ".npy"})


def wanted(name: str) -> bool:
    return extension(name, SUFFIXES) is not None


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder whose subtree may be too deep for Python to remove, so rm does it."""
    yield tmp_path / "deep"
    subprocess.run(["rm", "-rf", str(tmp_path / "deep")], check=True)


def descend(root: Path, names: list[str], file: str) -> None:
    """Make folder in folder without ever naming the whole path, and a file in the last one."""
    root.mkdir()
    folder = os.open(root, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)


def test_an_empty_folder_has_no_files_and_no_problems(tmp_path: Path) -> None:
    assert walk(tmp_path, wanted) == walking.Tree((), ())


def test_files_are_listed_in_code_point_order_with_posix_paths(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a/z.png", "a/b/c.npy", "B.png", "ä.png", "a.png")
    assert walk(tmp_path, wanted).files == ("B.png", "a.png", "a/b/c.npy", "a/z.png", "b.png", "ä.png")


def test_dotfiles_dot_folders_and_other_files_are_passed_over(tmp_path: Path) -> None:
    make(
        tmp_path, "a.PNG", ".b.png", "._c.png", ".ipynb_checkpoints/d.png", "notes.txt", "Thumbs.db", "png", "e.png.bak"
    )
    assert walk(tmp_path, wanted) == walking.Tree(("a.PNG",), ())


def test_names_that_differ_in_case_only_are_two_files(tmp_path: Path) -> None:
    make(tmp_path, "A.png", "a.png")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system does not tell upper from lower case")
    assert walk(tmp_path, wanted).files == ("A.png", "a.png")


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/a.png", "root/b.png")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "c.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert walk(tmp_path / "root", wanted) == walking.Tree(("b.png", "c.png", "linked/a.png"), ())


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_to_a_folder_above_is_told_and_not_followed(tmp_path: Path, target: str) -> None:
    root = make(tmp_path / "root", "a/b.png")
    (root / "a" / "loop").symlink_to(target)
    tree = walk(root, wanted)
    assert "a/b.png" in tree.files
    assert [reason for _, reason in tree.problems] == ["a link back to a folder above it"]
    assert len(tree.files) <= 2  # from above the root, the root is met once more at most


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a" / "b").symlink_to("../b")
    (tmp_path / "b" / "a").symlink_to("../a")
    tree = walk(tmp_path, wanted)
    assert tree.files == ("a/b/y.png", "a/x.png", "b/a/x.png", "b/y.png")
    assert [path for path, _ in tree.problems] == ["a/b/a", "b/a/b"]


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("a.png")
    (tmp_path / "folder").symlink_to("folder")
    tree = walk(tmp_path, wanted)
    assert tree.files == ()
    assert [path for path, _ in tree.problems] == ["a.png", "folder"]


def test_links_that_fan_out_at_every_level_end_in_time(tmp_path: Path) -> None:
    """Twelve levels of four links are 16 million ways to the last folder, and no loop."""
    for level in range(12):
        make(tmp_path / f"level{level}", "mask.png")
        for link in range(4):
            (tmp_path / f"level{level}" / f"to{link}").symlink_to(f"../level{level + 1}")
    make(tmp_path / "level12", "mask.png")
    started = time.process_time()
    tree = walk(tmp_path / "level0", wanted)
    assert time.process_time() - started < 10
    assert len(tree.files) <= 13 * walking.MOST_VISITS
    assert any("256 ways" in reason for _, reason in tree.problems)


def test_links_to_nothing_are_told_where_they_may_have_been_masks(tmp_path: Path) -> None:
    for name in ("a.png", "folder", "README.md"):
        (tmp_path / name).symlink_to("/nonexistent/target")
    problems = walk(tmp_path, wanted).problems
    assert problems == (("a.png", "a link to nothing"), ("folder", "a link to nothing"))


def test_fifos_sockets_and_devices_are_not_opened_and_told_by_mask_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null.png").symlink_to("/dev/null")
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        tree = walk(tmp_path, wanted)
    assert tree.files == ()
    assert dict(tree.problems) == dict.fromkeys(
        ["fifo.png", "null.png", "socket.png"], "not a file: a FIFO, a socket or a device"
    )


@pytest.mark.parametrize(
    ("kind", "reason"), [(PermissionError, "Permission denied"), (FileNotFoundError, "No such file")]
)
def test_a_folder_that_cannot_be_listed_or_vanishes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[OSError], reason: str
) -> None:
    make(tmp_path, "a/x.png", "locked/y.png", "z/x.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("locked"):
            raise kind(1, reason)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert walk(tmp_path, wanted) == walking.Tree(("a/x.png", "z/x.png"), (("locked", reason),))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_folder_without_rights_is_told(tmp_path: Path) -> None:
    make(tmp_path, "locked/y.png")
    (tmp_path / "locked").chmod(0)
    try:
        assert walk(tmp_path, wanted).problems[0][0] == "locked"
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_root_that_cannot_be_listed_is_told_as_a_dot(tmp_path: Path) -> None:
    assert [path for path, _ in walk(tmp_path / "nowhere", wanted).problems] == ["."]


def test_a_path_of_four_thousand_characters_is_listed(deep: Path) -> None:
    room = 4000 - len(str(deep)) - len("/mask.png")
    names = ["d" * 199] * (room // 200)
    descend(deep, names, "mask.png")
    tree = walk(deep, wanted)
    assert tree.problems == ()
    assert tree.files == ("/".join([*names, "mask.png"]),)


def test_a_path_beyond_the_limit_of_the_system_is_told(deep: Path) -> None:
    descend(deep, ["d" * 199] * 30, "mask.png")
    tree = walk(deep, wanted)
    assert tree.files == ()
    assert len(tree.problems) == 1
    assert "too long" in tree.problems[0][1]


def test_a_file_just_beyond_the_limit_is_told_though_its_folder_can_be_listed(deep: Path) -> None:
    room = 4060 - len(str(deep))
    names = ["d" * 199] * (room // 200)
    names.append("e" * (room - 200 * len(names) - 1))
    descend(deep, names, "f" * 60 + ".png")
    tree = walk(deep, wanted)
    assert tree.files == ()
    assert [path for path, _ in tree.problems] == ["/".join([*names, "f" * 60 + ".png"])]


def test_a_thousand_folders_deep_is_no_recursion(deep: Path) -> None:
    descend(deep, ["d"] * 1500, "mask.png")
    assert walk(deep, wanted).files == ("d/" * 1500 + "mask.png",)


def test_names_that_are_not_utf8_are_kept_as_they_are_stored(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"m\xfc\x1b.png")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (name,) = walk(tmp_path, wanted).files
    assert os.fsencode(name) == b"m\xfc\x1b.png"
    assert printable(name) == r"m\xfc\x1b.png"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.png", "plain name.png"),
        ("Straße/城.png", "Straße/城.png"),
        ("a\nb\tc\r.png", r"a\nb\tc\r.png"),
        ("\x1b[31mred.png", r"\x1b[31mred.png"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # right-to-left override
        ("zero\u200bwidth\u2028", r"zero\u200bwidth\u2028"),
        ("\x9bcsi\x7f", r"\x9bcsi\x7f"),  # the one-byte escape and delete
        ("\udcff\ud800", r"\xff\ud800"),
        (r"back\slash", r"back\slash"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),  # plain text is the renderer's matter
    ],
)
def test_printable_shows_what_a_terminal_would_act_on(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert shown.encode().decode().isprintable()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", ".png"),
        ("a.b.PNG", ".PNG"),
        ("a.nii.gz", ".nii.gz"),
        ("a.gz", ".gz"),
        ("a.tar.gz", ".gz"),
        (".png", None),
        ("png", None),
        ("a.", None),
        ("a.txt", None),
    ],
)
def test_extension_is_the_longest_of_the_masks(name: str, found: str | None) -> None:
    assert extension(name, frozenset({".png", ".gz", ".nii.gz"})) == found


def test_folders_in_lists_folders_and_links_to_them(tmp_path: Path) -> None:
    make(tmp_path, "b/x.png", "a/x.png", ".hidden/x.png", "file")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "self").symlink_to("self")
    assert folders_in(tmp_path) == ("a", "b", "link")
