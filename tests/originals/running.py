"""The part of the script that runs inside an environment: ask the programs of some families, write or compare."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from tests.originals import GOLDEN
from tests.originals.clones import NoCloneError
from tests.originals.programs import Program, differences, write


def settle(program: Program, *, check: bool) -> bool:
    """Write a program's golden file, or compare with it; return whether all is well."""
    path = GOLDEN / f"{program.name}.json"
    try:
        found = program.run()
    except NoCloneError as missing:
        print(f"{program.name}: skipped, {missing}")
        return True
    if not check:
        write(path, found)
        print(f"{program.name}: {len(found['sets'])} sets written")
        return True
    tell = differences(json.loads(path.read_text(encoding="utf-8")), found)
    print(
        f"{program.name}: {len(found['sets'])} sets, " + ("equal" if not tell else "\n  ".join(["differ:", *tell[:5]]))
    )
    return not tell


def main() -> int:
    """Run the families that are named and return 1 where a golden file differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--families", nargs="*", default=[])
    parser.add_argument("--names", nargs="*", default=[])
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    well = True
    for family in given.families:
        for program in importlib.import_module(f"tests.originals.{family}").PROGRAMS:
            if not given.names or program.name in given.names:
                well &= settle(program, check=given.check)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
