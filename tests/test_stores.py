"""Masks in a store: the same run as from folders, whatever the weather, and no secret in any message."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.errors import SegevalError, UsageError
from segeval.files.usertexts import LARGEST_TEXT
from segeval.folders.roots import root_of
from segeval.runs.file import run_to_bytes
from segeval.stores import files
from segeval.stores.files import read_url
from segeval.stores.urls import StoreUrl, parse_url
from tests.support.commandline import Completed, run_segeval
from tests.support.store import CREDENTIALS, Weather, s3_server, upload

SERVED = all(find_spec(name) for name in ("moto", "s3fs", "werkzeug"))
PAIRS = 100
SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
PRED, GT = "s3://masks/pred", "s3://masks/gt"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ssh://host/masks", "ssh://host/masks"),
        ("local:///etc", "local:///etc"),
        ("https://user:secret@host/masks?X-Signature=secret", "https://host/masks"),
        ("s3://user:secret@bucket/masks", "s3://bucket/masks"),
        ("s3://bucket/masks?token=secret", "s3://bucket/masks"),
        ("s3://bucket/masks#secret", "s3://bucket/masks"),
        ("s3://", "s3://"),
        ("s3://bucket/../other", "s3://bucket/../other"),
        ("s3://bucket//masks", "s3://bucket//masks"),
        ("gs://bucket/a\nb", "gs://bucket/a\\nb"),
        ("zip::http://host/masks.zip", "zip::http://host/masks.zip"),
        ("zip::https://user:secret@host/masks.zip?key=secret", "zip::https://host/masks.zip"),
    ],
)
def test_what_is_no_url_of_a_folder_is_refused_without_its_secrets(text: str, shown: str) -> None:
    with pytest.raises(UsageError) as told:
        root_of(text)
    assert told.value.where == (shown,)
    assert "secret" not in str(told.value)


def test_a_url_is_its_store_and_its_path() -> None:
    assert parse_url("s3://bucket/a/b/") == StoreUrl("s3", "bucket/a/b")
    assert str(parse_url("hf://datasets/me/masks") / "pred") == "hf://datasets/me/masks/pred"
    assert root_of("a/b") == Path("a/b")


def test_a_configuration_that_was_found_names_no_url(tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text('[tool.segeval]\nengine = "dask://10.0.0.1:8786"\n', encoding="utf-8")
    done = run_segeval("score", "pred", "gt", cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert "a configuration that was found names a URL" in done.stderr


def test_a_store_whose_driver_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segeval.stores.files.DRIVERS", {"gs": ("no_such_driver", ())})
    done = run_segeval("score", "gs://bucket/pred", "gs://bucket/gt")
    assert (done.code, done.stdout) == (2, "")
    assert "segeval-masks[gs]" in done.stderr


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(7)
    for side in ("gt", "pred"):
        for number in range(PAIRS):
            path = root / side / f"{number % 3}" / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 19, (8, 9), np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def store(folders: Path) -> Iterator[tuple[Weather, dict[str, str]]]:
    if not SERVED:
        pytest.skip("moto's server or s3fs is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    weather = Weather()
    with pytest.MonkeyPatch.context() as patch, s3_server(weather) as address:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        patch.setattr(files, "FIRST_PAUSE", 0.02)

        import_module("s3fs").S3FileSystem.clear_instance_cache()  # which knows the server of an earlier time
        files._file_system.cache_clear()
        upload(folders, address, "")
        yield weather, {"AWS_ENDPOINT_URL": address}


@pytest.fixture
def weather(store: tuple[Weather, dict[str, str]]) -> Iterator[Weather]:
    found, _ = store
    yield found
    found.delay, found.fail_every, found.stall_every = 0.0, 0, 0


def scored(run: Path, *options: str | Path) -> Completed:
    return run_segeval("score", PRED, GT, "--classes", "19", "--save", run, "-q", "--no-config", *options)


def local_bytes(folders: Path) -> bytes:
    return run_to_bytes(segeval.measure(folders / "pred", folders / "gt", classes=19), packed=False)


def test_a_store_gives_the_same_bytes_as_folders(weather: Weather, folders: Path, tmp_path: Path) -> None:
    before = weather.seen
    done = scored(tmp_path / "run.jsonl")
    assert done.code == 0, done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == local_bytes(folders)
    assert weather.seen - before <= 2 * PAIRS + 4, "one request a file, and the listings"


def test_slices_of_a_volume_in_a_store_fetch_it_once(
    weather: Weather, store: tuple[Weather, dict[str, str]], tmp_path: Path
) -> None:
    volumes = np.random.default_rng(8).integers(0, 5, (3, 40, 6, 7), np.uint8)
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        for number, slices in enumerate(volumes):
            first, *others = map(Image.fromarray, slices)
            first.save(tmp_path / side / f"{number}.tif", save_all=True, append_images=others)
    upload(tmp_path, store[1]["AWS_ENDPOINT_URL"], "volumes/")
    before = weather.seen
    folders = "s3://masks/volumes/pred", "s3://masks/volumes/gt"
    run = segeval.measure(*folders, stack=True, per_slice=True, classes=5, jobs=1)
    assert weather.seen - before <= 3 * len(volumes) + 4, "headers of the ground truth, both sides, and the listings"
    assert run == segeval.measure(tmp_path / "pred", tmp_path / "gt", stack=True, per_slice=True, classes=5)


def test_requests_that_fail_or_stall_are_made_again(weather: Weather, folders: Path, tmp_path: Path) -> None:
    weather.fail_every, weather.stall_every, weather.stall = 10, 90, 1.5
    done = scored(tmp_path / "run.jsonl", "--read-timeout", "1")
    assert done.code == 0, done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == local_bytes(folders)


@pytest.fixture(scope="module")
def archives(folders: Path, store: tuple[Weather, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("packed")
    for side in ("gt", "pred"):
        shutil.make_archive(str(root / side), "zip", folders / side)
    upload(root, store[1]["AWS_ENDPOINT_URL"], "packed/")


def test_an_archive_in_a_store_is_read_by_parts(weather: Weather, archives: None, folders: Path) -> None:
    before = weather.seen
    urls = ("zip::s3://masks/packed/pred.zip", "zip::s3://masks/packed/gt.zip")
    run = segeval.measure(*urls, classes=19)
    assert run_to_bytes(run, packed=False) == local_bytes(folders)
    assert weather.seen - before <= 2 * PAIRS + 6, "sizes, directories, and one request an entry"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        some = segeval.measure(*urls, classes=19, keys="1/*", engine=pool)
    assert some == segeval.measure(folders / "pred", folders / "gt", classes=19, keys="1/*")


def test_parts_of_an_archive_are_asked_for_again(weather: Weather, archives: None, folders: Path) -> None:
    weather.fail_every = 10
    run = segeval.measure("zip::s3://masks/packed/pred.zip", folders / "gt", classes=19, keys="1/*")
    assert run == segeval.measure(folders / "pred", folders / "gt", classes=19, keys="1/*")


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("s3://masks/packed/pred.zip", "Write zip::s3://masks/packed/pred.zip"),
        ("zip::s3://masks/packed/none.zip", "an archive cannot be found"),
        ("zip::s3://masks/gt/0/000.png", "a file is no zip archive"),
    ],
)
def test_what_is_no_archive_of_a_store(url: str, what: str, weather: Weather, archives: None) -> None:
    done = run_segeval("score", url, GT, "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert what in done.stderr
    assert url in done.stderr


def test_a_file_that_no_image_within_the_bound_needs_is_not_fetched(
    weather: Weather, store: tuple[Weather, dict[str, str]], folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "pred").mkdir()
    shutil.copy(folders / "pred" / "0" / "000.png", tmp_path / "pred" / "a.png")
    with (tmp_path / "pred" / "b.png").open("wb") as file:
        file.truncate((1 << 24) + 8 * 100 + 1)
    shutil.copytree(tmp_path / "pred", tmp_path / "gt", copy_function=shutil.copy)
    shutil.copy(folders / "gt" / "0" / "000.png", tmp_path / "gt" / "b.png")
    upload(tmp_path, store[1]["AWS_ENDPOINT_URL"], "large/")
    sent = weather.sent
    done = run_segeval("score", "s3://masks/large/pred", "s3://masks/large/gt", "--max-pixels", "100", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "pred/b.png: 16,778,017 bytes, and --max-pixels allows 16,778,016" in done.stderr
    assert weather.sent - sent < 1 << 20


def test_a_listing_takes_as_long_as_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: dict[object, float] = {}
    monkeypatch.setattr(files, "_file_system", lambda scheme: SimpleNamespace(async_impl=True, _find=1, _cat_file=2))
    monkeypatch.setattr(
        files, "_waiting", lambda url, function: lambda *_, **__: waited.setdefault(function, url.timeout) and {}
    )
    files.list_files(StoreUrl("s3", "masks", timeout=2.0))
    files._method(StoreUrl("s3", "masks", timeout=2.0), "cat_file")("masks/a.png")
    assert waited == {1: files.LISTING, 2: 2.0}


def test_as_many_requests_are_out_as_there_are_readers(weather: Weather, folders: Path) -> None:
    weather.delay, weather.most = 0.2, 0
    segeval.measure(folders / "pred", GT, classes=19)
    assert files.READERS * 0.75 <= weather.most <= files.READERS


def test_a_store_beside_a_folder(weather: Weather, folders: Path) -> None:
    run = segeval.measure(PRED, folders / "gt", classes=19)
    assert run_to_bytes(run, packed=False) == local_bytes(folders)


def test_processes_read_the_store_themselves(weather: Weather, folders: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        run = segeval.measure(PRED, GT, classes=19, engine=pool)
    assert run_to_bytes(run, packed=False) == local_bytes(folders)


def test_partitions_of_a_store(weather: Weather, folders: Path) -> None:
    pairs = segeval.list_pairs(PRED, GT)
    parts = [segeval.measure_pairs(pairs[start : start + 60], PRED, GT, classes=19) for start in range(0, PAIRS, 60)]
    assert run_to_bytes(segeval.combine(*parts), packed=False) == local_bytes(folders)


def test_a_folder_that_the_store_does_not_have(weather: Weather) -> None:
    done = run_segeval("score", "s3://masks/nothing", GT, "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "no predictions in the folder" in done.stderr
    assert "s3://masks/nothing" in done.stderr


def test_a_file_that_is_empty_or_none_is_named(
    weather: Weather, store: tuple[Weather, dict[str, str]], tmp_path: Path
) -> None:
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        for name in ("a", "b", "c"):
            Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / side / f"{name}.png")
    (tmp_path / "pred" / "a.png").write_bytes(b"")
    (tmp_path / "pred" / "c.png").write_bytes(b"no image")
    upload(tmp_path, store[1]["AWS_ENDPOINT_URL"], "broken/")
    done = run_segeval("score", "s3://masks/broken/pred", "s3://masks/broken/gt", "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "pred/a.png" in done.stderr
    assert "pred/c.png" in done.stderr
    assert "pred/b.png" not in done.stderr


@pytest.mark.parametrize("problem", ["none", "wrong"])
def test_credentials_that_lack_are_named_and_never_printed(
    weather: Weather, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("the key not-to-be-printed is not allowed")

    if problem == "none":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(files, "_method", lambda *_: refused)
    before = weather.seen
    done = run_segeval("score", PRED, GT, "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "AWS_SECRET_ACCESS_KEY" in done.stderr
    assert ("Set AWS" in done.stderr) == (problem == "none")
    assert "not-to-be-printed" not in done.stderr
    assert weather.seen == before


def test_names_that_no_folder_can_hold_are_refused(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ["a.png", "../b.png", "c//d.png", "e\x07.png", ".hidden/f.png", "folder/"]
    found = {f"masks/x/{key}": {"type": "file", "size": 3} for key in keys}
    monkeypatch.setattr(files, "_method", lambda *_: lambda *_, **__: found)
    listed, refused = files.list_files(StoreUrl("s3", "masks/x"))
    assert listed == ("a.png",)
    assert [name for name, _ in refused] == ["../b.png", "c//d.png", "e\x07.png"]


def test_what_is_forbidden_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(*arguments: object) -> bytes:
        asked.append(str(arguments))
        raise FileNotFoundError if len(asked) == 1 else OSError("busy")

    monkeypatch.setattr(files, "_method", lambda *_: answer)
    monkeypatch.setattr(files, "FIRST_PAUSE", 0.0)
    with pytest.raises(SegevalError, match="not there"):
        files.read_file(StoreUrl("s3", "masks"), "a.png", name="gt/a.png", most=9)
    assert len(asked) == 1
    with pytest.raises(SegevalError, match="cannot be read"):
        files.read_file(StoreUrl("s3", "masks"), "a.png", name="gt/a.png", most=9)
    assert len(asked) == 1 + files.TRIES


def test_shards_saved_to_the_store_unite_there(weather: Weather, folders: Path, tmp_path: Path) -> None:
    for shard in (1, 2):
        done = run_segeval(
            *("score", folders / "pred", folders / "gt", "--classes", "19", "--shard", f"{shard}/2", "-q"),
            *("--save", f"s3://masks/parts/{shard}.jsonl.gz", "--journal", tmp_path / "kept", "--no-config"),
        )
        assert done.code == 0, done.stderr
        assert not (tmp_path / "kept").exists(), "once the run is up, the rows kept here are gone"
    done = run_segeval("combine", "s3://masks/parts/*.gz", "s3://masks/parts/1.jsonl.gz", "-o", "s3://masks/run.jsonl")
    assert done.code == 0, done.stderr
    assert done.stderr.startswith(f"{PAIRS} images of 3 runs; "), "a part that is given twice counts once"
    assert run_to_bytes(segeval.load_run("s3://masks/run.jsonl"), packed=False) == local_bytes(folders)
    done = run_segeval("report", "s3://masks/run.jsonl", "--only", "miou", "-q")
    assert float(done.stdout) == segeval.score(folders / "pred", folders / "gt", classes=19).scores["miou"]


def test_rows_outlive_an_upload_that_fails(
    weather: Weather, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("score", folders / "pred", folders / "gt", "--classes", "19", "--save", "s3://masks/late.jsonl", "-q")
    method = files._method

    def refused(*_: object) -> None:
        raise PermissionError("not-to-be-printed")

    def full(url: StoreUrl, name: str) -> Callable[..., Any]:
        return refused if name == "pipe_file" else method(url, name)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_method", full)
        done = run_segeval(*command, environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert (done.code, done.stdout) == (2, "")
    assert "s3://masks/late.jsonl" in done.stderr
    assert "--resume" in done.stderr
    assert "not-to-be-printed" not in done.stderr
    (kept,) = (tmp_path / "segeval").iterdir()
    assert kept.read_bytes().count(b"\n") == PAIRS + 1
    done = run_segeval(*command, "--resume", environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.code == 0, done.stderr
    assert not kept.exists()
    assert run_to_bytes(segeval.load_run("s3://masks/late.jsonl"), packed=False) == local_bytes(folders)


def test_a_run_that_the_store_does_not_have(weather: Weather) -> None:
    done = run_segeval("combine", "s3://masks/nothing/*.gz", "-o", "s3://masks/run.jsonl")
    assert (done.code, "no run file is called so" in done.stderr) == (2, True)
    done = run_segeval("report", "s3://masks/nothing.jsonl")
    assert (done.code, "a run file cannot be read" in done.stderr) == (2, True)


def test_patterns_of_this_machine_and_journals_without_a_url(folders: Path, tmp_path: Path) -> None:
    run = segeval.measure(folders / "pred", folders / "gt", classes=19)
    for name in ("a", "b"):
        segeval.save_run(run, tmp_path / f"{name}.jsonl")
    done = run_segeval("combine", tmp_path / "?.jsonl", "-o", tmp_path / "run.jsonl")
    assert done.code == 0, done.stderr
    assert (tmp_path / "run.jsonl").read_bytes() == local_bytes(folders)
    done = run_segeval("score", "p", "g", "--save", tmp_path / "run.jsonl", "--journal", tmp_path / "kept")
    assert (done.code, "--journal is for --save URL" in done.stderr) == (2, True)


@pytest.fixture(scope="module")
def shelf(store: tuple[Weather, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Put the sample masks into the bucket, with small files that options name, and give the URL."""
    root = tmp_path_factory.mktemp("shelf")
    shutil.copytree(SAMPLES, root / "samples")
    (root / "few.txt").write_text("0001\n0002\n", encoding="utf-8")
    (root / "slices.csv").write_text("key,half\n0001,a\n0002,b\n", encoding="utf-8")
    (root / "weights.json").write_text("[1, 2, 3]", encoding="utf-8")
    (root / "late").mkdir()
    with (root / "late" / "large.txt").open("wb") as file:
        file.truncate(LARGEST_TEXT + 1)
    upload(root, store[1]["AWS_ENDPOINT_URL"], "shelf/")
    return "s3://masks/shelf"


