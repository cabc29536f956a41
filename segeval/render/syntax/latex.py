"""LaTeX tables (package booktabs) that set text as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from segeval.errors import printable

NOTHING = "--"
"""What stands for an undefined value, and for a class that a run does not have."""
ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    # Behind the end of a row, a bracket or a star would be an argument of it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\0": "{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
LIGATURES = re.compile(r"([-'`,])(?=\1)")
"""Two of these in a row would be set as another sign."""


def escaped(text: str) -> str:
    """Write text so that LaTeX sets it as it is."""
    apart = LIGATURES.sub(r"\1\0", printable(text))
    return "".join(ESCAPES.get(character, character) for character in apart)


def tabular(comments: Iterable[str], head: Sequence[str], *parts: Iterable[Sequence[str]]) -> str:
    """Return a table of escaped cells behind comments: a column of names, columns of numbers, rules between parts."""
    lines = [f"% {printable(comment)}" for comment in comments]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", _row(head)]
    for rows in parts:
        lines += [r"\midrule", *map(_row, rows)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "".join(f"{line}\n" for line in lines)


def _row(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
