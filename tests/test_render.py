"""Renderers: names act on nothing, rounding contradicts nothing, and every format is held by a snapshot."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from segeval.errors import Finding, LabelError, MaskError, Problems, UsageError, printable
from segeval.protocol.protocol import Inference
from segeval.render import FORMATS, SUFFIXES, format_of, known_format, parse_target, render
from segeval.render.messages import render_note, render_problem, render_verdict, render_warning
from segeval.render.report.only import render_only
from segeval.render.report.table import render_table
from segeval.render.report.wording import (
    against,
    data_text,
    fraction,
    headline,
    in_neither,
    loss,
    lowest,
    percent,
    verdict_text,
)
from segeval.render.syntax.csv import safe_cell
from segeval.render.syntax.github import annotation
from segeval.render.syntax.latex import escaped as latex_escaped
from segeval.render.syntax.markdown import escaped as markdown_escaped
from segeval.report.report import Data, Report, Verdict
from tests.snapshots import check_snapshot
from tests.support.junitschema import JUNIT
from tests.support.properties import examples
from tests.support.sample_reports import HOSTILE_NAMES, REPORTS, report_of

ANSI = re.compile(r"\x1b\[[0-9;]*m")
ANY_TEXT = st.text(st.characters(), max_size=30)
"""Any characters at all, lone surrogates included."""
EXTENSIONS = {name: suffix for suffix, name in SUFFIXES.items()} | {"github": ".github.txt"}
HOSTILE = REPORTS["hostile"]


def named(name: str) -> Report:
    """Return a report of one class of that name, with a warning and a gate that carry it too."""
    report = report_of([[3]], (name,))
    return replace(report, warnings=(Finding("extra", name),), gates=(Verdict(f"iou.{name}", ">=", 0.5, 1.0, True),))


# Snapshots


@pytest.mark.parametrize("name", [name for name in REPORTS if name != "many-classes"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_snapshot(format_name: str, name: str) -> None:
    text = render(REPORTS[name], format_name)
    assert text == render(REPORTS[name], format_name)
    assert text.endswith("\n")
    check_snapshot(f"{name}{EXTENSIONS[format_name]}", text)


@pytest.mark.parametrize("width", [120, 80, 50, 30])
def test_snapshot_of_a_terminal(width: int) -> None:
    check_snapshot(f"street-{width}.txt", render_table(REPORTS["street"], width=width))


def test_snapshot_of_colors() -> None:
    text = render_table(REPORTS["street"], color=True, width=100, verbose=True)
    check_snapshot("street-color.txt", text.replace("\x1b", "␛"))


# Characters that act


@given(ANY_TEXT)
def test_visible_text_has_no_character_that_acts(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    ElementTree.fromstring(f"<a>{shown.translate({38: None, 60: None, 62: None})}</a>")
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or character in "\u200c\u200d"
    assert shown == "".join(map(printable, text))
    assert all(
        printable(character) in (character, ascii(character).strip("'")) for character in text if character != "'"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\x07", "a\\x1b[31m\\x07"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202egnp", "\\u202egnp"),
        ("\u200f\u2066\ufeff\u2028\x85", "\\u200f\\u2066\\ufeff\\u2028\\x85"),
        ("\x80\ufffe\U0001ffff", "\\x80\\ufffe\\U0001ffff"),
        ("Straße 道路 👩‍🚒", "Straße 道路 👩‍🚒"),
    ],
)
def test_characters_that_act_are_shown_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@settings(max_examples=examples(40), deadline=None)
@given(ANY_TEXT)
@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "json"])
def test_no_name_adds_a_line_or_a_control_character(format_name: str, name: str) -> None:
    text = render(named(name), format_name)
    calm = render(named("x"), format_name)
    text.encode("utf-8")
    assert len(text.split("\n")) == len(calm.split("\n"))
    assert not {character for character in text if unicodedata.category(character) == "Cc"} - {"\n"}


# Numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0.00"), (1.0, "100.00"), (0.71234567, "71.23"), (0.12345, "12.35"), (5e-324, "0.00")],
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0.0000"),
        (16.118095651, "16.118"),
        (100.0, "100.00"),
        (0.123456789, "0.12346"),
        (1.5e-5, "1.5000e-05"),
        (12345.6, "12346"),
    ],
)
def test_loss(value: float | None, text: str) -> None:
    assert loss(value) == text


def test_a_value_that_rounds_to_its_bound_shows_on_which_side_it_is() -> None:
    assert against(0.69998, 0.7) == ("0.69998", "0.70")
    assert against(0.7, 0.7) == ("0.7000", "0.70")
    assert against(0.1 + 0.2, 0.3) == ("0.30000000000000004", "0.30")
    assert against(0.71, 0.705) == ("0.7100", "0.705")
    assert verdict_text(Verdict("miou", ">=", 0.7, 0.69998, False)) == "miou 69.998 % < 70.00 % (0.69998 < 0.70)"
    assert verdict_text(Verdict("bce", "<=", 0.2, 0.20000001, False)) == "bce 0.20000001 > 0.20"
    assert verdict_text(Verdict("miou", ">=", 0.7, 0.7, True)) == "miou 70.00 % >= 70.00 % (0.7000 >= 0.70)"


FRACTIONS = st.floats(0, 1)


@given(FRACTIONS, st.one_of(FRACTIONS, st.floats(-1e-6, 1e-6)), st.booleans())
def test_what_is_shown_compares_as_what_was_measured(bound: float, other: float, near: bool) -> None:
    value = min(max(bound + other, 0.0), 1.0) if near else abs(other)
    shown, bound_text = map(Decimal, against(value, bound))
    assert float(bound_text) == bound
    assert (shown < bound_text, shown > bound_text) == (value < bound, value > bound)
    for write, scale in ((percent, 100), (fraction, 1), (loss, 1)):
        text = Decimal(write(value, (bound,)))
        exact = Decimal(repr(bound)) * scale
        assert (text < exact, text > exact) == (value < bound, value > bound)


@pytest.mark.parametrize("format_name", ["table", "markdown", "latex", "junit", "github"])
def test_no_format_shows_a_failed_mean_as_its_bound(format_name: str) -> None:
    report = REPORTS["gated"]
    assert "69.998" in render(report, format_name)
    assert "69.998" not in render(replace(report, gates=()), format_name)


def test_data_and_headline_tell_what_was_left_out() -> None:
    assert data_text(Data(1, 1, 0, "")) == "1 image, 1 pixel, 0.00 % void"
    assert data_text(Data(2, 10**6, 1, "")) == "2 images, 1,000,000 pixels, <0.01 % void"
    assert data_text(Data(0, 0, 0, "")) == "0 images, 0 pixels, - % void"
    assert "1 image without a valid pixel" in data_text(Data(2, 8, 4, "", unscored_images=1))
    assert "2 images without a prediction, counted as wrong" in data_text(Data(2, 8, 4, "", missing_images=2))
    assert headline(REPORTS["voc"]) == "mIoU undefined, 2 of 3 classes in the mean"
    assert headline(REPORTS["one-class"]) == "mIoU 100.00 %, 1 of 1 class in the mean"


# Table


def test_the_lowest_classes_are_marked_without_color() -> None:
    marked = [line for line in render(REPORTS["street"], "table").splitlines() if line.count("▼") and "│" in line]
    assert [line.split("│")[2].strip() for line in marked] == ["person", "rider", "car"]
    assert lowest(REPORTS["one-class"]) == frozenset()
    assert lowest(report_of([[5, 0], [0, 5]], ("a", "b"))) == frozenset()
    assert lowest(REPORTS["voc"]) == {1}
    assert lowest(report_of([[9, 1, 0], [0, 5, 2], [0, 0, 3]], ("a", "b", "c"))) == {2}


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40, 30])
def test_a_terminal_is_never_overrun_and_every_class_keeps_its_iou(name: str, width: int) -> None:
    report = REPORTS[name]
    lines = render_table(report, width=width).splitlines()
    assert all(cell_len(line) <= width for line in lines if not line.startswith(" segeval|"))
    assert lines[-2].strip().startswith("segeval|")
    assert lines[0] == lines[-1]
    assert lines[0].startswith(" mIoU ")
    cut = [cell.strip() for line in lines if line.startswith("│") for cell in line.split("│") if "…" in cell]
    assert not [cell for cell in cut if re.match(r"[\d.]*…|▼", cell)], "a number is cut"
    shown_classes = [entry for index, entry in enumerate(report.classes) if index not in in_neither(report)]
    rows = lines[4 : 4 + len(shown_classes)]
    for row, entry in zip(rows, shown_classes, strict=True):
        shown = [cell.strip().removeprefix("▼ ") for cell in row.split("│")]
        assert percent(entry.iou) in shown
    assert lines[4 + len(shown_classes)].startswith("╰")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [None, 100])
def test_color_adds_nothing_but_patches(name: str, width: int | None) -> None:
    plain = render_table(REPORTS[name], width=width)
    colored = ANSI.sub("", render_table(REPORTS[name], color=True, width=width))
    assert "\x1b" not in plain
    assert all(line == line.rstrip() for text in (plain, colored) for line in text.splitlines())
    if not any(entry.color for entry in REPORTS[name].classes):
        assert plain == colored


def test_a_file_has_whole_names_whole_lines_and_every_column() -> None:
    long_name = "long " * 300
    report = replace(named(long_name), notes=(Inference("what was inferred", "--option"),))
    text = render_table(report)
    assert text.count(long_name.strip()) == 3
    assert all(column in text for column in ("IoU %", "Dice %", "precision %", "recall %", "GT share %"))
    assert "inferred" not in text
    assert "what was inferred; set them explicitly with --option" in render_table(report, verbose=True)


def test_the_signature_is_short_unless_the_table_is_verbose() -> None:
    report = REPORTS["street"]
    report = replace(
        report, signature=replace(report.signature, fields=(*report.signature.fields, ("missing", "error")))
    )
    assert "missing:error" not in render_table(report)
    assert f" {report.signature}\n" in render_table(report, verbose=True)


def test_markup_is_text() -> None:
    text = render_table(HOSTILE, color=True)
    assert "[red]x[/red]" in text
    assert "\x1b[2J" not in text


# JSON and CSV


@pytest.mark.parametrize("name", REPORTS)
def test_json_reads_back_as_the_report(name: str) -> None:
    text = render(REPORTS[name], "json")
    assert text.isascii()
    assert json.dumps(json.loads(text)) == json.dumps(REPORTS[name].to_dict())


def test_json_has_a_line_for_each_class_and_each_row_of_the_confusion() -> None:
    report = REPORTS["many-classes"]
    lines = render(report, "json").splitlines()
    assert sum(line.startswith('    {"id": ') for line in lines) == 171
    assert sum(line.startswith("      [") for line in lines) == 171
    assert len(lines) < 500


def test_json_refuses_what_is_no_number() -> None:
    report = replace(REPORTS["street"], scores={"miou": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        render(report, "json")


def test_json_of_empty_lists_and_maps() -> None:
    report = replace(REPORTS["one-class"], scores={}, classes=())
    facts = json.loads(render(report, "json"))
    assert (facts["scores"], facts["classes"], facts["groups"]) == ({}, [], [])


@pytest.mark.parametrize("name", REPORTS)
def test_csv_reads_back_at_full_precision(name: str) -> None:
    report = REPORTS[name]
    rows = list(csv.DictReader(StringIO(render(report, "csv"))))
    assert len(rows) == len(report.classes)
    for row, entry in zip(rows, report.classes, strict=True):
        assert row.pop("name").removeprefix("'") == printable(entry.name)
        facts = entry.to_dict()
        for key, text in row.items():
            assert text == ("" if facts.get(key) is None else repr(facts[key]))


@given(ANY_TEXT)
@example(" =1+1")
@example("\uff1d1+1")
def test_no_cell_is_a_formula(text: str) -> None:
    cell = safe_cell(text).strip()
    assert unicodedata.normalize("NFKC", cell[:1]) not in ("=", "+", "-", "@")
    assert safe_cell(f"={text}").startswith("'=")


# Markdown, LaTeX


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_markdown_shows_a_name_as_it_is(name: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(f"| a | b |\n| --- | --- |\n| {markdown_escaped(name)} | end |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    shown = "".join(part.content for part in cells[2].children or () if part.content != "<!-- -->")
    assert shown == printable(name).strip()
    assert {part.type for part in cells[2].children or ()} <= {"text", "text_special", "html_inline"}


def test_markdown_mentions_nobody() -> None:
    assert "@SUM" not in render(HOSTILE, "markdown")
    assert "@someone" not in render(HOSTILE, "markdown")


def test_markdown_of_very_many_classes_with_long_names_is_far_below_a_mebibyte() -> None:
    size = 1000
    report = REPORTS["one-class"]
    entry = replace(report.classes[0], name="|" * 500)
    verdicts = tuple(Verdict(f"iou.{'<' * 500}", ">=", 0.5, 0.1, False) for _ in range(size))
    report = replace(report, classes=(entry,) * size, gates=verdicts, warnings=(Finding("extra", "&" * 5000),) * size)
    text = render(report, "markdown")
    assert len(text.encode()) < 2**18
    assert "... and 700 more" in text
    assert text.count("... and 980 more") == 2


def test_markdown_fences_the_signature_whatever_is_in_it() -> None:
    report = REPORTS["one-class"]
    report = replace(report, signature=replace(report.signature, fields=(("keys", "````"),)))
    assert "\n`````text\nsegeval|keys:````\n`````\n" in render(report, "markdown")


@given(ANY_TEXT)
def test_latex_has_no_special_character_left(text: str) -> None:
    escaped = latex_escaped(text)
    for command in (
        r"\textbackslash{}",
        r"\textasciitilde{}",
        r"\textasciicircum{}",
        r"\textless{}",
        r"\textgreater{}",
    ):
        escaped = escaped.replace(command, "")
    escaped = escaped.replace(r"\textbar{}", "").replace(r"\char34{}", "")
    escaped = re.sub(r"\\[&%$#_{}]", "", escaped)
    escaped = re.sub(r"\{[\[\]*]?\}", "", escaped)
    assert not set(escaped) & set('\\&%$#_{}~^<>|"[]*')


@pytest.mark.parametrize("name", REPORTS)
def test_latex_rows_have_the_columns_of_their_table(name: str) -> None:
    rows = [line for line in render(REPORTS[name], "latex").splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(REPORTS[name].classes) + 2
    assert all(len(re.findall(r"(?<!\\)&", row)) == 4 for row in rows)


# JUnit, GitHub


@pytest.mark.parametrize("name", REPORTS)
def test_junit_validates_against_the_common_schema(name: str) -> None:
    JUNIT.validate(render(REPORTS[name], "junit"))


@pytest.mark.parametrize(
    ("before", "after"),
    [(' type="gate"', ""), ("<testcase name=", "<testcase title="), ('time="0"', 'time="soon"'), ("failure", "failed")],
)
def test_the_schema_is_one_that_can_fail(before: str, after: str) -> None:
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        JUNIT.validate(render(REPORTS["gated"], "junit").replace(before, after))


@pytest.mark.parametrize("name", REPORTS)
def test_junit_has_a_case_for_each_gate_or_one_that_passes(name: str) -> None:
    gates = REPORTS[name].gates
    root = ElementTree.fromstring(render(REPORTS[name], "junit"))
    cases = list(root.iter("testcase"))
    failed = [case.find("failure") is not None for case in cases]
    assert failed == ([not verdict.passed for verdict in gates] or [False])
    for element in (root, root[0]):
        assert (element.get("tests"), element.get("failures")) == (str(len(cases)), str(sum(failed)))


def received(line: str) -> tuple[str, str, str]:
    """Read an annotation as GitHub's runner does: data is unescaped, properties more so."""
    match = re.fullmatch(r"::(\w+) title=([^:,]*)::(.*)", line)
    assert match
    texts = []
    for text in match.groups():
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, character)
        texts.append(text)
    return texts[0], texts[1], texts[2]


