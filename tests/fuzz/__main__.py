"""Fuzz one target by hand: `python -m tests.fuzz masks --count 20000 --seed 0`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import archives, lanes, masks, palettes, runs, storing, volumes
from tests.fuzz.engine import LIMIT, Check, Tally, run

TARGETS: dict[str, tuple[Check, int]] = {
    "masks": (masks.check, 20_000),
    "lanes": (lanes.check, 200_000),
    "runs": (runs.check, 5_000),
    "palettes": (palettes.check, 5_000),
    "archives": (archives.check, 20_000),
    "storing": (storing.check, 20_000),
    "volumes": (volumes.check, 20_000),
}
"""What can be fuzzed, and with how many cases where none are asked for."""


def told(name: str, tally: Tally) -> str:
    """Say the change in the cases."""
    total = sum(tally.outcomes.values())
    bad = {word: tally.outcomes[word] for word in ("crash", "hang", "silently wrong")}
    lines = [
        f"{total:,} mutated {name} in {tally.seconds:.0f} s: {', '.join(f'{n} {word}' for word, n in bad.items())}"
    ]
    lines += [f"  {count:>7,}  {word}" for word, count in tally.outcomes.most_common()]
    lines.append(f"  slowest case: {tally.slowest:.3f} s (number {tally.slowest_case}); the limit is {LIMIT:g} s")
    return "\n".join(lines)


def _target(name: str) -> tuple[Check, int]:
    if name != "tiffs":
        return TARGETS[name]
    from tests.fuzz import tiffs  # needs tifffile, which is in the extra "fuzz"

    tiffs.seeds()  # made outside of any case's time
    return tiffs.check, 50_000


def main() -> int:
    """Fuzz, tell, and return 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "tiffs"])
    parser.add_argument("--count", type=int, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first case, to repeat one")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that failed")
    chosen = parser.parse_args()
    check, count = _target(chosen.target)
    tally = run(check, count=chosen.count or count, seed=chosen.seed, start=chosen.start)
    print(told(chosen.target, tally))
    for index, what, data in tally.failures[:10]:
        print(f"\ncase {index} ({len(data)} bytes): {what}", file=sys.stderr)
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
            (chosen.keep / f"{chosen.target}-{chosen.seed}-{index}").write_bytes(data)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