def test_lists_and_slices_are_read_from_a_store(weather: Weather, shelf: str, tmp_path: Path) -> None:
    small = (tmp_path / "few.txt", tmp_path / "slices.csv")
    small[0].write_text("0001\n0002\n", encoding="utf-8")
    small[1].write_text("key,half\n0001,a\n0002,b\n", encoding="utf-8")
    options = ("--by", "half", "-f", "json", "--no-config")
    here = run_segeval(
        *("score", SAMPLES / "pred", SAMPLES / "gt", "-c", SAMPLES / "classes.txt", "--keys", small[0]),
        *("--slices", small[1], *options),
    )
    there = run_segeval(
        *("score", f"{shelf}/samples/pred", f"{shelf}/samples/gt", "-c", f"{shelf}/samples/classes.txt"),
        *("--keys", f"{shelf}/few.txt", "--slices", f"{shelf}/slices.csv", *options),
    )
    assert here.code == 0, here.stderr
    assert there == here


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("s3://masks/shelf/none.txt", "a file is not there"),
        ("s3://masks/shelf/late/large.txt", "a file is too large"),
        ("s3://somebody:secret@masks/classes.txt", "a URL carries a user or a query"),
        ("ftp://host/classes.txt", "there is no store behind such a URL"),
    ],
)
def test_a_list_that_cannot_be_read_from_a_store(url: str, what: str, weather: Weather, shelf: str) -> None:
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "-c", url, "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert what in done.stderr
    assert "secret" not in done.stderr


