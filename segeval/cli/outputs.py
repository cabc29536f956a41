"""What the options that write files ask for: the report in a format, something else of it, its curves, its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segeval.errors import OutputError, UsageError, nearest
from segeval.pictures import FIGURE_SUFFIXES, FIGURES
from segeval.records import dataclass
from segeval.render import FORMATS, parse_target, place_of, render
from segeval.stores.outputs import opened_output

if TYPE_CHECKING:
    from segeval.api.comparedpictures import PicturedComparison
    from segeval.api.pictures import Pictured
    from segeval.comparison.runs import ComparisonReport
    from segeval.render.report.wording import View
    from segeval.report.report import Report
    from segeval.stores.outputs import Output as OpenedOutput
    from segeval.stores.urls import Place

ContentOf = Callable[["Report"], "str | bytes"]

OF_IMAGES = "nnunet"
"""What stands for nnU-Net's `summary.json`, which needs the scores of every image."""
OTHERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "confusion": {".csv": ("segeval.render.confusionfile", "confusion_csv")},
    OF_IMAGES: {".json": ("segeval.render.nnunetsummary", "summary_json")},
    **{name: {} for name in FIGURES if name != "confusion"},
}
"""What `-o WHAT:FILE` writes besides reports -> suffix of the file -> module and function: a report to its content.

Those of `FIGURES` are drawn where the suffix is that of a picture."""
PAGE = "html"
"""What stands for the page, which needs more than the report."""
LABEL_ERRORS = "label-errors"
"""What stands for the suspected label errors, which need the images."""
FOLDER = "figures"
"""What stands for all figures, in a folder."""


@dataclass(frozen=True, slots=True)
class Output:
    """Say what one -o writes and where: `content` is a format of the report, or one of `OTHERS`."""

    content: str
    path: Place

    @property
    def is_report(self) -> bool:
        """Tell whether the whole report is written."""
        return self.content in FORMATS


def parse_output(text: str) -> Output:
    """Read `FILE`, `FORMAT:FILE`, `WHAT:FILE` or `FOLDER/`, which takes all figures; raises `UsageError`.

    A word before the first colon that is nearly one of `OTHERS` is refused; one that is far from all of them and from
    the formats may be a part of the path.
    """
    what, colon, rest = text.partition(":")
    if rest.startswith("//"):
        what, colon = "", ""  # of a URL, whatever its scheme
    if colon and what in OTHERS:
        path = place_of(rest)
        if not rest:
            raise UsageError("an output names no file", (text,), f"Write {what}:FILE")
        known = (*OTHERS[what], *(FIGURE_SUFFIXES if what in FIGURES else ()))
        if path.suffix.casefold() not in known:
            raise UsageError(
                f"there is no {what} of this suffix", (text,), f"End the file's name in {', '.join(known)}"
            )
        return Output(what, path)
    if colon and what.isalpha() and what not in FORMATS and (meant := nearest(what, OTHERS)):
        raise UsageError(
            "an output begins with a word that is nothing to write",
            (text,),
            f"Did you mean {meant}? For a file of this name, write ./{text}",
        )
    if colon and what == LABEL_ERRORS:
        if Path(rest).suffix.casefold() != ".csv":
            raise UsageError("suspected label errors are written as CSV", (text,), f"Write {LABEL_ERRORS}:FILE.csv")
        return Output(LABEL_ERRORS, place_of(rest))
    if colon and what == PAGE and rest:
        return Output(PAGE, place_of(rest))
    if Path(text).suffix.casefold() == ".html" and (not colon or what not in FORMATS):
        return Output(PAGE, place_of(text))
    if text.endswith(("/", os.sep)):
        return Output(FOLDER, place_of(text))
    return Output(*parse_target(text))


def report_output(text: str) -> tuple[str, Place]:
    """Read `FILE` or `FORMAT:FILE` where nothing but a comparison can be written; raises `UsageError`."""
    output = parse_output(text)
    if output.content == PAGE:
        from segeval.pictures.pagetext import require_jinja

        require_jinja()
    elif not output.is_report:
        raise UsageError(
            f"a comparison has no {output.content} of its own", (text,), "Write it of one run with 'segeval report'"
        )
    return output.content, output.path


def comparison_text(found: ComparisonReport, what: str, pictures: PicturedComparison | None, *, verbose: bool) -> str:
    """Return a comparison in a format, or as a page, which has `pictures`."""
    if what == PAGE:
        from segeval.api.comparedpictures import PicturedComparison

        return (pictures or PicturedComparison(())).page(found)
    from segeval.render.comparison import render_comparison

    return render_comparison(found, what, verbose=verbose)


