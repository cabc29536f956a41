"""The losses of probability maps for reading: values with what they rest on, and which kind of pixel pays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from segeval.protocol.mapkinds import EIGHT_BIT, SIXTEEN_BIT
from segeval.protocol.settings import Probabilities
from segeval.render.report.wording import title
from segeval.render.syntax.numbers import UNDEFINED, bounds_of, count, loss, percent
from segeval.render.syntax.text import visible
from segeval.report.probabilities import MapScores, ProbabilityScores
from segeval.report.report import ClassScores, Report
from segeval.scores.curves import LossCell, Threshold
from segeval.scores.losses import Loss
from segeval.scores.registry import OF_MAPS, chosen

NATURAL = 1_000_000
"""Columns that tables are laid out in: they have their natural width, and no number is ever cut."""
WIDEST_NAME = 24
NARROWEST_NAME = 8
NO_BOUND = "†"


@dataclass(frozen=True, slots=True)
class Column:
    """Hold the title of a column of the table of classes, and how it writes one class."""

    title: str
    write: Callable[[ClassScores, MapScores], str]


def render_losses(report: Report, *, color: bool = False, width: int | None = None) -> str:
    """Return the losses with intervals, clamped pixels and parameters, the other scores of maps, and a table.

    The table is that of the four kinds of pixel for a binary map, and that of classes for several maps. `width` is the
    terminal's; `None` folds nothing. A report of label masks has no losses and gives "".
    """
    maps, chosen = report.probabilities, report.protocol.probabilities
    if maps is None or chosen is None:
        return ""
    console = Console(
        file=StringIO(),
        color_system="256" if color else None,
        force_terminal=color,
        force_jupyter=False,
        no_color=not color,
        legacy_windows=False,
        width=NATURAL,
        height=100,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        _print_losses(console, report, maps, width)
        for line in _parameters(maps, chosen):
            _say(console, line, width)
        _print_others(console, report, maps, width)
        if maps.cells is not None:
            _print_cells(console, report, maps, maps.cells, chosen.threshold, width)
            _say(console, _best_line(maps.per_map[0]), width)
        else:
            _print_classes(console, report, maps, chosen, width)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def eps_text(eps: float | str) -> str:
    """Tell an eps as a number and in words: "1/510 = 0.0019608, half an 8-bit step"."""
    if eps == "torch":
        return "torch, no logarithm below -100"
    for kind, article in ((EIGHT_BIT, "an"), (SIXTEEN_BIT, "a")):
        steps = 2 * kind.top
        if eps == 1 / steps:
            return f"1/{steps} = {loss(1 / steps)}, half {article} {kind.words} step"
    return f"{eps:g}"


def _excess(console: Console, table: Table, width: int | None) -> int:
    return 0 if width is None else console.measure(table).maximum - width


def _say(console: Console, line: str, width: int | None) -> None:
    text = Text(line)
    if width is None:
        console.print(Text.assemble(" ", text), soft_wrap=True)
    else:
        console.print(Padding(text, (0, 1)), width=width)


def _table(first: str, columns: Sequence[str], justify: str = "right") -> Table:
    table = Table(box=box.ROUNDED, header_style="bold", border_style="dim")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # rich names a Literal
    return table


def _print_losses(console: Console, report: Report, maps: ProbabilityScores, width: int | None) -> None:
    """Print a row a loss; a terminal that is too narrow for all columns goes without the last."""
    defined = [entry for entry in maps.losses.values() if entry.value is not None]
    with_interval = all(entry.low is not None for entry in defined)
    columns: dict[str, Callable[[Loss], str]] = {"for p known to\nhalf a step": _interval} if with_interval else {}
    columns["clamped\nby eps"] = _clamped
    while columns and _excess(console, _losses(report, maps, columns), width) > 0:
        columns.popitem()
    console.print(_losses(report, maps, columns))
    if with_interval and any(entry.unbounded for entry in defined):
        _say(console, f"{NO_BOUND} no bound: p can have been 0, whose logarithm is taken as -100", width)


def _losses(report: Report, maps: ProbabilityScores, columns: Mapping[str, Callable[[Loss], str]]) -> Table:
    table = _table(f"loss of {maps.maps.count} maps" if maps.maps.count > 1 else "loss", ["value", *columns])
    for name, entry in maps.losses.items():
        value = Text(loss(entry.value, bounds_of(report, name)), "bold")
        table.add_row(title(name), value, *(write(entry) for write in columns.values()))
    return table


def _interval(entry: Loss) -> str:
    if entry.value is None or entry.low is None or entry.high is None:
        return UNDEFINED
    return f"[{loss(entry.low)}, {loss(entry.high)}]{NO_BOUND if entry.unbounded else ''}"


def _clamped(entry: Loss) -> str:
    return f"{count(entry.clamped)} ({_share(entry.clamped_share)})"


def _share(value: float | None) -> str:
    """Write a share in percent, never something as nothing."""
    text = percent(value)
    return text if value is None else f"{'<0.01' if value and text == '0.00' else text} %"


def _parameters(maps: ProbabilityScores, chosen: Probabilities) -> Sequence[str]:
    several = maps.maps.count > 1
    stored = maps.maps.kind.words
    what = f"{maps.maps.count} {stored} maps an image" if several else f"one {stored} map an image"
    lines = [f"{what}; eps {eps_text(maps.eps)}", f"BCE: pos_weight {_weight_text(maps, chosen)}"]
    lines.append(f"focal: gamma {chosen.gamma:g}, alpha {_alpha_text(maps, chosen)}")
    if several:
        over = maps.losses["bce"].classes
        lines[1] += f"; one class against the rest, mean over {over} of {len(maps.per_map)} classes"
        lines.append(f"cross-entropy: class weights {_class_weights_text(maps, chosen)}")
    return lines


def _weight_text(maps: ProbabilityScores, chosen: Probabilities) -> str:
    if chosen.pos_weight != "auto":
        return f"{chosen.pos_weight:g}"
    if maps.maps.count > 1:
        return "auto, N_neg / N_pos of each class"
    return f"{loss(maps.per_map[0].pos_weight)} (auto, N_neg / N_pos)"


def _alpha_text(maps: ProbabilityScores, chosen: Probabilities) -> str:
    if chosen.alpha is None:
        return "none"
    if chosen.alpha != "auto":
        return f"{chosen.alpha:g} (negatives {1 - float(chosen.alpha):g})"
    if maps.maps.count > 1:
        return "auto, N_neg / (N_neg + N_pos) of each class"
    value = maps.per_map[0].alpha
    return f"{loss(None if value is None else float(value))} (auto, N_neg / (N_neg + N_pos))"


def _class_weights_text(maps: ProbabilityScores, chosen: Probabilities) -> str:
    if maps.class_weights is None:
        return "none, every pixel counts alike"
    return "auto, by inverse frequency" if chosen.class_weights == "auto" else "as given"


def _print_others(console: Console, report: Report, maps: ProbabilityScores, width: int | None) -> None:
    """Print the scores that are no losses side by side, as many as the terminal has room for."""
    names = [name for name in chosen(OF_MAPS, maps.scores) if name not in maps.losses]
    while names:
        across = len(names)
        while across > 1 and _excess(console, _others(report, maps, names[:across]), width) > 0:
            across -= 1
        console.print(_others(report, maps, names[:across]))
        names = names[across:]


def _others(report: Report, maps: ProbabilityScores, names: Sequence[str]) -> Table:
    table = Table(box=box.ROUNDED, header_style="dim", border_style="dim")
    for name in names:
        table.add_column(title(name), justify="center", no_wrap=True)
    table.add_row(*(Text(loss(maps.scores[name], bounds_of(report, name)), "bold") for name in names))
    return table


def _print_cells(
    console: Console,
    report: Report,
    maps: ProbabilityScores,
    cells: tuple[tuple[LossCell, LossCell], tuple[LossCell, LossCell]],
    threshold: float,
    width: int | None,
) -> None:
    """Print pixels and mean losses by true and predicted class, each with its share of the whole."""
    described = {entry.class_index for entry in maps.per_map}
    names = _two_names(report, described)
    everything = sum(cell.pixels for row in cells for cell in row)
    positive = _cut(names[1], WIDEST_NAME)
    levels = ", from 16-bit levels" if maps.maps.kind.levels is None else ""
    console.print()
    _say(console, f"who pays: mean loss and share of it{levels}; predicted {positive} is p > {threshold:g}", width)
    tables = [_four(names, cells, everything, room) for room in (WIDEST_NAME, 16, 12, NARROWEST_NAME)]
    console.print(next((table for table in tables if _excess(console, table, width) <= 0), tables[-1]))
    flat = [cell for row in cells for cell in row]
    for loss_name, share in (("BCE", "bce_share"), ("focal", "focal_share")):
        known = [cell for cell in flat if getattr(cell, share) is not None]
        if known:
            most = max(known, key=lambda cell: float(getattr(cell, share)))
            gt, pred = (_cut(names[index], WIDEST_NAME) for index in (most.gt, most.pred))
            pixels = _share(most.pixels / everything)
            paid = _share(getattr(most, share))
            _say(console, f"{loss_name}: {paid} is paid by {pixels} of the pixels, {gt} predicted as {pred}", width)


def _four(
    names: tuple[str, str],
    cells: tuple[tuple[LossCell, LossCell], tuple[LossCell, LossCell]],
    everything: int,
    room: int,
) -> Table:
    shown = [_cut(name, room) for name in names]
    table = _table("\ntrue", [f"predicted\n{name}" for name in shown], "left")
    for name, row in zip(shown, cells, strict=True):
        table.add_row(Text(f"\n{name}"), *(_cell(cell, everything) for cell in row))
        table.add_section()
    return table


def _two_names(report: Report, described: set[int]) -> tuple[str, str]:
    """Return the names of the negative and of the positive class; one may be ignored, and then has none."""
    positive = [visible(entry.name) for index, entry in enumerate(report.classes) if index in described]
    negative = [visible(entry.name) for index, entry in enumerate(report.classes) if index not in described]
    return (negative or ["negative"])[0], (positive or ["positive"])[0]


def _cell(cell: LossCell, everything: int) -> Text:
    rows = [
        ("pixels", count(cell.pixels), _share(cell.pixels / everything if everything else None)),
        ("BCE", loss(cell.bce), _share(cell.bce_share)),
        ("focal", loss(cell.focal), _share(cell.focal_share)),
    ]
    widest = max(len(value) for _, value, _ in rows)
    return Text("\n".join(f"{name:<6} {value:>{widest}} {share:>8}" for name, value, share in rows))


def _best_line(entry: MapScores) -> str:
    parts = [
        f"{name} {percent(best.value)} % at p > {best.threshold:.4g}"
        for name, best in (("IoU", entry.best_iou), ("F1", entry.best_f1))
        if best is not None
    ]
    return f"best {', '.join(parts)}, chosen on this data" if parts else f"best threshold {UNDEFINED}: no positives"


def _cut(name: str, cells: int) -> str:
    text = Text(name)
    text.truncate(cells, overflow="ellipsis")
    return text.plain


def _print_classes(
    console: Console, report: Report, maps: ProbabilityScores, chosen: Probabilities, width: int | None
) -> None:
    """Print one row a class, in as many tables as its columns need."""
    columns = _columns(report, maps, chosen)
    longest = max((cell_len(visible(report.classes[entry.class_index].name)) for entry in maps.per_map), default=0)
    rest = list(columns)
    while rest:
        taken = len(rest)
        room = min(longest, NARROWEST_NAME)
        while taken > 1 and _excess(console, _classes(report, maps, rest[:taken], room), width) > 0:
            taken -= 1
        room = min(longest, WIDEST_NAME) if width is not None else longest
        excess = _excess(console, _classes(report, maps, rest[:taken], room), width)
        console.print(_classes(report, maps, rest[:taken], max(1, room - max(0, excess))))
        rest = rest[taken:]
    _say(console, "best IoU and F1: threshold in brackets, chosen on this data", width)


def _classes(report: Report, maps: ProbabilityScores, columns: Sequence[Column], room: int) -> Table:
    table = _table("class", [column.title for column in columns])
    for entry in maps.per_map:
        scores = report.classes[entry.class_index]
        name = _cut(visible(scores.name), room)
        table.add_row(Text(name + " " * (room - cell_len(name))), *(column.write(scores, entry) for column in columns))
    return table


def _columns(report: Report, maps: ProbabilityScores, chosen: Probabilities) -> Sequence[Column]:
    def of_score(name: str) -> Column:
        return Column(title(name), lambda scores, entry: loss(entry.scores[name], bounds_of(report, name, scores)))

    columns = [of_score(name) for name in ("bce", "focal", "average_precision", "auroc", "ece")]
    if chosen.pos_weight == "auto":
        columns.append(Column("pos_weight", lambda _, entry: loss(entry.pos_weight)))
    if chosen.alpha == "auto":
        columns.append(Column("alpha", lambda _, entry: loss(None if entry.alpha is None else float(entry.alpha))))
    if maps.class_weights is not None:
        weights: Mapping[int, float] = dict(
            zip((entry.class_index for entry in maps.per_map), maps.class_weights, strict=True)
        )
        columns.append(Column("weight", lambda _, entry: loss(weights[entry.class_index])))
    columns += [of_score(name) for name in ("brier", "mae")]
    return [
        *columns,
        Column("best IoU % (p >)", lambda _, entry: _best_cell(entry.best_iou)),
        Column("best F1 % (p >)", lambda _, entry: _best_cell(entry.best_f1)),
    ]


def _best_cell(best: Threshold | None) -> str:
    return UNDEFINED if best is None else f"{percent(best.value)} ({best.threshold:.4g})"
