"""Zip archives read in place: the same report as the folder gives, and nothing that only looks like an archive."""

from __future__ import annotations

import io
import pickle
import resource
import stat
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.errors import MaskError, NothingToScoreError, PairingError, SegevalError
from segeval.stores import packed as packed_in_stores
from segeval.stores.archives import Archive, archive_at
from segeval.stores.urls import StoreUrl
from tests.fuzz import archives
from tests.fuzz.engine import run
from tests.support.commandline import run_segeval

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MOST = 1 << 31


def packed(folder: Path, target: Path, top: str = "", method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{top}{path.relative_to(folder).as_posix()}")
    return target


def archive_of(target: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target


def mask() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) % 3).save(stream, "PNG")
    return stream.getvalue()


# The same as the folder


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("top", ["", "masks/", "a/"])
def test_an_archive_gives_the_report_of_its_folder(tmp_path: Path, top: str, method: int) -> None:
    gt = packed(SAMPLES / "gt", tmp_path / "gt.zip", top, method)
    pred = packed(SAMPLES / "pred", tmp_path / "pred.ZIP", "", method)
    folders = run_segeval("score", SAMPLES / "pred", SAMPLES / "gt", "-f", "json")
    for sides in ((pred, gt), (SAMPLES / "pred", gt), (pred, SAMPLES / "gt")):
        assert run_segeval("score", *sides, "-f", "json") == folders


@pytest.mark.parametrize("maps", ["probs", "class_probs"])
def test_probability_maps_are_read_from_archives_too(tmp_path: Path, maps: str) -> None:
    generator = np.random.default_rng(2)
    for folder in ("0", "1", "2") if maps == "class_probs" else ("",):
        (tmp_path / maps / folder).mkdir(parents=True)
        levels = generator.integers(0, 256, (9, 7), np.uint8)
        Image.fromarray(levels).save(tmp_path / maps / folder / "a.png")
    (tmp_path / "gt").mkdir()
    Image.fromarray(generator.integers(0, 2, (9, 7), np.uint8)).save(tmp_path / "gt" / "a.png")
    archive = packed(tmp_path / maps, tmp_path / "maps.zip")
    assert (
        segeval.score(archive, tmp_path / "gt", probs=True).to_dict()
        == segeval.score(tmp_path / maps, tmp_path / "gt", probs=True).to_dict()
    )


def test_regions_and_inspection_read_archives(tmp_path: Path) -> None:
    gt, pred = packed(SAMPLES / "gt", tmp_path / "gt.zip"), packed(SAMPLES / "pred", tmp_path / "pred.zip")
    (tmp_path / "roi").mkdir()
    Image.new("L", (320, 192), 1).save(tmp_path / "roi" / "0001.png")
    roi = packed(tmp_path / "roi", tmp_path / "roi.zip")
    report = segeval.score(pred, gt, roi=roi, keys="0001").to_dict()
    assert report == segeval.score(SAMPLES / "pred", SAMPLES / "gt", roi=tmp_path / "roi", keys="0001").to_dict()
    found, folders = segeval.inspect(pred, gt), segeval.inspect(SAMPLES / "pred", SAMPLES / "gt")
    assert (found.ready, found.pairs, found.gt) == (True, folders.pairs, folders.gt)


def test_what_systems_add_to_archives_is_passed_over(tmp_path: Path) -> None:
    entries = (("m/a.png", mask()), ("__MACOSX/m/._a.png", b"x"), ("m/.DS_Store", b"x"), ("m/notes.txt", b"x"))
    archive = archive_at(archive_of(tmp_path / "a.zip", *entries))
    assert archive.files == ("a.png", "notes.txt")


def test_an_interrupted_run_goes_on_with_archives(tmp_path: Path) -> None:
    gt, pred = packed(SAMPLES / "gt", tmp_path / "gt.zip"), packed(SAMPLES / "pred", tmp_path / "pred.zip")
    command = ("score", pred, gt, "--save", tmp_path / "run.jsonl", "--only", "miou")
    first = run_segeval(*command)
    assert run_segeval(*command, "--resume").stdout == first.stdout
    assert segeval.load_run(tmp_path / "run.jsonl") == segeval.measure(SAMPLES / "pred", SAMPLES / "gt")


