"""Errors and findings: the closed list of kinds, what becomes of findings, and that nobody reads their words."""

from __future__ import annotations

import json
import pickle
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segeval.errors import (
    ERROR,
    KINDS,
    WARNING,
    ColorsMet,
    Finding,
    FoundError,
    LabelError,
    MaskError,
    Problems,
    SegevalError,
    UsageError,
    merged,
)
from segeval.findings.policy import Policy, judged
from segeval.protocol.allowing import allowed_errors, parse_allow
from segeval.protocol.protocol import Protocol, protocol_from_dict, resolve
from segeval.protocol.signature import Signature, signature
from tests.support.commandline import run_segeval

PACKAGE = Path(__file__).resolve().parents[1] / "segeval"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PAGE = resources.files("segeval").joinpath("docs/findings.md").read_text(encoding="utf-8")
ALLOWABLE_ERROR = "doubtful"
"""A kind of the tests' own: an error that --allow takes."""


@pytest.fixture
def with_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    known = type(KINDS["extra"])(ERROR, "for tests", allowable=True)
    assert isinstance(KINDS, dict)
    monkeypatch.setitem(KINDS, ALLOWABLE_ERROR, known)


# Errors


def test_kind_and_payload_survive_pickling() -> None:
    error = MaskError("what", ("a.png",), "Fix", kind="rgb", payload=ColorsMet({(1, 2, 3): 4}))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.what, again.where, again.fix) == (MaskError, "what", ("a.png",), "Fix")
    assert (again.kind, again.payload) == ("rgb", ColorsMet({(1, 2, 3): 4}))
    (inner,) = pickle.loads(pickle.dumps(Problems([error]))).problems
    assert (inner.kind, inner.payload) == (error.kind, error.payload)


def test_errors_of_one_sentence_and_two_kinds_stay_apart() -> None:
    one, other = MaskError("what", ("a",), "Fix", kind="rgb"), MaskError("what", ("b",), "Fix", kind="jpeg")
    assert [error.kind for error in merged([one, other, one])] == ["rgb", "jpeg"]


def test_merging_joins_places_and_payloads() -> None:
    errors = [MaskError("w", (str(n),), "F", kind="rgb", payload=ColorsMet({(n % 2, 0, 0): 1})) for n in range(3)]
    (joined,) = merged([errors[0], MaskError("w", ("x",), "F", kind="rgb"), *errors[1:]])
    assert joined.where == ("0", "x", "1", "2")
    assert joined.payload == ColorsMet({(0, 0, 0): 2, (1, 0, 0): 1})


def test_every_error_has_a_kind_of_the_list() -> None:
    classes: list[type[SegevalError]] = [SegevalError, *SegevalError.__subclasses__()]
    assert len(classes) > 8
    assert {kind.default_kind for kind in classes} <= set(KINDS)


