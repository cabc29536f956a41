"""The options of what is measured along contours: bands, distances, lesions."""

from __future__ import annotations

import click

from segeval.cli.options import stacked
from segeval.cli.parameters import completed
from segeval.protocol.distances import DEFINITIONS

surface_options = stacked(
    click.option(
        "--distances",
        type=click.Choice(tuple(DEFINITIONS)),
        help="Measure HD, HD95, ASSD and NSD by this program's definition. [default: no]",
    ),
    click.option("--tolerance", type=float, metavar="T", help="NSD: distance up to which surfaces agree. [default: 1]"),
    click.option(
        "--spacing",
        metavar="[Z,]Y,X",
        help="Distances: height and width of a pixel, of volumes slices first. [default: the file's, else 1]",
    ),
)
boundary_options = stacked(
    click.option(
        "--boundary",
        metavar="WIDTHS",
        help="Score contours too, at widths of their authors, in pixels, or as a share of the diagonal: authors,3,2%. "
        "[default: no]",
    ),
    surface_options,
    click.option(
        "--lesions",
        metavar="DEFINITION",
        shell_complete=completed("lesions"),
        help="Score lesion by lesion: detection, or brats2023-gli, -ssa, -men, -ped, -met. [default: no]",
    ),
    click.option("--connectivity", type=int, metavar="N", help="Lesions: 4, 8; 6, 18, 26 neighbours. [default: all]"),
    click.option(
        "--lesion-overlap",
        metavar="CRITERION=VALUE",
        help="Lesions: overlap from which they match, as iou=0.5 or dice=0.3. [default: iou=0.5]",
    ),
)