def test_what_is_in_folders_of_a_store(weather: Weather, shelf: str) -> None:
    here = run_segeval("inspect", SAMPLES / "pred", SAMPLES / "gt", "-f", "json", "--no-config")
    there = run_segeval("inspect", f"{shelf}/samples/pred", f"{shelf}/samples/gt", "-f", "json", "--no-config")
    assert here.code == 0
    assert there == here


def test_conventions_and_numbers_of_masks_in_a_store(weather: Weather, shelf: str) -> None:
    urls, paths = (f"{shelf}/samples/pred", f"{shelf}/samples/gt"), (SAMPLES / "pred", SAMPLES / "gt")
    options = ("-c", SAMPLES / "classes.txt", "--no-config")
    explained = [run_segeval("explain", *sides, *options, "-f", "json") for sides in (urls, paths)]
    assert explained[0] == explained[1]
    scored = segeval.score(*paths, classes=SAMPLES / "classes.txt")
    done = run_segeval("verify", str(scored.signature), "miou=74.25%", *urls, *options)
    assert done.code == 0, done.stderr


def test_reports_and_comparisons_go_to_a_store(
    weather: Weather, store: tuple[Weather, dict[str, str]], shelf: str, tmp_path: Path
) -> None:
    run = segeval.measure(SAMPLES / "pred", SAMPLES / "gt", classes=SAMPLES / "classes.txt")
    segeval.save_run(run, f"{shelf}/out/a.jsonl.gz")
    segeval.save_run(run, f"{shelf}/out/b.jsonl")
    outputs = ("report.json", "csv:report.any", "confusion:matrix.csv")
    for folder in (f"{shelf}/out", tmp_path):
        targets = [f"{text.rpartition(':')[0]}:{folder}/{text.rpartition(':')[2]}".lstrip(":") for text in outputs]
        output_options = [word for target in targets for word in ("-o", target)]
        done = run_segeval("report", f"{shelf}/out/a.jsonl.gz", *output_options, "--per-image", f"{folder}/images.csv")
        assert done.code == 0, done.stderr
    for name in ("report.json", "report.any", "matrix.csv", "images.csv"):
        assert read_url(parse_url(f"{shelf}/out/{name}"), most=1 << 20) == (tmp_path / name).read_bytes()
    done = run_segeval("compare", f"{shelf}/out/a.jsonl.gz", f"{shelf}/out/b.jsonl", "-o", f"{shelf}/out/c.md")
    assert done.code == 0, done.stderr
    assert b"| b |" in read_url(parse_url(f"{shelf}/out/c.md"), most=1 << 20)


