"""Bring a report to stdout and to files: places are opened before the work, and written when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from segeval.cli.console import page_options, tell_findings, tell_notes, tell_verdicts, write_result
from segeval.cli.reporting import policy_of
from segeval.findings.policy import judged_report
from segeval.render import known_format, parse_target, render
from segeval.report.report import Report

if TYPE_CHECKING:  # most runs have no gate and no file
    from segeval.files.atomic import AtomicFile
    from segeval.render.report.view import View
    from segeval.report.gates import Gate

TextOf = Callable[[Report], str]


class Delivery:
    """Hold the gates of a report and the places that it goes to.

    Opening raises `UsageError` for an unknown format or a gate that means nothing, and `OutputError` for a file that
    cannot be written, all before anything is measured. Leaving without `deliver` leaves every old file as it was.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._format = known_format(options["format"])
        self._gates = _gates(options["fail_under"], options["fail_over"])
        self._policy = policy_of(options)
        self._files: list[tuple[TextOf, AtomicFile]] = []
        try:
            self._open(options)
        except BaseException:
            self._discard()
            raise

    def _open(self, options: Mapping[str, Any]) -> None:
        wanted: list[tuple[TextOf, Path]] = []
        for target in options["output"]:
            format_name, path = parse_target(target)
            wanted.append((self._renderer(format_name), path))
        if options["curves"] is not None:
            wanted.append((_curves(options["curves"].suffix), options["curves"]))
        if options["per_image"] is not None:
            wanted.append((_images(options["per_image"].suffix), options["per_image"]))
        if wanted:
            from segeval.files.atomic import AtomicFile

            for text_of, path in wanted:
                self._files.append((text_of, AtomicFile(path)))

    def _renderer(self, format_name: str) -> TextOf:
        verbose, view = self._options["verbose"], _view(self._options)
        return lambda report: render(report, format_name, color=False, width=None, verbose=verbose, view=view)

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
        """Judge and render the report, tell what goes with it on stderr, and return the exit code.

        Raises `FoundError` for what looks wrong and is not allowed.
        """
        report = judged_report(report, self._policy)
        if self._gates:
            from segeval.report.gates import with_verdicts

            report = with_verdicts(report, self._gates)
        text = self._stdout_text(report)
        for text_of, file in self._files:
            file.commit(text_of(report).encode("utf-8", "backslashreplace"))
        if not self._options["quiet"]:
            tell_notes(report.notes)
        # A number never travels without them; on a terminal the table says them itself.
        if not (sys.stdout.isatty() and self._format == "table" and self._options["only"] is None):
            tell_findings(report.warnings)
        tell_verdicts(verdict for verdict in report.gates if not (self._options["quiet"] and verdict.passed))
        write_result(text)
        return 0 if all(verdict.passed for verdict in report.gates) else 1

    def _stdout_text(self, report: Report) -> str:
        options = self._options
        if options["only"] is not None:
            from segeval.render.report.only import render_only

            return render_only(report, options["only"])
        page = page_options(options["color"])
        text = render(report, self._format, **page, verbose=options["verbose"], view=_view(options))
        if options["plot"] and self._format == "table":
            from segeval.render.plots import render_plots

            text += render_plots(report, width=min(page["width"] or 80, 100), color=page["color"])
        return text


def _view(options: Mapping[str, Any]) -> View:
    from segeval.render.report.view import View  # a run that prints one number does without

    return View(**{name: options[name] for name in ("details", "sort", "digits")})


def _images(suffix: str) -> TextOf:
    from segeval.errors import UsageError
    from segeval.render.images import images_csv, images_jsonl

    if suffix.casefold() not in (".csv", ".jsonl"):
        raise UsageError(
            "--per-image writes CSV or JSON Lines", (suffix or "no suffix",), "End the file's name in .csv or .jsonl"
        )
    return images_csv if suffix.casefold() == ".csv" else images_jsonl


def _gates(fail_under: Sequence[str], fail_over: Sequence[str]) -> tuple[Gate, ...]:
    if not fail_under and not fail_over:
        return ()
    from segeval.report.gates import parse_gates

    return parse_gates(fail_under, fail_over)


def _curves(suffix: str) -> TextOf:
    from segeval.errors import UsageError
    from segeval.render.curves import curves_csv, curves_json

    if suffix.casefold() not in (".csv", ".json"):
        raise UsageError(
            "--curves writes CSV or JSON", (suffix or "no suffix",), "End the file's name in .csv or .json"
        )

    def text_of(report: Report) -> str:
        if report.probabilities is None:
            raise UsageError("label masks have no curves", (), "Score probability maps with --probs")
        return curves_csv(report) if suffix.casefold() == ".csv" else curves_json(report)

    return text_of
