"""The groups in which `segeval VERB --help` shows options; read for help and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import click

from segeval.cli.names import long_name

OWN = "Options"
"""The group of what only one verb has."""
REFERENCE = "score"
"""The verb whose help explains what verbs share."""
FEWEST = 4
"""Options from which on a group is named, and not explained again."""
WIDEST_TERM = 30
GAP = 2

GROUPS: Mapping[str, Sequence[str]] = {
    "Labels": (
        "preset",
        "dataset",
        "classes",
        "ignore",
        "map",
        "gt-map",
        "pred-map",
        "binary",
        "gt-threshold",
        "pred-threshold",
        "palette",
        "palette-tolerance",
        "gt-channel",
        "pred-channel",
        "gt-segments",
        "pred-segments",
        "class-axis",
        "cast-labels",
        "multilabel",
        "bits",
        "stack",
        "per-slice",
        "resize-pred",
    ),
    "Convention": (
        "convention",
        "absent",
        "pred-only",
        "pred-void",
        "unknown",
        "gt-unknown",
        "ignored-class",
        "average",
        "mean-over",
    ),
    "Folders": (
        "gt-suffix",
        "pred-suffix",
        "gt-prefix",
        "pred-prefix",
        "key-regex",
        "name-map",
        "keys",
        "roi",
        "missing",
        "shard",
        "max-pixels",
        "jobs",
        "engine",
        "read-timeout",
    ),
    "Contours": ("boundary", "distances", "tolerance", "spacing", "lesions", "connectivity", "lesion-overlap"),
    "Probability maps": (
        "probs",
        "logits",
        "threshold",
        "gamma",
        "alpha",
        "pos-weight",
        "class-weights",
        "loss-reduction",
        "beta2",
        "eps",
        "plot",
        "curves",
    ),
    "Statistics": ("ci", "resamples", "seed", "ci-method", "group-by", "per-image", "worst", "gain"),
    "Pictures": ("overlays", "images", "label-errors", "label-error-p", "pred", "gt"),
    "Slices": ("by", "slices", "slice-regex"),
    "Output": (
        "format",
        "output",
        "only",
        "details",
        "confusion",
        "sort",
        "digits",
        "save",
        "resume",
        "journal",
        "color",
    ),
    "Gates": ("fail-under", "fail-over", "fail-regression", "strict", "allow"),
    "Configuration": ("config", "no-config", "quiet", "verbose", "help"),
}
"""Every group with its options, by long name, in the order of the help."""

Record = tuple[str, str]


def write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a command's options in groups; a group that is wholly the reference's is named there and not explained."""
    groups = _groups(command, context)
    shared = _reference(command, context)
    named = {
        title: records
        for title, records in groups.items()
        if len(records) >= FEWEST and title in shared and {*records} <= {*shared[title]}
    }
    for title, records in groups.items():
        if title not in named:
            with formatter.section(title):
                _write(records, formatter)
    if named:
        with formatter.section(f"As in 'segeval {REFERENCE} --help'"):
            _write([(title, ", ".join(map(_names, records))) for title, records in named.items()], formatter)


def group_of(option: click.Option) -> str:
    """Return the group of an option."""
    name = long_name(option)
    return next((title for title, names in GROUPS.items() if name in names), OWN)


def _groups(command: click.Command, context: click.Context) -> dict[str, list[Record]]:
    """Return what the help says of each option, by group; within one, options stand as the table has them."""
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    found: dict[str, list[Record]] = {OWN: []}
    found[OWN] += [_record(option, context) for option in options if group_of(option) == OWN]
    by_name = {long_name(option): option for option in options}
    for title, names in GROUPS.items():
        found[title] = [_record(by_name[name], context) for name in names if name in by_name]
    return {title: records for title, records in found.items() if records}


def _record(option: click.Option, context: click.Context) -> Record:
    term, text = option.get_help_record(context) or ("", "")
    return term, " ".join(text.split())


def _reference(command: click.Command, context: click.Context) -> Mapping[str, Sequence[Record]]:
    group = context.find_root().command
    verb = group.get_command(context, REFERENCE) if isinstance(group, click.Group) else None
    if verb is None or verb.name == command.name:
        return {}
    return _groups(verb, click.Context(verb, info_name=REFERENCE, parent=context.parent))


def _names(record: Record) -> str:
    return "/".join(word.rstrip(",") for word in record[0].split() if word.startswith("-"))


def _write(records: Sequence[Record], formatter: click.HelpFormatter) -> None:
    """Write terms and texts in two columns; click by itself breaks lines within options, at their hyphens."""
    widest = min(max(len(term) for term, _ in records), WIDEST_TERM)
    room = formatter.width - formatter.current_indent - widest - GAP
    wrapped = [(term, "\b\n" + fill(text, room, break_on_hyphens=False)) for term, text in records]
    formatter.write_dl(wrapped, col_max=WIDEST_TERM, col_spacing=GAP)
