"""Which engine is asked for: by its words on the command line, or by an object of Python."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeAlias

from segeval.errors import UsageError, did_you_mean
from segeval.measuring.chunks import Engine
from segeval.measuring.daskengine import at_address, local_cluster, of_client
from segeval.measuring.executors import ExecutorEngine, threads

if TYPE_CHECKING:
    from distributed import Client

AnyEngine: TypeAlias = "str | Executor | Client"

SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
WORDS = ("dask", "dask://HOST:PORT", "dask+tls://HOST:PORT")


def opened_engine(asked: AnyEngine | None, jobs: int | None) -> AbstractContextManager[Engine]:
    """Return the engine that is asked for, which is ready inside the context: threads for `None`.

    Raises `UsageError` for what is no engine.
    """
    if asked is None:
        return threads(jobs)
    if not isinstance(asked, str):
        return ExecutorEngine(asked) if isinstance(asked, Executor) else of_client(asked)
    scheme, separator, address = asked.partition("://")
    if scheme not in SCHEMES or (separator and not address) or (scheme != "dask" and not separator):
        raise UsageError("there is no such engine", (asked,), f"{did_you_mean(scheme, WORDS)}Say {', or '.join(WORDS)}")
    if separator and (address.count(":") != 1 or not address.partition(":")[2].isdecimal() or "@" in address):
        raise UsageError("the address of a Dask scheduler is HOST:PORT", (scheme + "://...",), f"Say {WORDS[1]}")
    return at_address(f"{SCHEMES[scheme]}://{address}", asked) if separator else local_cluster(jobs)
