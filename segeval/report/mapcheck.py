"""What is odd about the probability maps of a run."""

from __future__ import annotations

from collections.abc import Iterator

from segeval.runs.run import Maps, Run


def map_warnings(run: Run) -> Iterator[str]:
    """Tell what is odd about the probability maps of a run and is yet no error."""
    if run.maps == Maps("uint8", 1) and run.rows:
        levels = {level for table in run.level_tables() for level in table.pred.tolist()}
        if levels <= {0, 255}:
            yield "the maps hold only 0 and 255: these are masks, and the losses are those of certainty"
    missing = sum(row.missing for row in run.rows)
    if missing:
        yield f"losses leave out the {missing} images without prediction"
    unnormalised = sum(row.unnormalised for row in run.rows)
    if unnormalised:
        share = 100 * unnormalised / run.pixels
        yield (
            f"class probabilities do not add up to 1 at {unnormalised:,} pixels ({share:.2f} %), as those of sigmoid "
            "heads; they are taken as they are"
        )
