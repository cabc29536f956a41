"""Parts of a data set, by a hash of each image's key: no file decides where another one goes."""

from __future__ import annotations

import hashlib

from segeval.errors import UsageError
from segeval.records import dataclass
from segeval.runs.run import sort_key

MOST_SHARDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Name one of `count` parts by its `index` in 1..count; raises `UsageError` for one that does not exist."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_SHARDS or not 1 <= self.index <= self.count:
            raise UsageError(
                "there is no such shard", (str(self),), f"Write I/N with I in 1..N and N at most {MOST_SHARDS:,}"
            )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Shard:
    """Read `I/N`, the I-th of N shards, counted from 1; raises `UsageError`."""
    index, _, count = text.strip().partition("/")
    if not all(part.isascii() and part.isdecimal() and len(part) <= 9 for part in (index, count)):
        raise UsageError("a shard is not of the form I/N", (text,), "Write it as in --shard 1/4")
    return Shard(int(index), int(count))


def shard_of(key: str, count: int) -> int:
    """Return which of `count` shards, from 1, an image is in: blake2b of the key's bytes, modulo `count`."""
    return int.from_bytes(hashlib.blake2b(sort_key(key), digest_size=8).digest(), "big") % count + 1


def in_shard(key: str, shard: Shard) -> bool:
    """Tell whether an image is in `shard`."""
    return shard_of(key, shard.count) == shard.index