# What is refused, before anything is unpacked


@pytest.mark.parametrize(
    "name",
    ["/a.png", "../a.png", "m/../../a.png", "m//a.png", "./a.png", "C:/a.png", "m\\a.png", "a\x01.png", "x" * 5000],
)
def test_names_that_lead_elsewhere_refuse_the_whole_archive(tmp_path: Path, name: str) -> None:
    path = archive_of(tmp_path / "a.zip", ("good.png", mask()), (name.replace("\\", "?"), mask()))
    if "\\" in name:
        path.write_bytes(path.read_bytes().replace(b"m?a.png", b"m\\a.png"))
    with pytest.raises(PairingError, match="names that lead out") as raised:
        archive_at(path)
    assert str(path) in raised.value.where[0]
    assert len(raised.value.where) == 1


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", mask())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", mask())
    with pytest.raises(PairingError, match="several files of one name"):
        archive_at(path)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", mask(), b"PK\5\6" + bytes(18)[:10]])
def test_what_is_no_archive_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(PairingError, match="no zip archive"):
        archive_at(tmp_path / "a.zip")


def test_an_empty_archive_holds_no_masks(tmp_path: Path) -> None:
    with pytest.raises(NothingToScoreError, match="no predictions"):
        segeval.score(archive_of(tmp_path / "a.zip"), SAMPLES / "gt")


def test_an_archive_within_an_archive_is_no_mask(tmp_path: Path) -> None:
    inner = archive_of(tmp_path / "inner.zip", ("a.png", mask())).read_bytes()
    outer = archive_of(tmp_path / "outer.zip", ("inner.zip", inner))
    with pytest.raises(SegevalError, match="holds a zip archive") as raised:
        segeval.score(outer, SAMPLES / "gt")
    assert "Unpack it" in raised.value.fix


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    """Put many names on the bytes of one entry, as the bombs do that are 46 MB small and 4.5 PB large."""
    path = archive_of(tmp_path / "a.zip", ("0.png", bytes(1 << 20)), ("1.png", b"x"))
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\1\2")
    struct.pack_into("<L", data, second + 42, 0)
    path.write_bytes(data)
    with pytest.raises(PairingError, match="overlap"):
        archive_at(path)


@pytest.mark.parametrize("claim", [5, 11, 1 << 30])
def test_no_more_is_unpacked_than_the_directory_says(tmp_path: Path, claim: int) -> None:
    path = archive_of(tmp_path / "a.zip", ("a.png", bytes(range(10))))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\1\2") + 24, claim)
    path.write_bytes(data)
    with pytest.raises(MaskError, match="damaged") as raised:
        archive_at(path).read("a.png", name="gt/a.png", most=MOST)
    assert raised.value.where[0].startswith("gt/a.png: it unpacks to another size")


