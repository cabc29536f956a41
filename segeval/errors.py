"""What can go wrong, said in three parts: what, where, and how to mend it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

JOINERS = "\u200c\u200d"
"""Invisible, yet part of how words and emoji are written."""
ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control and format characters, lone surrogates, line and paragraph separators."""
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
COMMAND = re.compile(r"^\s*(:)(?=:)|(#)(?=#\[)")
"""What GitHub's runner takes for a command of the workflow, in any line of any stream."""


class SegevalError(Exception):
    """Say that something could not be scored, and how to mend it.

    `what` is one sentence without a full stop; `where` names the places, one a line: files by their path below the
    folder that was given, with the extension; `fix` names the option or the step that mends it. All three are plain
    text, so an error crosses a process boundary unchanged.
    """

    def __init__(self, what: str, where: Iterable[str] = (), fix: str = "") -> None:
        places = (where,) if isinstance(where, str) else tuple(where)
        super().__init__(what, places, fix)
        self.what = what
        self.where: tuple[str, ...] = places
        self.fix = fix

    def __str__(self) -> str:
        place = f" ({'; '.join(self.where[:10])})" if self.where else ""
        remedy = f". {self.fix}" if self.fix else ""
        return f"{self.what}{place}{remedy}"


class UsageError(SegevalError):
    """An option or an argument that cannot mean anything."""


class PairingError(SegevalError):
    """Files of the two folders that do not pair."""


class MaskError(SegevalError):
    """A file or an array that is not a mask, or not one that can be read exactly."""


class LabelError(SegevalError):
    """A stored value that the labeling does not know."""


class NothingToScoreError(SegevalError):
    """No pair, no valid pixel, or no defined class."""


class RunFileError(SegevalError):
    """A saved run that cannot be read, or runs that cannot be united."""


class OutputError(SegevalError):
    """A result that cannot be written where it was asked for."""


class InternalError(SegevalError):
    """A fault of segeval itself, met with one file; `__cause__` is the exception."""


class Problems(SegevalError):  # noqa: N818 - a collection of errors, raised as one
    """Several errors told together; `problems` has them in the order met."""

    def __init__(self, problems: Sequence[SegevalError]) -> None:
        self.problems: tuple[SegevalError, ...] = tuple(problems)
        super().__init__(f"{len(self.problems)} problems", (), "")

    def __reduce__(self) -> tuple[type[Problems], tuple[tuple[SegevalError, ...]]]:
        return (type(self), (self.problems,))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def merged(problems: Iterable[SegevalError]) -> tuple[SegevalError, ...]:
    """Join problems of one kind and one remedy into one that names every place, in the order first met.

    The cause of the first of a kind, if it has one, is the cause of all.
    """
    kinds: dict[tuple[type[SegevalError], str, str], list[str]] = {}
    causes: dict[tuple[type[SegevalError], str, str], BaseException] = {}
    for problem in problems:
        for single in problem.problems if isinstance(problem, Problems) else (problem,):
            identity = (type(single), single.what, single.fix)
            kinds.setdefault(identity, []).extend(single.where)
            if single.__cause__ is not None:
                causes.setdefault(identity, single.__cause__)
    joined = tuple(kind(what, where, fix) for (kind, what, fix), where in kinds.items())
    for identity, error in zip(kinds, joined, strict=True):
        error.__cause__ = causes.get(identity)
    return joined


def internal_error(error: Exception, where: Iterable[str] = ()) -> InternalError:
    """Return the error that tells of an exception that nothing should have raised."""
    told = InternalError(
        f"internal error: {type(error).__name__}: {error}",
        where,
        "This is a fault of segeval, not of your files; run again with -v for the traceback and report it",
    )
    told.__cause__ = error
    return told


def raise_all(problems: Iterable[SegevalError]) -> None:
    """Raise one error for all `problems`: the kind itself if there is one, `Problems` if several, nothing if none."""
    kinds = merged(problems)
    if len(kinds) == 1:
        raise kinds[0]
    if kinds:
        raise Problems(kinds)


def printable(text: str, *, keep: str = "") -> str:
    """Write what may act on a terminal, a page or a parser as escapes, but for the characters in `keep`.

    These are control characters, marks of direction, noncharacters, and bytes of a file name that are not UTF-8, which
    are shown as \\xNN. What is left can be encoded in UTF-8 and is legal in XML 1.0, and no line that begins with it is
    a workflow command. Printable text stays as it is, so escaping twice is escaping once.
    """
    if "::" in text or "##[" in text:
        text = COMMAND.sub(lambda match: match[0][:-1] + f"\\x{ord(match[0][-1]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in keep else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    if not noncharacter and (unicodedata.category(character) not in ACTING or character in JOINERS):
        return character
    if character in SHORT:
        return SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a file name that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def and_more(left: int, what: str = "") -> str:
    """Tell how many are left out of a list: "and 1,234 more", or "and 12 more colours" of them by name."""
    return f"and {left:,} more{f' {what}' if what else ''}"


def listed(entries: Sequence[object], most: int) -> str:
    """Join at most `most` entries by commas, and tell how many are left out: "a, b and 3 more"."""
    shown = ", ".join(map(str, entries[:most]))
    return f"{shown} {and_more(len(entries) - most)}" if len(entries) > most else shown


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return "Did you mean 'x'? ", or an empty text where no choice is close to `word`."""
    close = nearest(word, choices)
    return f"Did you mean {close}? " if close else ""


def nearest(word: str, choices: Iterable[str], most: int = 1) -> str:
    """Return the choices closest to `word` as in "'x' or 'y'", or an empty text; case does not count."""
    from difflib import get_close_matches  # costs a millisecond that only a mistake needs

    folded = {choice.casefold(): choice for choice in choices}
    return " or ".join(f"'{folded[match]}'" for match in get_close_matches(word.casefold(), folded, n=most))
