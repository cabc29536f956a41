"""The page: one HTML file that reaches nothing outside itself, from plain values."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources

from segeval.errors import UsageError, printable
from segeval.records import dataclass

LONGEST = 100
"""Characters of a name, and of a line in a cell."""
LONGEST_LINE = 3000
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'"


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one cell of a table: its text, what it is sorted by, and for a bar its length in percent."""

    text: str
    value: float | str = ""
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Hold one table; `names` are the columns that hold names, and are left-aligned."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    names: Sequence[int] = (0,)
    sortable: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """Hold one score: what it is called, its value, and what stands below, such as its interval."""

    name: str
    value: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Hold one cell of the heat map: `pair` is "row-column" by position of the classes."""

    pair: str
    text: str
    told: str
    paper: str
    ink: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """Hold one class of the ground truth."""

    name: str
    cells: Sequence[HeatCell]


@dataclass(frozen=True, slots=True)
class Heat:
    """Hold the heat map of the confusion matrix."""

    names: Sequence[str]
    rows: Sequence[HeatRow]
    note: str


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one picture: "photo", "gt", "pred" or "errors", a word for it, what it shows, and its bytes as a URL."""

    kind: str
    word: str
    told: str
    data: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold the pictures that lie over each other; those after the first of an image share its photo and ground truth.

    `name` tells the stages of an image apart, "" where there is one.
    """

    name: str
    layers: Sequence[Layer]


@dataclass(frozen=True, slots=True)
class Shot:
    """Hold one image of a gallery, of `width` x `height` pixels as it is shown, with the lines that tell of it.

    `ranks` are numbers by the name of an order, the least first; `pairs` are the cells of the heat map that it has
    mistakes of; `wrong` are the wrong pixels of each class that it has, by position.
    """

    key: str
    told: Sequence[str]
    ranks: Mapping[str, float]
    pairs: str
    wrong: Mapping[int, int]
    width: int
    height: int
    stages: Sequence[Stage]

    @property
    def size(self) -> int:
        """Return the characters that the pictures take."""
        return sum(len(layer.data) for stage in self.stages for layer in stage.layers)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Hold images to look at; `orders` are (name of a rank or "key", what it is called), that of `shots` first.

    `legend` has (name, colour) of each class; `view` is what is seen first: "errors" over the image, or "all" pictures
    side by side; `by_class` says what the orders by the errors of a class are.
    """

    title: str
    note: str
    shots: Sequence[Shot]
    orders: Sequence[tuple[str, str]]
    legend: Sequence[tuple[str, str]]
    view: str = "errors"
    by_class: str = ""

    @property
    def met(self) -> Sequence[int]:
        """Return the positions of the classes that images can be ordered by: those that any of them has."""
        return sorted({place for shot in self.shots for place in shot.wrong})

    @property
    def compares(self) -> bool:
        """Tell whether images have several stages."""
        return any(len(shot.stages) > 1 for shot in self.shots)

    @property
    def size(self) -> int:
        """Return the characters that the pictures take."""
        return sum(shot.size for shot in self.shots)


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one figure as a data URL."""

    told: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Hold all that a page shows, as text and numbers."""

    title: str
    told: Sequence[str]
    signature: str
    gates: Sequence[tuple[bool, str]] = ()
    warnings: Sequence[str] = ()
    tiles: Sequence[Tile] = ()
    tables: Sequence[Table] = ()
    heat: Heat | None = None
    galleries: Sequence[Gallery] = ()
    figures: Sequence[Figure] = ()


def require_jinja() -> None:
    """Raise `UsageError` where Jinja is not installed."""
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        raise UsageError(
            "the page needs Jinja, which is not installed", (), "Install it: pip install 'segeval-masks[html]'"
        )


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text without acting characters, cut to so many."""
    told = printable(text)
    return told if len(told) <= longest else f"{told[: longest - 1]}…"


def data_url(kind: str, data: bytes) -> str:
    """Return bytes as a URL that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def page_text(page: Page) -> str:
    """Return the page as HTML; every text is escaped, and the policy allows its own script and nothing else."""
    require_jinja()
    import jinja2
    from markupsafe import Markup

    files = resources.files("segeval.pictures").joinpath("page")
    script, css, text = (files.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("js", "css", "html"))
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(text)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return template.render(
        policy=POLICY.format(digest),
        css=Markup(css),
        script=Markup(script),
        **{name: getattr(page, name) for name in Page.__slots__},
    )
