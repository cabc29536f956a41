"""`segeval help`: the manual listed, one page as it is stored or laid out for a terminal, and topics that are none."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from segeval.cli.root import root
from segeval.render.pages import render_page
from tests.support.commandline import run_segeval
from tests.support.readme import MANUAL, ROOT

TOPICS = [page.stem for page in MANUAL]
TABLE = """# Title

What it is about.

[Above](#title). See [labels](labels.md) and [the licence](https://example.org/licence).

```console
$ segeval score a-long-name-of-a-folder-of-predictions a-long-name-of-a-folder-of-masks
╭────────────────────────────────┬────────────────────────────────────────╮
 end of the output
```
"""


def test_an_unknown_topic_is_exit_2_with_the_nearest_page() -> None:
    done = run_segeval("help", "lables")
    assert (done.code, done.stdout) == (2, "")
    assert "error: there is no page 'lables'" in done.stderr
    assert "fix: Did you mean 'segeval help labels'?" in done.stderr


def test_a_topic_like_no_page_is_exit_2_with_all_pages() -> None:
    done = run_segeval("help", "zzz")
    assert (done.code, done.stdout) == (2, "")
    assert f"fix: Choose one of {', '.join(TOPICS)}" in done.stderr


@pytest.mark.parametrize("hostile", ["../labels", "labels.md", "/etc/passwd", ".", "\x1b[31m"])
def test_a_topic_is_a_name_and_never_a_path(hostile: str) -> None:
    done = run_segeval("help", hostile)
    assert (done.code, done.stdout) == (2, "")
    assert "\x1b" not in done.stderr


def test_the_name_of_a_verb_leads_to_the_options_of_that_verb() -> None:
    done = run_segeval("help", "score")
    assert (done.code, done.stdout) == (2, "")
    assert "fix: 'segeval score --help' lists the options of that verb" in done.stderr


def test_the_list_has_every_page_with_its_line() -> None:
    done = run_segeval("help")
    assert (done.code, done.stderr) == (0, "")
    *listed, close = done.stdout.splitlines()
    assert [line.split()[0] for line in listed] == TOPICS
    for line, page in zip(listed, MANUAL, strict=True):
        assert line.split(maxsplit=1)[1] + "." == page.read_text(encoding="utf-8").splitlines()[2]
    assert "segeval help TOPIC" in close


@pytest.mark.parametrize("topic", TOPICS)
def test_into_a_pipe_goes_the_page_as_it_is_stored(topic: str) -> None:
    stored = (ROOT / "segeval" / "docs" / f"{topic}.md").read_text(encoding="utf-8")
    done = run_segeval("help", topic, environment={"FORCE_COLOR": "1"})
    assert (done.code, done.stdout, done.stderr) == (0, stored, "")


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_terminal_gets_every_page_laid_out_within_its_width(topic: str, columns: int) -> None:
    environment = {"COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "1"}
    done = run_segeval("help", topic, terminal=True, environment=environment)
    assert (done.code, done.stderr) == (0, "")
    assert "```" not in done.stdout
    assert "](" not in done.stdout
    assert ".md)" not in done.stdout
    assert "(#" not in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= min(columns, 110)


def test_a_terminal_is_given_colour_unless_it_is_unwanted() -> None:
    environment = {"COLUMNS": "80", "TERM": "xterm-256color"}
    assert "\x1b[" in run_segeval("help", "labels", terminal=True, environment=environment).stdout


def test_blocks_keep_their_lines_and_links_become_commands() -> None:
    lines = render_page(TABLE, width=60).splitlines()
    assert lines[0] == "Title"
    assert "Above. See labels (segeval help labels) and the licence" in lines[4]
    assert "https://example.org/licence" in "".join(lines[4:6])
    start = next(index for index, line in enumerate(lines) if line.startswith("  $ segeval"))
    assert [line.strip() for line in lines[start : start + 2]] == [
        "$ segeval score a-long-name-of-a-folder-of-predictions",
        "a-long-name-of-a-folder-of-masks",
    ]
    assert lines[start + 2] == f"  ╭{'─' * 32}┬{'─' * 23}…", "a table is cut at the edge, never folded"
    assert lines[start + 3] == "   end of the output"


def test_topics_are_completed() -> None:
    completion = ShellComplete(root, {}, "segeval", "_SEGEVAL_COMPLETE")
    items = completion.get_completions(["help"], "c")
    assert [item.value for item in items] == [topic for topic in TOPICS if topic.startswith("c")]
    assert all(item.help for item in items)


@pytest.mark.parametrize("words", [["help"], ["help", "labels"], ["help", "--help"]])
def test_the_manual_starts_without_numpy_pillow_and_rich(words: list[str]) -> None:
    program = (
        "import sys; from segeval.cli import run; code = run(sys.argv[1:]); "
        "print(sorted({'numpy', 'PIL', 'rich'} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