@pytest.mark.parametrize(
    "target", ["https://host/report.json", "json:https://host/report", "zip::s3://b/report.json", "https://host/"]
)
def test_where_no_output_goes(target: str, tmp_path: Path) -> None:
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "-o", target, "--no-config")
    assert (done.code, done.stdout) == (2, "")
    assert "nothing is written behind such a URL" in done.stderr


def test_a_configuration_that_is_named_may_name_urls(weather: Weather, shelf: str, tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text(
        f'[tool.segeval]\nclasses = "{shelf}/samples/classes.txt"\noutput = "{shelf}/out/named.json"\n',
        encoding="utf-8",
    )
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "--config", config)
    assert done.code == 0, done.stderr
    assert read_url(parse_url(f"{shelf}/out/named.json"), most=1 << 20)
    done = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", cwd=tmp_path)
    assert (done.code, "a configuration that was found names a URL" in done.stderr) == (2, True)


@pytest.mark.slow
def test_five_thousand_pairs_in_bad_weather(
    weather: Weather, store: tuple[Weather, dict[str, str]], tmp_path: Path
) -> None:
    rng = np.random.default_rng(7)
    for side in ("gt", "pred"):
        (tmp_path / "many" / side).mkdir(parents=True)
        for number in range(5000):
            Image.fromarray(rng.integers(0, 19, (8, 9), np.uint8)).save(tmp_path / "many" / side / f"{number:04}.png")
    upload(tmp_path / "many", store[1]["AWS_ENDPOINT_URL"], "many/")
    weather.fail_every, weather.stall_every, weather.stall = 10, 500, 3.0
    run = tmp_path / "run.jsonl"
    urls = ("s3://masks/many/pred", "s3://masks/many/gt")
    done = run_segeval("score", *urls, "--classes", "19", "--save", run, "-q", "--no-config", "--read-timeout", "2")
    assert done.code == 0, done.stderr
    assert run.read_bytes() == local_bytes(tmp_path / "many")


def test_nothing_of_stores_is_imported_for_folders(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).resolve().parents[1] / "sample_masks", tmp_path / "masks")
    probe = (
        "import sys; from segeval.cli import run; code = run(sys.argv[1:]); unused = {'segeval.stores.files', "
        "'segeval.measuring.dispatch', 'fsspec', 's3fs', 'distributed', 'dask'}; "
        "print(sorted(unused & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", probe, "score", "pred", "gt", "-q", "--no-config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path / "masks")
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
