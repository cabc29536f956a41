"""What is said on stderr, as text: problems, warnings, notes and verdicts. Light, since every command imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segeval.errors import Finding, SegevalError, and_more, merged, printable

if TYPE_CHECKING:
    from segeval.comparison.regressions import Regression
    from segeval.protocol.protocol import Inference
    from segeval.report.report import Verdict

MOST_PLACES = 10
LONGEST = 5000
"""Characters of a sentence or a place: a path may have 4,096."""
RED, GREEN, YELLOW, CYAN = "1;31", "1;32", "1;33", "1;36"


def render_problem(error: SegevalError, *, color: bool = False) -> str:
    """Tell every kind of problem in `error`: what, up to ten places, and the fix."""
    lines: list[str] = []
    for problem in merged((error,)):
        lines.append(f"{_label('error', RED, color)} {_shown(problem.what)}")
        lines.extend(f"  {_shown(place)}" for place in problem.where[:MOST_PLACES])
        if len(problem.where) > MOST_PLACES:
            lines.append(f"  ... {and_more(len(problem.where) - MOST_PLACES)}")
        if problem.fix:
            lines.append(f"{_label('fix', CYAN, color)} {_shown(problem.fix)}")
    return "".join(f"{line}\n" for line in lines)


def render_warning(finding: Finding, *, color: bool = False) -> str:
    """Tell one finding."""
    return f"{_label(finding_label(finding), YELLOW, color)} {printable(str(finding))}\n"


def finding_label(finding: Finding) -> str:
    """Return what stands before a finding: its severity, or that it is allowed, and its kind."""
    return f"{'allowed' if finding.allowed else finding.severity} ({finding.kind})"


def render_aside(text: str, *, color: bool = False) -> str:
    """Tell one note."""
    return f"{_label('note', CYAN, color)} {printable(text)}\n"


def render_note(note: Inference, *, color: bool = False) -> str:
    """Tell what was taken from the data, and the option that pins it."""
    return render_aside(note_text(note), color=color)


def note_text(note: Inference) -> str:
    """Tell what was taken from the data, and the option that sets it: "found 4 classes: 0-3; set them explicitly with
    --classes 4".
    """
    return f"{note.what}; set them explicitly with {note.option}" if note.option else note.what


def render_verdict(verdict: Verdict, *, color: bool = False) -> str:
    """Tell whether a gate holds: "gate failed: miou 0.69998 < 0.70"."""
    from segeval.render.report.wording import verdict_text  # most commands judge nothing, and `decimal` takes its time

    label = _label("gate holds", GREEN, color) if verdict.passed else _label("gate failed", RED, color)
    return f"{label} {printable(verdict_text(verdict))}\n"


def render_regression(verdict: Regression, *, color: bool = False) -> str:
    """Tell whether a rule on regressions holds: "gate failed: new: miou 0.7425 -> 0.7100, worse by 0.0325 > 0.01"."""
    from segeval.render.comparison.wording import regression_text  # likewise

    label = _label("gate holds", GREEN, color) if verdict.passed else _label("gate failed", RED, color)
    return f"{label} {printable(regression_text(verdict))}\n"


def _shown(text: str) -> str:
    return (
        printable(text) if len(text) <= LONGEST else f"{printable(text[:LONGEST])}... {and_more(len(text) - LONGEST)}"
    )


def _label(word: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{word}:\x1b[0m" if color else f"{word}:"