def wanted_files(options: Mapping[str, Any], view: View) -> Iterator[tuple[ContentOf | str, Place]]:
    """Yield the files that the options ask for, each with what makes its content of a report; raises `UsageError`.

    A word stands for what is made of the images too.
    """
    for text in options["output"]:
        output = parse_output(text)
        if output.content == PAGE:
            from segeval.pictures.drawing import require_matplotlib
            from segeval.pictures.pagetext import require_jinja

            require_matplotlib()
            require_jinja()
            yield PAGE, output.path
        elif output.content == LABEL_ERRORS:
            yield LABEL_ERRORS, output.path
        elif output.content != FOLDER:
            yield _content(output, options["verbose"], view), output.path
    if options["curves"] is not None:
        yield _curves(options["curves"].suffix), options["curves"]
    if options["per_image"] is not None:
        yield _images(options["per_image"].suffix), options["per_image"]


def write_files(
    report: Report,
    pictures: Pictured | None,
    files: Sequence[tuple[ContentOf | str, OpenedOutput]],
    folders: Iterable[Place],
    overlays: Place | None,
) -> None:
    """Put every file in place once the content of all is made, then figures and overlays into their folders."""
    contents = [_made(content_of, report, pictures) for content_of, _ in files]
    for content, (_, file) in zip(contents, files, strict=True):
        file.commit(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    for folder in folders:
        write_figures(report, folder)
    if overlays is not None and pictures is not None:
        write_overlays(pictures, overlays)


def _made(content_of: ContentOf | str, report: Report, pictures: Pictured | None) -> str | bytes:
    if not isinstance(content_of, str):
        return content_of(report)
    assert pictures is not None, "what is made of images has them"
    return pictures.page(report) if content_of == PAGE else pictures.suspects_csv(report)


def figure_folders(options: Mapping[str, Any]) -> list[Place]:
    """Make the folders that take all figures, and return them; raises `UsageError` and `OutputError`."""
    outputs = map(parse_output, options["output"])
    folders = [output.path for output in outputs if output.content == FOLDER]
    if options["overlays"] is not None:
        made_folder(options["overlays"])
    if folders:
        from segeval.pictures.drawing import require_matplotlib

        require_matplotlib()
    for folder in folders:
        made_folder(folder)
    return folders


def made_folder(path: Place) -> Place:
    """Make a folder where there is none; raises `OutputError`."""
    if not isinstance(path, Path):
        from segeval.stores.files import check_writable  # for URLs

        check_writable(path)  # a store has files, and folders only in their names
        return path
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = (f"{path}: {error.strerror}",)
        raise OutputError("a folder cannot be made", told, "Check the folder that it is to lie in") from None
    return path


def write_figures(report: Report, folder: Place) -> None:
    """Write every figure of a report into a folder, as SVG."""
    from segeval.pictures.figures import figures_of, report_figure

    names = figures_of(report)
    if not names:
        what = "there is no figure of label masks whose pixels may be of several classes"
        raise UsageError(what, (f"{folder}",), "Leave the folder out, or score probability maps with --probs")
    for name in names:
        with opened_output(folder / f"{name}.svg") as file:
            file.commit(report_figure(report, name, "svg"))


def write_overlays(pictures: Pictured, folder: Place) -> None:
    """Write a picture of each of the worst images into a folder."""
    for name, content in pictures.overlays():
        with opened_output(folder / name) as file:
            file.commit(content)


def _content(output: Output, verbose: bool, view: View) -> ContentOf:
    if output.is_report:
        return partial(render, format_name=output.content, verbose=verbose, view=view)
    if output.path.suffix.casefold() in FIGURE_SUFFIXES:
        from segeval.pictures.drawing import require_matplotlib

        require_matplotlib()
        from segeval.pictures.figures import report_figure

        return partial(report_figure, name=output.content, kind=output.path.suffix.casefold()[1:])
    module, function = OTHERS[output.content][output.path.suffix.casefold()]
    content: ContentOf = getattr(import_module(module), function)
    return content


def _images(suffix: str) -> ContentOf:
    from segeval.render.images import images_csv, images_jsonl

    if suffix.casefold() not in (".csv", ".jsonl"):
        raise UsageError(
            "--per-image writes CSV or JSON Lines", (suffix or "no suffix",), "End the file's name in .csv or .jsonl"
        )
    return images_csv if suffix.casefold() == ".csv" else images_jsonl


def _curves(suffix: str) -> ContentOf:
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
