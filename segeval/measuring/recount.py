"""Whether a file that is read again is still the one that a row was measured from."""

from __future__ import annotations

from segeval.errors import MaskError


def require_counts(same: bool, name: str) -> None:
    """Raise `MaskError` where a file that is counted again does not give its row's table."""
    if not same:
        raise changed_file(name)


def changed_file(name: str) -> MaskError:
    """Return what is told of a file that is not the one that was measured."""
    return MaskError(
        "a file is not the one that the run was measured from",
        (name,),
        "Give the folders that the run was measured from, or score them again",
    )
