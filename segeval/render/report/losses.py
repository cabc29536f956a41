"""The losses of probability maps for reading: values with what they rest on, and which pixels they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from segeval.errors import printable
from segeval.protocol.mapkinds import EIGHT_BIT, SIXTEEN_BIT
from segeval.protocol.settings import Probabilities
from segeval.records import dataclass
from segeval.render.report.wording import UNDEFINED, View, bounds_of, count, heading, loss, percent, title
from segeval.render.syntax.page import BOX, Page, cut, names_and_numbers, side_by_side
from segeval.report.mapscores import MapScores, ProbabilityScores
from segeval.report.report import ClassScores, Report
from segeval.scores.curves import LossCell, Threshold
from segeval.scores.losses import Loss
from segeval.scores.ranking import Interval
from segeval.scores.registry import OF_MAPS, chosen

WIDEST_NAME = 24
NARROWEST_NAME = 8
NO_BOUND = "†"
MORE = "clamped pixels, parameters and the scores of each map: --details"

REDUCED = {
    "pixels": "divided by the valid pixels",
    "all-pixels": "divided by all pixels, void included",
    "weights": "divided by the class weights of the valid pixels, where they are cross-entropy",
    "images": "means of the images' own",
}
"""What each reduction makes of a loss, in words."""

Cells = tuple[tuple[LossCell, LossCell], tuple[LossCell, LossCell]]


@dataclass(frozen=True, slots=True)
class Column:
    """Hold the title of a column of the table of classes, and how it writes one class."""

    title: str
    write: Callable[[ClassScores, MapScores], str]


@dataclass(frozen=True, slots=True)
class LossBlock:
    """Hold what the block is written from: the report, its scores of maps, their settings, and how it is shown."""

    report: Report
    maps: ProbabilityScores
    settings: Probabilities
    view: View


def print_losses(page: Page, report: Report, view: View) -> None:
    """Print the losses with their bounds, what they rest on, and the other scores of maps.

    With details, clamped pixels and every parameter follow, and a table: of the four kinds of pixel for a binary map,
    of classes for several maps. A report of label masks has no losses and prints nothing.
    """
    if report.probabilities is None or report.protocol.probabilities is None:
        return
    block = LossBlock(report, report.probabilities, report.protocol.probabilities, view)
    _print_losses(page, block)
    parameters = _parameters(block)
    for line in parameters if view.details else parameters[:1]:
        page.say(line)
    _print_others(page, block)
    if not view.details:
        if block.maps.cells is not None:
            page.say(_best_line(block))
        page.say(Text(MORE, "dim"))
    elif block.maps.cells is not None:
        _print_cells(page, block, block.maps.cells)
        page.say(_best_line(block))
    else:
        _print_classes(page, block)


def eps_text(eps: float | str) -> str:
    """Tell an eps as a number and in words: "1/510 = 0.0019608, half an 8-bit step"."""
    if eps == "torch":
        return "torch, no logarithm below -100"
    for kind, article in ((EIGHT_BIT, "an"), (SIXTEEN_BIT, "a")):
        steps = 2 * kind.top
        if eps == 1 / steps:
            return f"1/{steps} = {loss(1 / steps)}, half {article} {kind.words} step"
    return f"{eps:g}"


def _print_losses(page: Page, block: LossBlock) -> None:
    """Print a row a loss; a terminal that is too narrow for all columns goes without the last."""
    defined = [entry for entry in block.maps.losses.values() if entry.value is not None]
    with_bounds = all(entry.low is not None for entry in defined)
    columns: dict[str, Callable[[Loss], str]] = {}
    if with_bounds:
        between = "\n" if block.view.details else " "
        columns[f"bounds from{between}{block.maps.maps.kind.words} rounding"] = partial(_bounds, block.view)
    if block.view.details:
        columns["clamped\nby eps"] = _clamped
    while columns and not page.fits(_losses(block, columns)):
        columns.popitem()
    page.show_whole(_losses(block, columns))
    if with_bounds and any(entry.unbounded for entry in defined):
        page.say(f"{NO_BOUND} no upper bound: p may be 0, whose logarithm is taken as -100")


def _losses(block: LossBlock, columns: Mapping[str, Callable[[Loss], str]]) -> Table:
    maps = block.maps.maps.count
    table = names_and_numbers(f"loss of {maps} maps" if maps > 1 else "loss", ["nats", *columns])
    for name, entry in block.maps.losses.items():
        value = Text(block.view.loss(entry.value, bounds_of(block.report, name)), "bold")
        table.add_row(title(name), value, *(write(entry) for write in columns.values()))
    return table


def _bounds(view: View, entry: Loss) -> str:
    if entry.value is None or entry.low is None or entry.high is None:
        return UNDEFINED
    return f"[{view.loss(entry.low)}, {view.loss(entry.high)}]{NO_BOUND if entry.unbounded else ''}"


def _clamped(entry: Loss) -> str:
    return f"{count(entry.clamped)} ({_share(entry.clamped_share)})"


def _share(value: float | None) -> str:
    """Write a share in percent, never something as nothing."""
    text = percent(value)
    return text if value is None else f"{'<0.01' if value and text == '0.00' else text} %"


def _parameters(block: LossBlock) -> Sequence[str]:
    maps, settings = block.maps, block.settings
    several = maps.maps.count > 1
    stored = maps.maps.kind.words
    what = f"{maps.maps.count} {stored} maps an image" if several else f"one {stored} map an image"
    lines = [f"{what}; eps {eps_text(maps.eps)}", f"BCE: pos_weight {_weight_text(block)}"]
    lines.append(f"focal: gamma {settings.gamma:g}, alpha {_alpha_text(block)}")
    if several:
        over = maps.losses["bce"].classes
        lines[1] += f"; one class against the rest, mean over {over} of {len(maps.per_map)} classes"
        lines.append(f"cross-entropy: class weights {_class_weights_text(block)}")
    if settings.loss_reduction is not None:
        lines.append(f"losses are {REDUCED[settings.loss_reduction]}{_skipped(maps)}")
    return lines


def _skipped(maps: ProbabilityScores) -> str:
    skipped = maps.skipped_images
    return f"; {count(skipped)} without valid pixels left out" if skipped else ""


def _weight_text(block: LossBlock) -> str:
    if block.settings.pos_weight != "auto":
        return f"{block.settings.pos_weight:g}"
    if block.maps.maps.count > 1:
        return "auto, N_neg / N_pos of each class"
    return f"{loss(block.maps.per_map[0].pos_weight)} (auto, N_neg / N_pos)"


def _alpha_text(block: LossBlock) -> str:
    alpha = block.settings.alpha
    if alpha is None:
        return "none"
    if isinstance(alpha, tuple):
        return "of each class as given"
    if alpha != "auto":
        return f"{alpha:g} (negatives {1 - float(alpha):g})"
    if block.maps.maps.count > 1:
        return "auto, N_neg / (N_neg + N_pos) of each class"
    value = block.maps.per_map[0].alpha
    return f"{loss(None if value is None else float(value))} (auto, N_neg / (N_neg + N_pos))"


def _class_weights_text(block: LossBlock) -> str:
    if block.maps.class_weights is None:
        return "none, every pixel has weight 1"
    return "auto, by inverse frequency" if block.settings.class_weights == "auto" else "as given"


def _print_others(page: Page, block: LossBlock) -> None:
    """Print the scores that are no losses side by side, as many as the terminal has room for."""
    names = [name for name in chosen(OF_MAPS, block.maps.scores) if name not in block.maps.losses]
    while names:
        across = len(names)
        while across > 1 and not page.fits(_others(block, names[:across])):
            across -= 1
        page.show_whole(_others(block, names[:across]))
        names = names[across:]
    if open_scores := [name for name, bounds in block.maps.ranking.items() if loss(bounds.low) != loss(bounds.high)]:
        told = (f"{title(name)} in [{_ends(block.maps.ranking[name])}]" for name in open_scores)
        page.say(f"{', '.join(told)}: some p are too close to keep their order")


def _ends(bounds: Interval) -> str:
    return f"{loss(bounds.low)}, {loss(bounds.high)}"


def _others(block: LossBlock, names: Sequence[str]) -> Table:
    table = side_by_side(map(title, names))
    values = (block.view.loss(block.maps.scores[name], bounds_of(block.report, name)) for name in names)
    table.add_row(*(Text(value, "bold") for value in values))
    return table


def _print_cells(page: Page, block: LossBlock, cells: Cells) -> None:
    """Print pixels and mean losses by true and predicted class, each with its share of the whole."""
    names = _two_names(block)
    flat = [cell for row in cells for cell in row]
    everything = sum(cell.pixels for cell in flat)
    positive = cut(names[1], WIDEST_NAME)
    levels = ", from levels of p" if block.maps.maps.kind.levels is None else ""
    page.say("")
    predicted = f"predicted {positive} is p > {block.settings.threshold:g}"
    page.say(f"loss by outcome: mean and share of the total{levels}; {predicted}")
    tables = [_four(names, cells, everything, room) for room in (WIDEST_NAME, 16, 12, NARROWEST_NAME)]
    page.show_whole(next(filter(page.fits, tables), tables[-1]))
    for loss_name, share in (("BCE", "bce_share"), ("focal", "focal_share")):
        known = [cell for cell in flat if getattr(cell, share) is not None]
        if known:
            most = max(known, key=lambda cell: float(getattr(cell, share)))
            gt, pred = (cut(names[index], WIDEST_NAME) for index in (most.gt, most.pred))
            pixels = _share(most.pixels / everything)
            of_loss = _share(getattr(most, share))
            page.say(f"{loss_name}: {of_loss} comes from {pixels} of the pixels, {gt} predicted as {pred}")


def _four(
    names: tuple[str, str],
    cells: Cells,
    everything: int,
    room: int,
) -> Table:
    shown = [cut(name, room) for name in names]
    table = Table(box=BOX, header_style="bold", border_style="dim")
    for column in ("\ntrue", *(f"predicted\n{name}" for name in shown)):
        table.add_column(column, no_wrap=True)
    for name, row in zip(shown, cells, strict=True):
        table.add_row(Text(f"\n{name}"), *(_cell(cell, everything) for cell in row))
        table.add_section()
    return table


def _two_names(block: LossBlock) -> tuple[str, str]:
    """Return the names of the negative and of the positive class; one may be ignored, and then has none."""
    described = {entry.class_index for entry in block.maps.per_map}
    named = [(index in described, printable(entry.name)) for index, entry in enumerate(block.report.classes)]
    positive = [name for is_positive, name in named if is_positive]
    negative = [name for is_positive, name in named if not is_positive]
    return (negative or ["negative"])[0], (positive or ["positive"])[0]


def _cell(cell: LossCell, everything: int) -> Text:
    rows = [
        ("pixels", count(cell.pixels), _share(cell.pixels / everything if everything else None)),
        ("BCE", loss(cell.bce), _share(cell.bce_share)),
        ("focal", loss(cell.focal), _share(cell.focal_share)),
    ]
    widest = max(len(value) for _, value, _ in rows)
    return Text("\n".join(f"{name:<6} {value:>{widest}} {share:>8}" for name, value, share in rows))


def _best_line(block: LossBlock) -> str:
    entry = block.maps.per_map[0]
    parts = [
        f"{name} {block.view.percent(best.value)} % at p > {best.threshold:.4g}"
        for name, best in (("IoU", entry.best_iou), ("F1", entry.best_f1))
        if best is not None
    ]
    return f"best {', '.join(parts)}, chosen on this data" if parts else f"best threshold {UNDEFINED}: no positives"


def _print_classes(page: Page, block: LossBlock) -> None:
    """Print one row a class, in as many tables as its columns need."""
    names = [block.report.classes[entry.class_index].name for entry in block.maps.per_map]
    longest = max((cell_len(printable(name)) for name in names), default=0)
    for columns in _columns(block):
        _print_columns(page, block, columns, longest)
    page.say("best IoU and F1: threshold in brackets, chosen on this data")


def _print_columns(page: Page, block: LossBlock, rest: Sequence[Column], longest: int) -> None:
    while rest:
        taken = len(rest)
        room = min(longest, NARROWEST_NAME)
        while taken > 1 and not page.fits(_classes(block, rest[:taken], room)):
            taken -= 1
        room = min(longest, WIDEST_NAME) if page.width is not None else longest
        excess = page.excess(_classes(block, rest[:taken], room))
        page.show_whole(_classes(block, rest[:taken], max(1, room - max(0, excess))))
        rest = rest[taken:]


def _classes(block: LossBlock, columns: Sequence[Column], room: int) -> Table:
    table = names_and_numbers("class", [column.title for column in columns])
    by_class = {entry.class_index: entry for entry in block.maps.per_map}
    for entry in (by_class[index] for index in block.view.ranked(block.report) if index in by_class):
        scores = block.report.classes[entry.class_index]
        name = cut(printable(scores.name), room)
        table.add_row(Text(name + " " * (room - cell_len(name))), *(column.write(scores, entry) for column in columns))
    return table


def _columns(block: LossBlock) -> tuple[Sequence[Column], Sequence[Column]]:
    """Return the columns of plain numbers, and those in percent: a table holds either."""

    def of_score(name: str) -> Column:
        return Column(
            heading(name),
            lambda scores, entry: block.view.loss(entry.scores[name], bounds_of(block.report, name, scores)),
        )

    maps, settings = block.maps, block.settings
    columns = [of_score(name) for name in ("bce", "focal", "average_precision", "auroc", "ece")]
    if settings.pos_weight == "auto":
        columns.append(Column("pos_weight", lambda _, entry: loss(entry.pos_weight)))
    if settings.alpha == "auto" or isinstance(settings.alpha, tuple):
        columns.append(Column("alpha", lambda _, entry: loss(None if entry.alpha is None else float(entry.alpha))))
    if maps.class_weights is not None:
        weights: Mapping[int, float] = dict(
            zip((entry.class_index for entry in maps.per_map), maps.class_weights, strict=True)
        )
        columns.append(Column("weight", lambda _, entry: loss(weights[entry.class_index])))
    columns += [of_score(name) for name in ("brier", "mae")]
    return columns, (
        Column("best IoU % (p >)", lambda _, entry: _best_cell(block.view, entry.best_iou)),
        Column("best F1 % (p >)", lambda _, entry: _best_cell(block.view, entry.best_f1)),
    )


def _best_cell(view: View, best: Threshold | None) -> str:
    return UNDEFINED if best is None else f"{view.percent(best.value)} ({best.threshold:.4g})"
