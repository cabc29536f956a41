"""What can go wrong: the closed list of its kinds, and errors and findings that tell what, where, and the fix."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Self

from segeval.records import dataclass

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Kind:
    """Describe one kind of errors or findings: how bad it is, whether --allow takes it, and what it is about.

    Every warning can be allowed; of errors those that doubt a value which could be read. The page `findings` of
    `segeval help` has an example of each and the fix.
    """

    severity: str
    about: str
    allowable: bool = False


KINDS: Mapping[str, Kind] = {
    "usage": Kind(ERROR, "an option, an argument or a file of settings that cannot mean anything"),
    "pairing": Kind(ERROR, "files of the two folders that do not pair"),
    "unreadable": Kind(ERROR, "a file or an array that is not a mask, or cannot be read exactly"),
    "jpeg": Kind(ERROR, "a mask stored as JPEG, which changes labels"),
    "rgb": Kind(ERROR, "masks of colours, and nothing that says what they mean"),
    "unknown-colors": Kind(ERROR, "colours that the palette does not name"),
    "palette-duplicates": Kind(ERROR, "a palette in which two classes share a colour"),
    "probability-maps": Kind(ERROR, "probability maps given as label masks"),
    "label-masks": Kind(ERROR, "label masks given as probability maps"),
    "transposed": Kind(ERROR, "predictions with height and width exchanged"),
    "resized": Kind(ERROR, "predictions of another size than their ground truth"),
    "class-folders": Kind(ERROR, "one mask a class, in folders named after classes", allowable=True),
    "values": Kind(ERROR, "values that are neither a class nor ignored"),
    "zero-255": Kind(ERROR, "masks of 0 and 255 only, where 255 can be foreground or void"),
    "one-255": Kind(ERROR, "masks of 1 and 255 in one file under --binary, where 255 can be foreground or void"),
    "gray-levels": Kind(ERROR, "masks of more values than two under --binary, as JPEG and smoothing leave them"),
    "suspected-void": Kind(ERROR, "a value that looks like void and counts as a class", allowable=True),
    "gray-palette": Kind(ERROR, "gray palettes whose indices and gray levels can both be labels", allowable=True),
    "palette-order": Kind(ERROR, "palettes of the same colours at other indices", allowable=True),
    "nothing-to-score": Kind(ERROR, "no pair, no valid pixel, or no defined class"),
    "run-file": Kind(ERROR, "a saved run that cannot be read, or runs that cannot be merged"),
    "output": Kind(ERROR, "a result that cannot be written where it was asked for"),
    "engine": Kind(ERROR, "processes or a scheduler that do not answer, or have other versions"),
    "internal": Kind(ERROR, "a fault of segeval itself"),
    "extra": Kind(WARNING, "predictions without ground truth", allowable=True),
    "missing": Kind(WARNING, "images without prediction, left out or counted as wrong", allowable=True),
    "swapped": Kind(WARNING, "names or values that say that the two folders are swapped", allowable=True),
    "scales": Kind(WARNING, "ground truth with the value 1, predictions with 255 in its place", allowable=True),
    "many-values": Kind(WARNING, "predictions with far more values than the ground truth", allowable=True),
    "off-by-one": Kind(WARNING, "predictions one above or one below the ground truth", allowable=True),
    "train-ids": Kind(WARNING, "Cityscapes train ids where regular ids are expected, or the reverse", allowable=True),
    "label-spaces": Kind(WARNING, "folders whose values name other classes", allowable=True),
    "ignored-background": Kind(WARNING, "an ignored value that predictions use as a class", allowable=True),
    "inverted": Kind(WARNING, "foreground and background exchanged", allowable=True),
    "constant": Kind(WARNING, "predictions that are one value everywhere", allowable=True),
    "masks-as-maps": Kind(WARNING, "probability maps that hold only 0 and 1", allowable=True),
    "unnormalised": Kind(WARNING, "probabilities of classes that do not add up to 1", allowable=True),
    "unknown-counted": Kind(WARNING, "values that are no class, counted as the convention says", allowable=True),
    "undefined-mean": Kind(WARNING, "a mean that the convention leaves undefined", allowable=True),
    "odd-foreground": Kind(WARNING, "a mean over the foreground without a class that is no background", allowable=True),
    "void-border": Kind(WARNING, "void on the borders of a class, which boundary scores cannot see", allowable=True),
    "one-sided": Kind(WARNING, "a class that only one side has in some images, without a distance", allowable=True),
    "few-images": Kind(WARNING, "intervals that rest on few images", allowable=True),
    "slice-levels": Kind(WARNING, "scores of maps that a run keeps for all its images together only", allowable=True),
    "undefined-resamples": Kind(WARNING, "resamples that leave a score undefined", allowable=True),
    "not-comparable": Kind(WARNING, "runs that are not scored in the same way", allowable=True),
    "refused": Kind(WARNING, "a convention that refuses the run which it is to explain", allowable=True),
}
"""Every kind by its slug."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell one thing that looks wrong: its kind, what, where (one place a line), and the option or step that fixes it.

    `allowed` says that the user accepts it; `options` are those of the fix, as keywords.
    """

    kind: str
    what: str
    where: tuple[str, ...] = ()
    fix: str = ""
    allowed: bool = False
    options: tuple[tuple[str, str | bool], ...] = ()

    @property
    def severity(self) -> str:
        """Return "error", with which nothing is scored, or "warning"."""
        return KINDS[self.kind].severity

    @property
    def blocks(self) -> bool:
        """Tell whether nothing is scored before it is fixed or allowed."""
        return self.severity == ERROR and not self.allowed

    def __str__(self) -> str:
        place = f" ({'; '.join(self.where[:10])})" if self.where else ""
        return f"{self.what}{place}{f'. {self.fix}' if self.fix else ''}"

    def to_dict(self) -> dict[str, object]:
        """Return the JSON of a finding; `allowed` is there where it is true."""
        told: dict[str, object] = {"kind": self.kind, "what": self.what, "where": list(self.where), "fix": self.fix}
        return {**told, "allowed": True} if self.allowed else told


MOST_COLORS = 256
"""Colours that an error keeps, those of most pixels."""


@dataclass(frozen=True, slots=True)
class ColorsMet:
    """Keep the most frequent colours that could not be decoded, with their pixels."""

    pixels: Mapping[tuple[int, int, int], int]

    def joined(self, other: ColorsMet) -> ColorsMet:
        """Return the colours of both."""
        both = dict(self.pixels)
        for color, count in other.pixels.items():
            both[color] = both.get(color, 0) + count
        return ColorsMet(dict(sorted(both.items(), key=lambda entry: -entry[1])[:MOST_COLORS]))


JOINERS = "\u200c\u200d"
"""Invisible, yet part of how words and emoji are written."""
ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control and format characters, lone surrogates, line and paragraph separators."""
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
COMMAND = re.compile(r"^\s*(:)(?=:)|(#)(?=#\w*\[)")
"""What runners take for a command: GitHub's `::x` where a line begins, and `##[x` anywhere in any line of any stream;
Azure's `##vso[` and TeamCity's `##teamcity[` likewise."""


