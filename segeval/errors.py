"""What can go wrong, said in three parts: what, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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
