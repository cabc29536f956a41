"""A real S3 server on the loopback, which can be slow, fail every so many requests, or stall."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUCKET = "masks"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "not-to-be-printed",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class Weather:
    """Say what becomes of requests for objects: seconds that each takes, and which fail or stall."""

    delay: float = 0.0
    fail_every: int = 0
    stall_every: int = 0
    stall: float = 5.0
    seen: int = 0
    sent: int = 0
    out: int = 0
    most: int = 0
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))


def in_weather(application: Callable[..., Iterable[bytes]], weather: Weather) -> Callable[..., Iterable[bytes]]:
    """Put weather before a WSGI application."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            number = weather.seen = next(weather.counter)
            weather.out += 1
            weather.most = max(weather.most, weather.out)
            time.sleep(weather.delay)
            weather.out -= 1
            if weather.fail_every and number % weather.fail_every == 0:
                start_response("503 Slow Down", [("Content-Length", "0")])
                return [b""]
            if weather.stall_every and number % weather.stall_every == 0:
                time.sleep(weather.stall)
        content = list(application(environ, start_response))
        weather.sent += sum(map(len, content))
        return content

    return answer


@contextmanager
def s3_server(weather: Weather) -> Iterator[str]:
    """Run moto's server in a thread, and give its address."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = in_weather(DomainDispatcherApplication(create_backend_app), weather)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def upload(root: Path, address: str, prefix: str) -> None:
    """Put every file below a folder into the bucket."""
    import boto3

    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            client.put_object(Bucket=BUCKET, Key=f"{prefix}{path.relative_to(root).as_posix()}", Body=path.read_bytes())