def test_every_kind_that_the_package_names_is_in_the_list() -> None:
    named = re.compile(r'(?:kind=|Finding\(\s*)"([a-z0-9-]+)"')
    found = {slug for path in SOURCES for slug in named.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 20
    assert found - {"stable"} <= set(KINDS)  # numpy sorts by a `kind` too


# Nobody reads words

READS_WORDS = re.compile(
    r"\bin (str\()?(error|problem|finding|found|warning|one)\.(what|fix)"
    r"|(search|match|findall|finditer)\([^)]*\.(what|fix)"
    r"|\.(what|fix)\.(startswith|endswith|find|index|count|split|partition)\("
    r"|\.(what|fix) [!=]= "
    r"|\bin str\((error|problem|finding)\)"
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_code_reads_the_words_of_a_message(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if READS_WORDS.search(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        'if "JPEG" in error.what:',
        'elif "--probs" in problem.fix:',
        "_TOLD.search(problem.what)",
        "if problem.fix != COLORS_FIX:",
        'if error.what.startswith("A mask"):',
        'if "0" in str(error):',
    ],
)
def test_the_search_for_readers_of_words_finds_them(line: str) -> None:
    assert READS_WORDS.search(line)


# The page


def test_the_page_has_every_kind_once_with_what_it_is_an_example_and_the_fix() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    told = {section.partition("\n")[0]: " ".join(section.split()) for section in sections}
    assert list(told) == sorted(KINDS, key=lambda slug: KINDS[slug].severity)
    for slug, section in told.items():
        about = KINDS[slug].about
        assert f"{about[0].upper()}{about[1:]}." in section
        assert " - Example: " in section
        assert " - Fix: " in section
        assert ("Can be allowed." in section) is (KINDS[slug].severity == ERROR and KINDS[slug].allowable)


def test_every_warning_can_be_allowed() -> None:
    assert all(kind.allowable for kind in KINDS.values() if kind.severity == WARNING)


# What becomes of findings


def test_kinds_that_are_allowed_add_up_until_none() -> None:
    assert parse_allow(["extra", "constant,extra"]) == ("extra", "constant")
    assert parse_allow(["extra", "none", "constant"]) == ("constant",)
    assert parse_allow("extra,none") == ()
    assert parse_allow(()) == ()


@pytest.mark.parametrize(("name", "says"), [("constnat", "constant"), ("values", "Fix what the error names")])
def test_a_kind_that_is_none_or_cannot_be_allowed_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_allow(name)
    assert says in refused.value.fix


def test_an_error_refuses_unless_allowed(with_doubtful: None) -> None:
    finding = Finding(ALLOWABLE_ERROR, "what", ("a",), "Fix")
    with pytest.raises(FoundError) as refused:
        judged([finding], Policy())
    assert refused.value.kind == ALLOWABLE_ERROR
    assert refused.value.fix == f"Fix. Or: --allow {ALLOWABLE_ERROR} accepts it"
    (allowed,) = judged([finding], Policy(("extra", ALLOWABLE_ERROR), strict=True))
    assert allowed.to_dict() == {
        "kind": ALLOWABLE_ERROR,
        "what": "what",
        "where": ["a"],
        "fix": "Fix",
        "allowed": True,
    }


def test_a_warning_refuses_only_where_the_policy_is_strict() -> None:
    finding = Finding("extra", "what", ("a",))
    assert judged([finding, Finding("extra", "what", ("b",))], Policy()) == (Finding("extra", "what", ("a", "b")),)
    with pytest.raises(FoundError):
        judged([finding], Policy(strict=True))


def test_allowed_errors_are_protocol_and_allowed_warnings_are_not(with_doubtful: None) -> None:
    assert allowed_errors(("extra", ALLOWABLE_ERROR)) == (ALLOWABLE_ERROR,)
    asked = Protocol(allow=(ALLOWABLE_ERROR,))
    assert protocol_from_dict(json.loads(json.dumps(asked.to_dict()))) == asked
    line = signature(resolve(asked, gt_values=(0, 1), pred_values=(0, 1)), asked)
    assert "|allow:doubtful|" in line.short()
    assert Signature.parse(str(line)).protocol() == asked
    plain = signature(resolve(Protocol(), gt_values=(0, 1), pred_values=(0, 1)), Protocol())
    assert "allow" not in str(plain)
    assert "allow: doubtful vs none" in line.differences(plain)
    assert "allow" not in Protocol().to_dict()


# What a shell sees


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return folders with a prediction too many."""
    pixels = np.tile(np.arange(3, dtype=np.uint8), (6, 4))
    for side, names in (("pred", "ab"), ("gt", "a")):
        (tmp_path / side).mkdir()
        for name in names:
            Image.fromarray(pixels).save(tmp_path / side / f"{name}.png")
    return tmp_path / "pred", tmp_path / "gt"


EXTRA = "warning (extra): predictions without ground truth are not scored (pred/b.png)"


def test_a_number_does_not_travel_without_its_warnings(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders, "--only", "miou", "-q")
    assert (done.code, done.stdout) == (0, "1.0\n")
    assert EXTRA in done.stderr


@pytest.mark.parametrize(
    ("format_name", "says"),
    [
        ("table", "warning (extra): "),
        ("markdown", "extra: predictions"),
        ("latex", "% warning (extra): "),
        ("github", "::warning title=segeval extra::"),
        ("junit", '<property name="warning (extra)" value="predictions without'),
    ],
)
def test_every_format_has_the_warning(folders: tuple[Path, Path], format_name: str, says: str) -> None:
    assert says in run_segeval("score", *folders, "-f", format_name).stdout


def test_csv_has_no_warning(folders: tuple[Path, Path]) -> None:
    assert "extra" not in run_segeval("score", *folders, "-f", "csv").stdout


def test_json_has_the_warning_as_an_object_and_says_that_it_is_allowed(folders: tuple[Path, Path]) -> None:
    (told,) = json.loads(run_segeval("score", *folders, "-f", "json").stdout)["warnings"]
    assert told == {
        "kind": "extra",
        "what": "predictions without ground truth are not scored",
        "where": ["pred/b.png"],
        "fix": "Leave them, or add their ground truth",
    }
    (allowed,) = json.loads(run_segeval("score", *folders, "-f", "json", "--allow", "extra").stdout)["warnings"]
    assert allowed == {**told, "allowed": True}


def test_strict_makes_warnings_errors_but_for_those_allowed(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders, "--strict")
    assert (done.code, done.stdout) == (2, "")
    assert "--allow extra accepts it" in done.stderr
    allowed = run_segeval("score", *folders, "--strict", "--allow", "extra")
    assert allowed.code == 0
    assert "allow:" not in allowed.stdout
    assert run_segeval("inspect", *folders, "--strict").code == 2
    assert run_segeval("inspect", *folders, "--strict", "--allow", "extra").code == 0


def test_allowed_kinds_add_up_over_configuration_environment_and_command_line(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.segeval]\nallow = ["extra"]\nstrict = true\n')
    monkeypatch.setenv("SEGEVAL_ALLOW", "constant\noff-by-one")
    assert run_segeval("score", *folders, "--allow", "inverted", cwd=tmp_path).code == 0
    assert run_segeval("score", *folders, "--allow", "none", cwd=tmp_path).code == 2
    assert run_segeval("score", *folders, "--allow", "none", "--allow", "extra", cwd=tmp_path).code == 0


def test_a_kind_that_cannot_be_allowed_is_exit_2(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders, "--allow", "values")
    assert (done.code, done.stdout) == (2, "")
    assert "cannot be accepted" in done.stderr


@pytest.mark.parametrize("verb", ["score", "report", "explain", "compare"])
def test_what_inspect_finds_in_values_every_verb_finds(verb: str, tmp_path: Path) -> None:
    pixels = np.tile(np.arange(4, dtype=np.uint8), (6, 4))
    for side, shift in (("pred", 0), ("gt", 1)):
        (tmp_path / side).mkdir()
        Image.fromarray(pixels + shift).save(tmp_path / side / "a.png")
    folders, run = (tmp_path / "pred", tmp_path / "gt"), tmp_path / "run.jsonl"
    assert run_segeval("score", *folders, "--save", run).code == 0
    given = {"score": folders, "explain": folders, "report": (run,), "compare": (run, run)}[verb]
    found = json.loads(run_segeval(verb, *given, "-f", "json").stdout)
    assert "off-by-one" in [finding["kind"] for finding in found["warnings"]]


def test_a_shard_is_not_judged_and_the_runs_that_it_is_combined_to_are(tmp_path: Path) -> None:
    for side in ("pred", "gt"):
        (tmp_path / side).mkdir()
    for number in range(8):
        zeros = np.zeros((4, 4), np.uint8)
        Image.fromarray(zeros).save(tmp_path / "pred" / f"{number}.png")
        Image.fromarray(zeros + (np.arange(4) % 2).astype(np.uint8)).save(tmp_path / "gt" / f"{number}.png")
    parts = [tmp_path / f"{part}.jsonl" for part in "12"]
    for number, part in enumerate(parts, start=1):
        done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "--shard", f"{number}/2", "--save", part)
        assert done.code == 0
        assert "warning (constant)" not in done.stderr
    united = run_segeval("combine", *parts, "-o", tmp_path / "all.jsonl")
    assert united.code == 0
    assert "warning (constant)" in united.stderr
    assert run_segeval("report", tmp_path / "all.jsonl", "--strict").code == 2


def test_label_errors_keep_their_kind() -> None:
    assert LabelError("what").kind == "values"
