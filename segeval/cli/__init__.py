"""The command line: the one place where errors become exit codes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from segeval.cli.signals import BASE, Stopped, StopSignals
from segeval.cli.streams import open_closed_streams

COULD_NOT_SCORE = 2
INTERRUPTED = BASE + 2
COMPLETION = "_SEGEVAL_COMPLETE"
SELDOM = (100_000, 50, 100)
"""Allocations after which cycles are looked for, as `gc.set_threshold` takes them."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run segeval and exit: 0 scored, 1 scored and a gate failed, 2 could not score, 128 + N stopped by signal N."""
    # Imports make objects by the ten thousand and hardly a cycle: looking for cycles as often as is usual costs a short
    # run a tenth of its time.
    gc.set_threshold(*SELDOM)
    try:
        StopSignals()
        open_closed_streams()
        code = run(arguments)
    except Stopped as stop:  # while an error was being told
        code = stop.code
    if code <= BASE:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            sys.exit(code)
    # An ordinary exit takes every object of NumPy apart, a twentieth of a short run, and would wait for workers in the
    # middle of an image where a signal stopped them.
    os._exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; whatever went wrong has been told on stderr."""
    import click

    from segeval.cli.root import root

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        outcome = root.main(args=words, prog_name="segeval", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as request:
        return request.exit_code
    except (click.Abort, KeyboardInterrupt, Stopped) as stop:
        if isinstance(stop.__cause__, EOFError):  # which click takes for Ctrl-D
            return _told(stop.__cause__, words)
        return _stopped(stop.code if isinstance(stop, Stopped) else INTERRUPTED)
    except SystemExit as leaving:
        # Besides its completion, click leaves so where the reader of a help text has gone away, and calls that 1.
        return _unread() if COMPLETION not in os.environ else int(leaving.code or 0)
    except BrokenPipeError:
        return _unread()
    except Exception as error:  # a crash too: Python's own exit code for one reads as "a gate failed"
        return _told(error, words)
    return outcome if isinstance(outcome, int) else 0


# Python (seen in 3.11) keeps frames in pieces of 16 KB, and takes and gives back the next piece at each call across the
# end of one: where that falls into a busy loop of a start, it costs a tenth of it. A frame that wants 66 KB gets a
# piece of 128 KB, in which all that it calls has room.
run.__code__ = run.__code__.replace(co_stacksize=8_400)


def _stopped(code: int) -> int:
    from segeval.cli.console import tell

    tell("interrupted\n" if code == INTERRUPTED else "terminated\n")
    return code


def _unread() -> int:
    from segeval.cli.console import drop_stdout

    drop_stdout()
    return 0


def _told(error: Exception, words: Sequence[str]) -> int:
    from segeval.cli.console import drop_stdout, tell_error, tell_traceback
    from segeval.errors import Problems

    if any(word in ("-v", "--verbose") for word in words):
        tell_traceback(error)
        for problem in error.problems if isinstance(error, Problems) else ():
            if problem.__cause__ is not None:
                tell_traceback(problem.__cause__)
    tell_error(error)
    if isinstance(error, OSError):
        drop_stdout()  # what could not be written must not be tried again at the end: Python has a code of its own then
    return COULD_NOT_SCORE
