"""Masks from an S3 server on the loopback, beside reading them one after the other.

    python -m tests.benchmarks.stores [PAIRS] [DELAY]

DELAY seconds (0.05) are added to each request. Two servers: moto's, and one that takes little of the processor, since
moto's shares the processors with what is measured and takes more of them.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import corpora
from tests.support.store import BUCKET, CREDENTIALS, Weather, s3_server, upload

SAMPLE = 100
"""Files that are read one after the other; what follows for all is linear."""
ROUNDS = 3
TINY = next(entry for entry in corpora.CORPORA if entry.name == "tiny")


@contextmanager
def light_server(folder: Path, delay: float) -> Iterator[str]:
    """Run the light server as a process, and give its address."""
    command = [sys.executable, "-m", "tests.support.lights3", str(folder), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def moto_server(folder: Path, delay: float) -> Iterator[str]:
    """Run moto's server in a thread, with the files of a folder in it, and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    weather = Weather()
    with s3_server(weather) as address:
        upload(folder, address, "")
        weather.delay = delay
        yield address


def one_after_the_other(names: list[str], environment: dict[str, str]) -> float:
    """Return the seconds a file of reading by boto3, one request at a time, in a process of its own."""
    program = (
        "import sys, time, boto3\n"
        "client, names = boto3.client('s3'), sys.argv[1:]\n"
        "client.list_objects_v2(Bucket='masks', MaxKeys=1)\n"
        "start = time.perf_counter()\n"
        "for name in names: client.get_object(Bucket='masks', Key=name)['Body'].read()\n"
        "print((time.perf_counter() - start) / len(names))\n"
    )
    command = [sys.executable, "-c", program, *names]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def scored(environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds of scoring the bucket, of the clock with the start, and of the processor."""
    sides = (f"s3://{BUCKET}/pred", f"s3://{BUCKET}/gt")
    options = ("--classes", str(TINY.classes), "--ignore", str(TINY.ignore), "-q", "--no-config")
    command = [sys.executable, "-m", "segeval", "score", *sides, *options]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "segeval could not read the bucket"
    return time.perf_counter() - start, used.ru_utime + used.ru_stime


def main(pairs: int = 1000, delay: float = 0.05) -> None:
    """Print how many times as fast as one request after the other a bucket is scored."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = corpora.folders(TINY, min(pairs, TINY.pairs), folder / "drawn", copies=-(-pairs // TINY.pairs))
        bucket = drawn.gt.parent
        files = [path.relative_to(bucket).as_posix() for path in sorted(bucket.rglob("*.png"))]
        os.environ.update(CREDENTIALS)
        for server in (moto_server, light_server):
            with server(bucket, delay) as address:
                environment = {**os.environ, "AWS_ENDPOINT_URL": address}
                single = one_after_the_other(files[:SAMPLE], environment)
                for _ in range(ROUNDS):
                    passed, used = scored(environment)
                    each = passed / len(files)
                    print(
                        f"{server.__name__}, {delay * 1000:.0f} ms added: {each * 1000:.2f} ms a file of {len(files)}, "
                        f"{used / len(files) * 1000:.2f} ms of the processor; one after the other "
                        f"{single * 1000:.1f} ms: {single / each:.1f}x",
                        flush=True,
                    )


if __name__ == "__main__":
    main(*(convert(text) for convert, text in zip((int, float), sys.argv[1:], strict=False)))
