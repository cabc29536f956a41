"""The tables of the page about speed: `python -m tests.benchmarks.page findings.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

NONE = "-"


def tables(found: dict[str, Any]) -> str:
    """Return a Markdown table of the corpora of masks, one of each corpus of maps, and one of the aims."""
    masks = [entry for entry in found["corpora"] if not entry["name"].startswith("probability")]
    maps = [entry for entry in found["corpora"] if entry["name"].startswith("probability")]
    parts = [_corpora(masks)] if masks else []
    return "\n\n".join([*parts, *([_corpora(maps)] if maps else []), _aims(found["aims"])]) + "\n"


def _corpora(entries: list[dict[str, Any]]) -> str:
    """Return milliseconds a pair, and their ratio to decoding with Pillow, by competitor and corpus."""
    names = dict.fromkeys(timing["competitor"] for entry in entries for timing in entry["timings"])
    cells = {name: [_cell(entry, name) for entry in entries] for name in names}
    return _table(
        ["ms a pair (to decoding with Pillow)", *(entry["about"] for entry in entries)],
        [[_bold(name), *columns] for name, columns in cells.items() if set(columns) != {NONE}],
    )


def _cell(entry: dict[str, Any], name: str) -> str:
    for timing in entry["timings"]:
        if timing["competitor"] == name and not timing["status"]:
            ratio = timing["to_floor"]
            return f"{timing['milliseconds']:.2f}" + (f" ({ratio:.2f}x)" if ratio else "")
    return NONE


def _aims(aims: list[dict[str, Any]]) -> str:
    rows = []
    for aim in aims:
        if aim["met"] is not None:
            sign, verdict = "<=" if aim["at_most"] else ">=", "met" if aim["met"] else "not met"
            rows.append([aim["aim"], f"{aim['measured']:.2f}", f"{sign} {aim['bound']:g}", verdict])
    return _table(["ratio", "measured", "aim", ""], rows)


def _bold(name: str) -> str:
    return f"**{name}**" if name.startswith("segeval") else name


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@click.command()
@click.argument("findings", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def main(findings: Path) -> None:
    """Print what `python -m tests.benchmarks --json FINDINGS` measured as the tables of the page."""
    click.echo(tables(json.loads(findings.read_text(encoding="utf-8"))), nl=False)


if __name__ == "__main__":
    main()