class SegevalError(Exception):
    """Say that something could not be scored, and how to fix it.

    `what` is one sentence without a full stop; `where` names the places, one a line: files by their path below the
    folder that was given, with the extension; `fix` names the option or the step that fixes it. All three are plain
    text. `kind` is a slug of `KINDS`; decisions rest on it, and on `payload`, the fact behind the words where another
    module needs it. An error crosses a process boundary unchanged.
    """

    default_kind = "usage"

    def __init__(
        self,
        what: str,
        where: Iterable[str] = (),
        fix: str = "",
        *,
        kind: str | None = None,
        payload: ColorsMet | None = None,
    ) -> None:
        places = (where,) if isinstance(where, str) else tuple(where)
        super().__init__(what, places, fix)
        self.what = what
        self.where: tuple[str, ...] = places
        self.fix = fix
        self.kind = kind or self.default_kind
        self.payload = payload

    def changed(self, *, where: Iterable[str] | None = None, fix: str | None = None, kind: str | None = None) -> Self:
        """Return the same error with other places, another fix or another kind."""
        places, remedy = self.where if where is None else where, self.fix if fix is None else fix
        told = type(self)(self.what, places, remedy, kind=kind or self.kind, payload=self.payload)
        told.__cause__ = self.__cause__
        return told

    def __str__(self) -> str:
        return str(Finding(self.kind, self.what, self.where, self.fix))


