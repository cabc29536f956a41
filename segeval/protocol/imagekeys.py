"""Which images of a data set are scored, as the protocol says it: a glob of keys, or the digest of a list of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from segeval.protocol.axes import LIST_SUFFIXES

_LIST = re.compile(r"list\([0-9]+@[0-9a-f]{8}\)")


def is_list_file(text: str) -> bool:
    """Tell whether a value of --keys names a file of keys; anything else is a glob."""
    return text.lower().endswith(LIST_SUFFIXES)


def list_text(entries: Sequence[str]) -> str:
    """Return what the protocol calls a list of keys: their number, and a digest of them whatever their order."""
    digest = hashlib.blake2b("\n".join(sorted(entries)).encode("utf-8", "surrogateescape"), digest_size=4)
    return f"list({len(entries)}@{digest.hexdigest()})"


def is_of_list(keys: str) -> bool:
    """Tell whether a protocol's keys are those of a list, of which it keeps the digest only."""
    return _LIST.fullmatch(keys) is not None
