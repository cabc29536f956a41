"""What became of a published number that was checked, in words."""

from __future__ import annotations

from segeval.comparison.verification import Verification
from segeval.errors import printable


def render_verification(found: Verification, *, strict: bool = False) -> str:
    """Say whether the number stands, and then everything in which it differs, a line each; ends with a newline."""
    claim = found.claim
    printed = claim.text + ("%" if claim.in_percent else "")
    name = printable(claim.metric)
    verdict = f"equal: {name} is {printed}" if found.holds(strict=strict) else f"differs: {name} as {printed}"
    exact = "" if found.value is None else f" ({found.value!r} unrounded)"
    lines = [f"{verdict}{exact}", *(f"  {printable(one.what)}" for one in found.differences)]
    return "\n".join(lines) + "\n"
