"""Archives and lists behind https addresses: read by parts, and nothing but what was asked for."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import segeval
from segeval.stores import files
from tests.support.commandline import run_segeval

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"

pytestmark = [
    pytest.mark.skipif(
        not all(find_spec(name) for name in ("aiohttp", "fsspec", "werkzeug", "cryptography")),
        reason="no web server or no client",
    ),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


class Site:
    """Serve a folder over https on the loopback, and note which requests came and how much was sent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.failures: list[int] = []
        self.parts = True

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        from werkzeug.utils import redirect, send_file
        from werkzeug.wrappers import Response

        path = environ["PATH_INFO"].lstrip("/")
        self.asked.append(path)
        target = self.root / path
        if self.failures:
            response = Response(status=self.failures.pop())
        elif path == "plain":
            response = redirect(f"http://{environ['HTTP_HOST']}/gt.zip")
        elif path.startswith("secret"):
            response = Response(status=403)
        elif not target.is_file():
            response = Response(status=404)
        else:
            if not self.parts:
                environ.pop("HTTP_RANGE", None)
            response = send_file(target, environ, conditional=True)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    root = tmp_path_factory.mktemp("site")
    for side in ("gt", "pred"):
        shutil.make_archive(str(root / side), "zip", SAMPLES / side)
    shutil.copy(SAMPLES / "classes.txt", root)
    site = Site(root)
    server = make_server("127.0.0.1", 0, site, threaded=True, ssl_context="adhoc")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(files.OPTIONS, "https", {"ssl": False})  # nobody has signed its certificate
        patch.setattr(files, "FIRST_PAUSE", 0.01)
        files._file_system.cache_clear()
        yield site, f"https://127.0.0.1:{server.server_port}"
        files._file_system.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def site(served: tuple[Site, str]) -> Iterator[tuple[Site, str]]:
    found, address = served
    found.asked.clear()
    yield found, address
    found.failures, found.parts = [], True


def test_an_archive_of_the_web_gives_the_run_of_its_folder(site: tuple[Site, str]) -> None:
    found, address = site
    run = segeval.measure(f"{address}/pred.zip", f"zip::{address}/gt.zip")
    assert run == segeval.measure(SAMPLES / "pred", SAMPLES / "gt")
    assert len(found.asked) == 4 + 14, "a size and a directory each, and one request an entry"


def test_what_fails_is_asked_for_again(site: tuple[Site, str]) -> None:
    found, address = site
    found.failures = [503, 500, 429]
    assert segeval.measure(f"{address}/pred.zip", SAMPLES / "gt") == segeval.measure(SAMPLES / "pred", SAMPLES / "gt")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("none.zip", "an archive cannot be found"),
        ("secret.zip", "download the file"),
        ("folder", "folders of the web cannot be listed"),
        ("classes.txt", "folders of the web cannot be listed"),
    ],
)
def test_what_is_no_archive_of_the_web(path: str, what: str, site: tuple[Site, str]) -> None:
    done = run_segeval("score", f"{site[1]}/{path}", SAMPLES / "gt", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert what in done.stderr
    assert len(site[0].asked) <= 1, "no further try changes that"


def test_a_server_that_sends_whole_files_only_is_told_and_not_waited_for(site: tuple[Site, str]) -> None:
    site[0].parts = False
    done = run_segeval("score", f"{site[1]}/pred.zip", SAMPLES / "gt", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "the server sends no parts of files" in done.stderr
    assert len(site[0].asked) == 1


def test_an_address_that_leads_out_of_encryption_is_not_followed(site: tuple[Site, str]) -> None:
    done = run_segeval("score", f"zip::{site[1]}/plain", SAMPLES / "gt", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert f"zip::{site[1]}/plain" in done.stderr


def test_nothing_is_written_to_the_web(site: tuple[Site, str]) -> None:
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "--save", f"{site[1]}/run.jsonl", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "nothing is written behind such a URL" in done.stderr
    assert not site[0].asked
