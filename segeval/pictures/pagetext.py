"""The page: one HTML file that reaches nothing outside itself, from plain values."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
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
    """Hold one picture: "photo", "gt", "pred" or "errors", what it shows, and its bytes as a data URL."""

    kind: str
    told: str
    data: str


@dataclass(frozen=True, slots=True)
class Shot:
    """Hold one image of the gallery; `pairs` are the cells of the heat map that it has mistakes of."""

    key: str
    told: str
    miou: float
    gain: float
    pairs: str
    width: int
    height: int
    layers: Sequence[Layer]

    @property
    def size(self) -> int:
        """Return the characters that the pictures take."""
        return sum(len(layer.data) for layer in self.layers)


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
    tables: Sequence[Table] = ()
    heat: Heat | None = None
    shots: Sequence[Shot] = ()
    gallery_note: str = ""
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