@given(ANY_TEXT, ANY_TEXT)
@example("a,b: 100%3A", "::error::\r\n%0A")
def test_github_receives_what_was_meant(title: str, message: str) -> None:
    line = annotation("error", title, message)
    assert received(line) == ("error", printable(title, keep="\r\n"), printable(message, keep="\r\n"))


def test_github_gets_at_most_ten_failed_gates_first_and_is_told_of_the_rest() -> None:
    failed = Verdict("miou", ">=", 0.7, 0.5, False)
    report = replace(
        REPORTS["street"], gates=(replace(failed, passed=True), *[failed] * 7), warnings=(Finding("extra", "w"),) * 5
    )
    levels = [received(line)[0] for line in render(report, "github").splitlines()]
    assert levels == ["error"] * 7 + ["warning"] * 2 + ["notice"]
    assert "3 more errors or warnings" in render(report, "github").splitlines()[-1]


# One score, targets, stderr


def test_only_the_value() -> None:
    assert render_only(REPORTS["gated"], ["miou"]) == "0.69998\n"
    assert render_only(REPORTS["probabilities"], ["iou.crack"]) == "0.2\n"
    assert render_only(REPORTS["voc"], ["miou"]) == "-\n"
    with pytest.raises(UsageError):
        render_only(REPORTS["voc"], ["miuo"])


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a.txt", ("table", "a.txt")),
        ("a.json", ("json", "a.json")),
        ("a.b.CSV", ("csv", "a.b.CSV")),
        ("d/a.md", ("markdown", "d/a.md")),
        ("a.tex", ("latex", "a.tex")),
        ("a.xml", ("junit", "a.xml")),
        ("junit:out.xml", ("junit", "out.xml")),
        ("json:out", ("json", "out")),
        ("github:a:b.txt", ("github", "a:b.txt")),
        ("./json:out.csv", ("csv", "./json:out.csv")),
        ("run:1.csv", ("csv", "run:1.csv")),
        ("C:\\out\\a.csv", ("csv", "C:\\out\\a.csv")),
        ("json:C:\\out\\a", ("json", "C:\\out\\a")),
        ("2026-01-01T10:00.md", ("markdown", "2026-01-01T10:00.md")),
    ],
)
def test_target(text: str, target: tuple[str, str]) -> None:
    assert parse_target(text) == (target[0], Path(target[1]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no file"),
        ("json:", "Write json:FILE"),
        ("jsn:out", "Did you mean 'json'?"),
        ("md:out", "Did you mean 'markdown'?"),
        ("C:\\out\\a", "FORMAT:FILE"),
        ("out", "FORMAT:FILE"),
        ("a.png", "End the name in .txt"),
    ],
)
def test_what_is_no_target_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text)
    assert said in str(caught.value)


