"""Figures, overlays and the page of a report; each module is imported when it is asked for."""

FIGURES = ("confusion", "pr", "roc", "reliability", "losses")
"""What can be drawn of a report: the first of any, the others of probability maps."""
FIGURE_SUFFIXES = (".svg", ".png", ".pdf")
