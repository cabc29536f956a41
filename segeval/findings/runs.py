"""Every check of a whole run: what `score`, `report`, `explain`, `compare` and `inspect` find in the same counts."""

from __future__ import annotations

from collections.abc import Iterator

from segeval.errors import Finding, SegevalError
from segeval.findings.classfolders import class_folders
from segeval.findings.ignoring import ignored_classes
from segeval.findings.palettes import gray_palettes
from segeval.findings.readings import reading_findings
from segeval.findings.swapping import swapped_values
from segeval.findings.twovalued import two_valued
from segeval.findings.values import Values, shown, value_findings
from segeval.findings.voids import suspected_voids
from segeval.protocol.mapkinds import EIGHT_BIT
from segeval.protocol.protocol import Resolution
from segeval.report.scoring import FileNames
from segeval.runs.run import Maps, Run
from segeval.tables.counts import JointCounts


def run_findings(
    run: Run,
    *,
    table: JointCounts | None = None,
    resolution: Resolution | None = None,
    names: FileNames | None = None,
) -> tuple[Finding, ...]:
    """Tell what looks wrong in a run; `table` and `resolution` are its own where they are known already, and
    `names` has the files of each key.

    A run whose values admit several readings is looked at without one.
    """
    if not run.rows:
        return ()
    table = run.table() if table is None else table
    if resolution is None:
        try:
            resolution = run.resolve_for(table)
        except SegevalError:  # which says on its own what keeps the run from being scored
            resolution = None
    values = Values(run, table, resolution, names or {})
    found: list[Finding] = [*_missing(values), *_maps(run)]
    for look in (class_folders, two_valued, suspected_voids, gray_palettes, reading_findings, value_findings):
        found += look(values)
    if not any(one.options for one in found):  # of which the values of the other reading look like void
        found += swapped_values(values)
    found += ignored_classes(values)
    return tuple(found)


def _missing(values: Values) -> Iterator[Finding]:
    """Find images without prediction, which `--missing miss` counts as wrong."""
    keys = [row.key for row in values.run.rows if row.missing]
    if keys:
        losses = "" if values.run.maps is None else "; losses leave them out"
        yield Finding(
            "missing",
            f"{len(keys):,} image{'s' * (len(keys) > 1)} without prediction count as wrong{losses}",
            shown(values.places(0, keys)),
            "Add the predictions, or leave the images out with --missing skip",
        )


def _maps(run: Run) -> Iterator[Finding]:
    """Find what is odd about probability maps and is yet no error."""
    if run.maps == Maps(EIGHT_BIT, 1):
        levels = {level for table in run.level_tables() for level in table.pred.tolist()}
        if levels and levels <= {0, 255}:
            yield Finding(
                "masks-as-maps",
                "the maps hold only 0 and 255: these are masks, and the losses are those of certainty",
                (),
                "Score them without --probs, or save the probabilities before the threshold",
            )
    unnormalised = sum(row.unnormalised for row in run.rows)
    if unnormalised:
        share = 100 * unnormalised / run.pixels
        yield Finding(
            "unnormalised",
            f"class probabilities do not add up to 1 at {unnormalised:,} pixels ({share:.2f} %), as those of sigmoid "
            "heads; they are taken as they are",
            (),
            "Save the output of a softmax over the classes, if the model has one",
        )