def test_an_unknown_format_is_refused_with_the_nearest_and_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        render(REPORTS["voc"], "TEX")
    assert caught.value.fix == f"Did you mean 'latex'? Formats are {', '.join(FORMATS)}"
    with pytest.raises(UsageError, match="Formats are"):
        known_format("zzz")
    assert {format_of(Path(f"a{suffix}")) for suffix in SUFFIXES} == set(FORMATS) - {"github"}


def test_a_problem_is_told_in_three_parts() -> None:
    error = MaskError("sizes differ", ["a/b.png: 2x3 and 3x2", "[red]\x1b[2J.png"], "Score --resize [bold]")
    assert render_problem(error) == (
        "error: sizes differ\n  a/b.png: 2x3 and 3x2\n  [red]\\x1b[2J.png\nfix: Score --resize [bold]\n"
    )
    assert ANSI.sub("", render_problem(error, color=True)) == render_problem(error)
    assert render_problem(error, color=True).count("\x1b") == 4
    assert render_problem(UsageError("no")) == "error: no\n"


def test_problems_of_one_kind_are_told_once_with_ten_places() -> None:
    labels = [LabelError("unknown value", [f"{index}.png"], "Use --map") for index in range(1234)]
    text = render_problem(Problems([*labels, MaskError("not a mask", ["x.jpg"])]))
    assert text.count("error:") == 2
    assert "  9.png\n  ... and 1,224 more\nfix: Use --map\nerror: not a mask\n  x.jpg\n" in text
    assert "  10.png" not in text
    ten = render_problem(Problems(labels[:10]))
    assert "9.png" in ten
    assert "more" not in ten


def test_warnings_notes_and_verdicts_are_lines() -> None:
    failed = Verdict("miou", ">=", 0.7, 0.69998, False)
    assert render_warning(Finding("extra", "two\nlines")) == "warning (extra): two\\nlines\n"
    assert render_note(Inference("found 2 classes", "--classes 2")) == (
        "note: found 2 classes; set them explicitly with --classes 2\n"
    )
    assert render_verdict(failed) == "gate failed: miou 69.998 % < 70.00 % (0.69998 < 0.70)\n"
    assert render_verdict(Verdict("bce", "<=", 0.2, 0.2, True)) == "gate holds: bce 0.2000 <= 0.20\n"
    assert ANSI.sub("", render_verdict(failed, color=True)) == render_verdict(failed)
