"""How figures are drawn by matplotlib: equal reports give equal bytes under equal versions of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from segeval.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
"""Lines, after Okabe and Ito 2008, which are told apart without red and green."""
DASHES = ("-", "--", "-.", ":")
SALT = "segeval"
UNDATED: Mapping[str, Mapping[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def require_matplotlib() -> None:
    """Raise `UsageError` where matplotlib is not installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError(
            "figures need matplotlib, which is not installed", (), "Install it: pip install 'segeval-masks[html]'"
        )


def drawn(draw_on: Callable[[Axes], None], *, size: float = 4.8) -> Figure:
    """Return a figure, `size` inches wide, with what is drawn on its axes, whatever the user's settings."""
    with usual_settings():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(size, size if size > 4.8 else 3.9), layout="constrained")
        draw_on(figure.add_subplot())
    return figure


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return a figure as "svg", "png" or "pdf", without date and name of a program."""
    written = io.BytesIO()
    with usual_settings():
        figure.savefig(written, format=kind, metadata=dict(UNDATED[kind]))
    return written.getvalue()


@contextmanager
def usual_settings() -> Iterator[None]:
    """Have matplotlib's own defaults, text without mathematics, and the same names within every SVG."""
    require_matplotlib()
    from matplotlib import style

    with style.context(["default", {"text.parse_math": False, "svg.hashsalt": SALT, "axes.grid": False}]):
        yield


def shown_name(name: str) -> str:
    """Return a name in the glyphs of the font that figures have."""
    from matplotlib import font_manager

    from segeval.pictures.text import figure_name

    glyphs = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    return figure_name(name, glyphs)
