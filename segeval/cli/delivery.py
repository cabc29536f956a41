"""Bring a report to stdout and to files: places are opened before the work, and written when it is done."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from segeval.atomicfile import AtomicFile
from segeval.cli.console import tell_notes, tell_warnings, wants_color, write_result
from segeval.render import known_format, parse_target, render
from segeval.report import Report


class Delivery:
    """Hold the places that a report goes to.

    Opening raises `UsageError` for an unknown format and `OutputError` for a file that cannot be written, both before
    anything is measured. Leaving without `deliver` leaves every old file as it was.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._format = known_format(options["format_name"])
        self._files: list[tuple[str, AtomicFile]] = []
        try:
            for target in options["outputs"]:
                format_name, path = parse_target(target)
                self._files.append((format_name, AtomicFile(path)))
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        for _, file in self._files:
            file.discard()

    def deliver(self, report: Report) -> int:
        """Render the report everywhere, tell what goes with it on stderr, and return the exit code."""
        options = self._options
        if not options["quiet"]:
            tell_notes(report.notes)
            tell_warnings(report.warnings)
        for format_name, file in self._files:
            text = render(report, format_name, color=False, width=None, verbose=options["verbose"])
            file.commit(text.encode("utf-8", "backslashreplace"))
        color = wants_color(sys.stdout, options["color"])
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        write_result(render(report, self._format, color=color, width=width, verbose=options["verbose"]))
        return 0 if all(verdict.passed for verdict in report.gates) else 1