class UsageError(SegevalError):
    """An option or an argument that cannot mean anything."""


class PairingError(SegevalError):
    """Files of the two folders that do not pair."""

    default_kind = "pairing"


class MaskError(SegevalError):
    """A file or an array that is not a mask, or not one that can be read exactly."""

    default_kind = "unreadable"


class LabelError(SegevalError):
    """A stored value that the labeling does not know."""

    default_kind = "values"


class NothingToScoreError(SegevalError):
    """No pair, no valid pixel, or no defined class."""

    default_kind = "nothing-to-score"


class RunFileError(SegevalError):
    """A saved run that cannot be read, or runs that cannot be united."""

    default_kind = "run-file"


class OutputError(SegevalError):
    """A result that cannot be written where it was asked for."""

    default_kind = "output"


class FoundError(SegevalError):
    """A finding that refuses: an error that was not allowed, or a warning under --strict."""


class InternalError(SegevalError):
    """A fault of segeval itself, met with one file; `__cause__` is the exception."""

    default_kind = "internal"


class Problems(SegevalError):  # noqa: N818  # a collection of errors, raised as one
    """Several errors told together; `problems` has them in the order met."""

    def __init__(self, problems: Sequence[SegevalError]) -> None:
        self.problems: tuple[SegevalError, ...] = tuple(problems)
        super().__init__(f"{len(self.problems)} problems", (), "")

    def __reduce__(self) -> tuple[type[Problems], tuple[tuple[SegevalError, ...]]]:
        return (type(self), (self.problems,))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def merged(problems: Iterable[SegevalError]) -> tuple[SegevalError, ...]:
    """Join problems of one kind and remedy into one with every place, in the order met, and the first one's cause."""
    alike: dict[tuple[type[SegevalError], str, str, str], list[SegevalError]] = {}
    for problem in problems:
        for single in problem.problems if isinstance(problem, Problems) else (problem,):
            identity = (type(single), single.kind, single.what, single.fix)
            alike.setdefault(identity, []).append(single)
    return tuple(map(_joined, alike.values()))


def _joined(alike: Sequence[SegevalError]) -> SegevalError:
    joined = alike[0].changed(where=dict.fromkeys(place for error in alike for place in error.where))
    payloads = [error.payload for error in alike if error.payload is not None]
    joined.payload = reduce(ColorsMet.joined, payloads) if payloads else None
    joined.__cause__ = next((error.__cause__ for error in alike if error.__cause__ is not None), None)
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


def unexpected_error(error: Exception, where: Iterable[str] = ()) -> SegevalError:
    """Return the error that tells of an unhandled exception: the system's fault where it is one, else ours."""
    if isinstance(error, MemoryError):
        told = SegevalError("there is not enough memory", where, "Lower -j/--jobs, or free memory and start again")
    elif isinstance(error, OSError):
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        reason = ": ".join((*names, error.strerror or str(error) or type(error).__name__))
        told = SegevalError(
            "the system refused what was asked of it",
            [f"{place}: {reason}" for place in where] or (reason,),
            "Check that file or stream, its space and the limits (ulimit -a); -v shows where it happened",
        )
    else:
        return internal_error(error, where)
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
    if "::" in text or "##" in text:
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