def test_a_bomb_is_refused_by_what_it_says_and_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("0001.png", "w", force_zip64=True) as entry,
    ):
        for _ in range(64):
            entry.write(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MaskError, match="larger than any mask"):
        archive_at(path).read("0001.png", name="a", most=1 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10


def test_a_checksum_that_is_another_is_damage(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", ("a.png", mask()))
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 16] ^= 1
    path.write_bytes(data)
    with pytest.raises(MaskError, match="damaged") as raised:
        segeval.score(path, path)
    assert "checksum" in raised.value.where[0]


def test_links_and_encrypted_entries_are_told_as_places_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.png", mask())
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert archive_at(path).problems == (("a.png", "a link"), ("b.png", "it is encrypted"))
    with pytest.raises(SegevalError, match="places that cannot be read"):
        segeval.score(path, SAMPLES / "gt")


def test_an_archive_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", ("a.png", mask()))
    archive = archive_at(path)
    path.write_bytes(b"something else")
    with pytest.raises(MaskError, match="damaged"):
        archive.read("a.png", name="a", most=MOST)
    path.unlink()
    with pytest.raises(MaskError, match="damaged"):
        archive.read("a.png", name="a", most=MOST)


def of_many(count: int, data: bytes) -> bytes:
    """Return an archive that holds the same content under many names, 000000.png and so on, as zip64 has it."""
    facts = struct.pack("<LLLHH", zlib.crc32(data), len(data), len(data), 10, 0)
    local = b"PK\3\4" + struct.pack("<5H", 20, 0, 0, 0, 33) + facts
    central = b"PK\1\2" + struct.pack("<6H", 20, 20, 0, 0, 0, 33) + facts + bytes(10)
    names = [f"{number:06d}.png".encode() for number in range(count)]
    step, start = len(local) + 10 + len(data), count * (len(local) + 10 + len(data))
    entries = b"".join([local + name + data for name in names])
    listed = b"".join([central + struct.pack("<L", index * step) + name for index, name in enumerate(names)])
    end = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, len(listed), start)
    where = b"PK\6\7" + struct.pack("<LQL", 0, start + len(listed), 1)
    short = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, len(listed), start, 0)
    return entries + listed + end + where + short


def test_a_hundred_thousand_entries_are_fine(tmp_path: Path) -> None:
    path, data = tmp_path / "a.zip", mask()
    path.write_bytes(of_many(100_000, data))
    archive_read = archive_at(path)
    assert len(archive_read.files) == 100_000
    assert archive_read.read("099999.png", name="a", most=MOST) == data


def test_a_directory_beyond_its_bounds_is_refused_unread(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", ("a.png", mask()))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\5\6") + 12, 1 << 31)
    path.write_bytes(data)
    with pytest.raises(PairingError, match="too large a directory"):
        archive_at(path)


def test_no_file_stays_open(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("counts the files that Linux lists")
    gt, pred = packed(SAMPLES / "gt", tmp_path / "gt.zip"), packed(SAMPLES / "pred", tmp_path / "pred.zip")
    before = len(list(Path("/proc/self/fd").iterdir()))
    segeval.score(pred, gt)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_mutated_archives_are_read_rightly_or_refused() -> None:
    tally = run(archives.check, count=1500, seed=1)
    assert not tally.failures, "\n".join(f"case {index}: {what}" for index, what, _ in tally.failures[:5])
    assert tally.outcomes["read"] > 300
    assert tally.outcomes["refused"] > 300


def test_an_archive_travels_to_another_process_by_its_path(tmp_path: Path) -> None:
    archive = archive_at(archive_of(tmp_path / "a.zip", ("a.png", mask())))
    there = pickle.loads(pickle.dumps(archive))
    assert there.read("a.png", name="a", most=MOST) == mask()
    assert len(pickle.dumps(archive)) < 500


def test_of_an_archive_in_a_store_only_what_is_asked_for_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.random.default_rng(7).bytes(4000)
    path = archive_of(tmp_path / "a.zip", *((f"masks/{number:03}.png", content) for number in range(200)))
    fetched: list[int] = []

    def part(url: StoreUrl, start: int, stop: int) -> bytes:
        fetched.append(stop - start)
        return path.read_bytes()[start:stop]

    monkeypatch.setattr(packed_in_stores, "archive_size", lambda url: path.stat().st_size)
    monkeypatch.setattr(packed_in_stores, "read_part", part)
    archive = packed_in_stores.opened_url(StoreUrl("s3", "bucket/a.zip", packed=True))
    assert isinstance(archive, Archive)
    assert len(fetched) == 1, "the directory lies within the end of the file"
    assert archive.read("007.png", name="gt/007.png", most=MOST) == content
    assert fetched[1:] == [pytest.approx(len(content), rel=0.05)]
    again = pickle.loads(pickle.dumps(archive))
    assert again is archive, "a process reads the directory once"
    assert str(archive) == "zip::s3://bucket/a.zip"
