"""Open a Dask cluster of this machine as `--engine dask` does, and print what listens where, and what it computes.

A process of its own, since a cluster leaves threads behind.
"""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]  # of distributed

from segeval.measuring.daskengine import local_cluster
from segeval.measuring.dispatch import on_engine
from tests.support.deadly import square


def main() -> None:
    with local_cluster(1) as engine:
        own = psutil.Process()
        listening = [
            connection.laddr
            for process in (own, *own.children(recursive=True))
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        print(sorted({address.ip for address in listening}), 8787 in {address.port for address in listening})
        print(sorted(on_engine(engine, range(5), square, name=str)))


if __name__ == "__main__":
    main()
