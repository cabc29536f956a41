"""`segeval score` on label masks, from the shell's side: what it prints, where, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segeval import score
from segeval.folders.pairing import Pair
from segeval.measuring.measurement import Failure, stream
from segeval.runs.run import Row
from segeval.tables.counts import joint_counts
from tests.corpora.png_corpus import PALETTE, encode
from tests.support import processes
from tests.support.commandline import run_segeval
from tests.support.properties import examples

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_masks"
CAMVID = ROOT.parent / "shared" / "camvid-val"
needs_camvid = pytest.mark.skipif(not CAMVID.is_dir(), reason="the CamVid masks are not here")

GT = np.array([[0, 0, 0, 0, 0], [1, 1, 1, 255, 255]], np.uint8)
PRED = np.array([[0, 0, 0, 1, 255], [1, 1, 2, 2, 255]], np.uint8)


def save(path: Path, values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two images, of which the second lies in a folder."""
    for name, gt, pred in (("a.png", GT, PRED), ("night/b.png", GT * 0, np.minimum(PRED, 1))):
        save(tmp_path / "gt" / name, gt)
        save(tmp_path / "pred" / name, pred)
    return tmp_path / "pred", tmp_path / "gt"


# What is undefined, and what cannot be scored


def test_no_pairs_is_no_perfect_score(tmp_path: Path) -> None:
    (tmp_path / "pred").mkdir()
    (tmp_path / "gt").mkdir()
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert (done.code, done.stdout) == (2, "")
    assert "error:" in done.stderr
    assert "fix:" in done.stderr


def test_no_valid_pixel_is_no_perfect_score(tmp_path: Path) -> None:
    save(tmp_path / "gt/a.png", np.full((2, 2), 255))
    save(tmp_path / "pred/a.png", np.zeros((2, 2)))
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json")
    assert (done.code, done.stdout) == (2, "")
    assert "no pixel of the ground truth has a class" in done.stderr
    assert "--ignore" in done.stderr


def test_a_class_that_is_nowhere_is_undefined_and_left_out_of_the_mean(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders, "--classes", "4", "-f", "json")
    report = json.loads(done.stdout)
    assert done.code == 0
    assert report["classes"][3]["iou"] is None
    assert report["classes"][3]["gt_share"] == 0
    assert report["classes_in_mean"] == 3
    table = run_segeval("score", *folders, "--classes", "4", "--details").stdout
    (row,) = [line for line in table.splitlines() if line.startswith("│ 3 ")]
    assert " - " in row


def test_voc_makes_the_mean_undefined_and_says_how_to_leave_the_class_out(folders: tuple[Path, Path]) -> None:
    arguments = ("score", *folders, "--classes", "4", "--convention", "voc", "--pred-void", "miss")
    done = run_segeval(*arguments, "-f", "json")
    assert done.code == 0
    assert json.loads(done.stdout)["scores"]["miou"] is None
    assert "--absent skip" in done.stderr
    assert run_segeval(*arguments, "--fail-under", "miou=0.1").code == 2


def test_images_without_valid_pixels_are_counted(tmp_path: Path) -> None:
    for name, gt in (("a", GT), ("b", np.full((2, 5), 255))):
        save(tmp_path / f"gt/{name}.png", gt)
        save(tmp_path / f"pred/{name}.png", PRED)
    report = json.loads(run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json").stdout)
    assert report["data"]["images"] == 2
    assert report["data"]["unscored_images"] == 1


# Numbers that were obtained elsewhere


@needs_camvid
def test_the_figures_of_a_real_model_hold_in_table_and_json() -> None:
    arguments = ("score", CAMVID / "pred", CAMVID / "gt", "--classes", CAMVID / "classes.txt", "--ignore", "11")
    scores = json.loads(run_segeval(*arguments, "-f", "json").stdout)
    wanted = {
        "miou": 0.6025184737829952,
        "mdice": 0.7042155472672924,
        "pixel_accuracy": 0.9071397332020481,
        "mean_accuracy": 0.7500369759911684,
        "fwiou": 0.8488703418786051,
    }
    for name, value in wanted.items():
        assert scores["scores"][name] == pytest.approx(value, rel=1e-12)
    ious = "0.940240 0.815760 0.098872 0.958381 0.827494 0.887510 0.254803 0.539811 0.624018 0.237619 0.443196"
    assert [f"{entry['iou']:.6f}" for entry in scores["classes"]] == ious.split()
    table = run_segeval(*arguments).stdout
    for shown in ("60.25 %", "70.42 ", "90.71 ", "75.00 ", "84.89 ", "94.02", "9.89", "44.32"):
        assert shown in table


def test_swapping_the_folders_swaps_precision_and_recall_and_keeps_iou(tmp_path: Path) -> None:
    save(tmp_path / "a/x.png", [[0, 0, 1], [1, 1, 1]])
    save(tmp_path / "b/x.png", [[0, 1, 1], [2, 1, 1]])
    forth, back = score(tmp_path / "a", tmp_path / "b"), score(tmp_path / "b", tmp_path / "a")
    assert [entry.iou for entry in forth.classes] == [0.5, 0.6, 0.0]
    assert [entry.iou for entry in forth.classes] == [entry.iou for entry in back.classes]
    assert [entry.precision for entry in forth.classes] == [0.5, 0.75, None]
    assert [entry.recall for entry in forth.classes] == [1.0, 0.75, 0.0]
    assert [entry.precision for entry in forth.classes] == [entry.recall for entry in back.classes]
    assert [entry.recall for entry in forth.classes] == [entry.precision for entry in back.classes]


def test_counts_of_the_json_are_pixels_by_hand(folders: tuple[Path, Path]) -> None:
    report = json.loads(run_segeval("score", *folders, "-f", "json").stdout)
    assert report["schema"] == 2
    assert report["confusion"]["labels"] == [0, 1, 2]
    # image a: rows 0 -> 0 0 0 1 void, 1 -> 1 1 2; image b: gt all 0 against 0 0 0 1 1 1 1 1 1 1
    assert report["confusion"]["counts"] == [[6, 8, 0], [0, 2, 1], [0, 0, 0]]
    assert report["confusion"]["unknown"] == [1, 0, 0]
    first = report["classes"][0]
    assert (first["tp"], first["fp"], first["fn"]) == (6, 0, 9)
    assert report["data"]["void_pixels"] == 2
    assert report["data"]["pixels"] == 20


# Labels


def test_ignored_values_are_no_class(folders: tuple[Path, Path]) -> None:
    report = json.loads(run_segeval("score", *folders, "--ignore", "255,1", "-f", "json").stdout)
    assert report["confusion"]["labels"] == [0, 2]
    assert [entry["id"] for entry in report["classes"]] == [0, 2]
    # 1, predicted on a valid pixel, is a miss of class 0 and nobody's false positive
    assert report["confusion"]["unknown"] == [9, 0]


def test_ignore_takes_names_and_none(folders: tuple[Path, Path], tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("sky\nroad\ncar\n")
    by_name = score(*folders, classes=names, ignore="255,road")
    assert [entry.name for entry in by_name.classes] == ["sky", "car"]
    kept = score(*folders, ignore="none")
    assert [entry.id for entry in kept.classes] == [0, 1, 2, 255]
    done = run_segeval("score", *folders, "--classes", names, "--ignore", "rode")
    assert done.code == 2
    assert "rode" in done.stderr


def test_a_map_is_applied_at_once_so_that_swaps_work(folders: tuple[Path, Path]) -> None:
    plain, swapped = score(*folders), score(*folders, map="0=1,1=0")
    assert [entry.iou for entry in swapped.classes[:2]] == [entry.iou for entry in plain.classes[1::-1]]
    merged = score(*folders, map={2: 1})
    assert [entry.id for entry in merged.classes] == [0, 1]


def test_one_side_can_be_mapped_alone(tmp_path: Path) -> None:
    save(tmp_path / "gt/a.png", [[1, 2], [0, 2]])
    save(tmp_path / "pred/a.png", [[0, 1], [1, 1]])
    done = score(tmp_path / "pred", tmp_path / "gt", classes=2, gt_map="0=255,1=0,2=1")
    assert done.scores["miou"] == 1.0


def test_the_default_void_is_a_class_where_there_are_more_than_255(tmp_path: Path) -> None:
    save(tmp_path / "gt/a.png", [[255, 3]])
    save(tmp_path / "pred/a.png", [[255, 3]])
    report = score(tmp_path / "pred", tmp_path / "gt", classes=256)
    assert report.classes[255].iou == 1.0
    assert score(tmp_path / "pred", tmp_path / "gt", classes=255).data.void_pixels == 1


def test_masks_of_0_and_255_are_binary_where_nothing_else_was_said(tmp_path: Path) -> None:
    save(tmp_path / "gt/a.png", [[0, 255], [255, 255]])
    save(tmp_path / "pred/a.png", [[0, 255], [0, 255]])
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", "-f", "json")
    report = json.loads(done.stdout)
    assert [entry["name"] for entry in report["classes"]] == ["background", "foreground"]
    assert report["classes"][1]["iou"] == pytest.approx(2 / 3)
    assert "binary:infer(yes)" in report["signature"]
    assert "--binary" in done.stderr


@pytest.mark.parametrize(("extra", "pred"), [(("--classes", "2"), [[0, 255]]), ((), [[0, 7]])])
def test_0_and_255_that_admit_two_readings_are_an_error_that_names_both(
    tmp_path: Path, extra: tuple[str, ...], pred: list[list[int]]
) -> None:
    save(tmp_path / "gt/a.png", [[0, 255]])
    save(tmp_path / "pred/a.png", pred)
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt", *extra)
    assert (done.code, done.stdout) == (2, "")
    assert "--binary" in done.stderr
    assert "--ignore 255" in done.stderr


def test_unknown_values_name_file_value_and_pixels_and_the_way_out(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders, "--classes", "1")
    assert (done.code, done.stdout) == (2, "")
    assert "a.png: value 1 (3 px)" in done.stderr
    assert "night/b.png: value 1 (7 px)" in done.stderr
    assert "--gt-unknown drop" in done.stderr
    assert "--unknown miss" in done.stderr
    lenient = run_segeval(
        "score", *folders, "--classes", "1", "--unknown", "miss", "--gt-unknown", "drop", "-f", "json"
    )
    report = json.loads(lenient.stdout)
    assert report["confusion"]["counts"] == [[6]]
    assert report["confusion"]["unknown"] == [9]


def test_what_was_inferred_is_said_with_the_option_that_pins_it(folders: tuple[Path, Path]) -> None:
    done = run_segeval("score", *folders)
    assert "--classes 3" in done.stderr
    assert "classes:infer(0..2)" in done.stdout
    quiet = run_segeval("score", *folders, "-q")
    assert quiet.stderr == ""
    assert quiet.stdout == done.stdout


# Pairing


def test_missing_predictions_are_an_error_or_skipped_or_wrong(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    (pred / "night/b.png").unlink()
    done = run_segeval("score", pred, gt)
    assert (done.code, done.stdout) == (2, "")
    assert "night/b.png" in done.stderr
    assert "--missing" in done.stderr
    skipped = json.loads(run_segeval("score", pred, gt, "--missing", "skip", "-f", "json").stdout)
    assert skipped["data"]["images"] == 1
    for void in ("miss", "drop", "error"):
        arguments: tuple[str | Path, ...] = (
            "score",
            pred,
            gt,
            "--missing",
            "miss",
            "--pred-void",
            void,
            "--map",
            "255=9",
            "--ignore",
            "9",
        )
        if void == "error":
            arguments = (*arguments, "--pred-map", "255=1")
        missed = json.loads(run_segeval(*arguments, "-f", "json").stdout)
        assert missed["data"]["missing_images"] == 1
        assert missed["confusion"]["unknown"][0] >= 10, "all ten pixels of the missing image are misses"


def test_several_kinds_of_problem_are_told_together(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    save(gt / "c.png", GT)
    (pred / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    save(pred / "night/b.png", np.zeros((3, 3)))
    done = run_segeval("score", pred, gt)
    assert (done.code, done.stdout) == (2, "")
    for name in ("c.png", "a.png", "night/b.png: 3x3, ground truth 5x2"):
        assert name in done.stderr
    assert done.stderr.count("fix:") == 3


def test_more_than_ten_places_are_counted(tmp_path: Path) -> None:
    for index in range(13):
        save(tmp_path / f"gt/{index:02d}.png", GT)
        (tmp_path / "pred").mkdir(exist_ok=True)
        (tmp_path / f"pred/{index:02d}.png").write_bytes(b"")
    done = run_segeval("score", tmp_path / "pred", tmp_path / "gt")
    assert done.code == 2
    assert "09.png" in done.stderr
    assert "11.png" not in done.stderr
    assert "3 more" in done.stderr


def test_extra_predictions_are_a_warning(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    save(pred / "z.png", PRED)
    done = run_segeval("score", pred, gt)
    assert done.code == 0
    assert "warning (extra):" in done.stderr
    assert "z.png" in done.stderr


# The same masks in every encoding


def _as_palette(depth: int, *, interlaced: bool = False) -> Callable[[np.ndarray], bytes]:
    return lambda mask: encode(
        mask[..., None].astype(np.int64),
        color=PALETTE,
        depth=depth,
        interlaced=interlaced,
    )


def _by_pillow(name: str, mode: str = "L") -> Callable[[np.ndarray], bytes]:
    def write(mask: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        image = Image.fromarray(mask.astype(np.uint16 if mode == "I;16" else np.uint8))
        image.save(buffer, format=name)
        return buffer.getvalue()

    return write


def _as_npy(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, mask.astype(np.int64))
    return buffer.getvalue()


def _as_npz(mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, mask=mask[..., None].astype(np.int16))
    return buffer.getvalue()


def _gray(depth: int, *, interlaced: bool = False) -> Callable[[np.ndarray], bytes]:
    return lambda mask: encode(mask[..., None].astype(np.int64), depth=depth, interlaced=interlaced)


ENCODINGS: dict[str, tuple[str, Callable[[np.ndarray], bytes]]] = {
    "gray 1": (".png", _gray(1)),
    "gray 2": (".png", _gray(2)),
    "gray 4": (".png", _gray(4)),
    "gray 8": (".png", _gray(8)),
    "gray 16": (".png", _gray(16)),
    "gray 4 interlaced": (".png", _gray(4, interlaced=True)),
    "palette 1": (".png", _as_palette(1)),
    "palette 2": (".png", _as_palette(2)),
    "palette 4": (".png", _as_palette(4)),
    "palette 8": (".png", _as_palette(8)),
    "palette 8 interlaced": (".png", _as_palette(8, interlaced=True)),
    "BMP": (".bmp", _by_pillow("BMP")),
    "GIF": (".gif", _by_pillow("GIF")),
    "TIFF": (".tif", _by_pillow("TIFF")),
    "TIFF 16": (".tiff", _by_pillow("TIFF", "I;16")),
    "npy": (".npy", _as_npy),
    "npz": (".npz", _as_npz),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_masks_in_every_encoding_give_the_same_table(encoding: str, tmp_path: Path) -> None:
    shape = (21, 33)
    gt = np.arange(shape[0] * shape[1]).reshape(shape) // 7 % 2
    pred = np.arange(shape[0] * shape[1]).reshape(shape) // 9 % 2
    suffix, write = ENCODINGS[encoding]
    for folder in ("gt", "pred"):
        (tmp_path / folder).mkdir()
    (tmp_path / f"gt/a{suffix}").write_bytes(write(gt))
    (tmp_path / f"pred/a{suffix}").write_bytes(write(pred))
    report = score(tmp_path / "pred", tmp_path / "gt", classes=2)
    expected = joint_counts(gt=gt, pred=pred).pixels.reshape(2, 2)
    assert report.confusion.matrix.tolist() == expected.tolist()


# The same result however it is computed


def test_json_is_the_same_bytes_from_run_to_run_and_for_any_jobs() -> None:
    arguments = ("score", SAMPLES / "pred", SAMPLES / "gt", "-c", SAMPLES / "classes.txt", "-f", "json")
    first = run_segeval(*arguments, "-j", "1").stdout
    assert json.loads(first)["scores"]["miou"] == pytest.approx(0.7425, abs=1e-4)
    for jobs in ("1", "2", "8"):
        assert run_segeval(*arguments, "-j", jobs).stdout == first


@given(st.integers(1, 40), st.integers(1, 8), st.randoms(use_true_random=False))
@settings(max_examples=examples(25), deadline=None)
def test_any_order_and_any_number_of_workers_give_the_same_rows(count: int, jobs: int, chance: random.Random) -> None:
    rng = np.random.default_rng(count)
    images = {f"{index:02d}": rng.integers(0, 4, (2, 6, 5)) for index in range(count)}

    def measure(pair: Pair) -> Row:
        gt, pred = images[pair.key]
        return Row(pair.key, 6, 5, "", joint_counts(gt=gt, pred=pred))

    pairs = [Pair(key, key, (key,)) for key in images]
    expected = [measure(pair) for pair in pairs]
    chance.shuffle(pairs)
    results = [result for result in stream(pairs, measure, jobs=jobs) if not isinstance(result, Failure)]
    assert sorted(results, key=lambda row: row.key) == expected


# Streams, exit codes, and what a user never sees


def test_outputs_are_written_beside_stdout(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = run_segeval("score", *folders, "-o", tmp_path / "r.json", "-o", tmp_path / "r.txt", "-f", "json")
    assert done.code == 0
    assert (tmp_path / "r.json").read_text() == done.stdout
    assert "mIoU" in (tmp_path / "r.txt").read_text()
    assert sorted(path.name for path in tmp_path.glob("*r.*")) == ["r.json", "r.txt"]


def test_an_unwritable_output_is_told_before_any_work(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[0] / "a.png").write_bytes(b"broken")
    done = run_segeval("score", *folders, "-o", tmp_path / "no/such/folder/r.json")
    assert (done.code, done.stdout) == (2, "")
    assert "r.json" in done.stderr
    assert "a.png" not in done.stderr


def test_a_failed_run_leaves_the_old_output_as_it_was(folders: tuple[Path, Path], tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    target.write_text("old")
    (folders[0] / "a.png").write_bytes(b"broken")
    assert run_segeval("score", *folders, "-o", target).code == 2
    assert target.read_text() == "old"
    assert not list(tmp_path.glob(".r.json*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scor", "a", "b"], "did you mean 'score'"),
        (["score", "only-one"], "GT"),
        (["score", "a", "b", "--no-such-option"], "--no-such-option"),
        (["score", "nowhere", "nowhere"], "nowhere"),
        (["score", "a", "b", "-f", "jsn"], "json"),
        (["score", "a", "b", "--fail-under", "miou=70"], "0.70"),
        (["score", "a", "b", "--convention", "cityscape"], "cityscapes"),
        (["score", "a", "b", "--preset", "cityscape"], "cityscapes"),
        (["score", "a", "b", "--classes", "no-file.txt"], "no-file.txt"),
        (["score", "a", "b", "--map", "1:2"], "--map 27=255"),
    ],
)
def test_what_cannot_be_meant_is_told_with_exit_code_2(arguments: list[str], said: str) -> None:
    done = run_segeval(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.startswith("error:")
    assert "Traceback" not in done.stderr


def test_an_internal_error_is_2_and_shows_a_traceback_only_when_asked(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("segeval.api.scoring.report_of", broken)
    done = run_segeval("score", *folders)
    assert (done.code, done.stdout) == (2, "")
    assert "internal error: ZeroDivisionError: by design" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run_segeval("score", *folders, "-v").stderr


def test_color_follows_flag_then_environment_then_terminal(folders: tuple[Path, Path]) -> None:
    def colored(*options: str, terminal: bool = False, **environment: str) -> bool:
        done = run_segeval("score", *folders, *options, terminal=terminal, environment=environment)
        return "\x1b[" in done.stdout

    assert not colored()
    assert colored(terminal=True)
    assert not colored(terminal=True, NO_COLOR="1")
    assert colored(FORCE_COLOR="1")
    assert not colored("--color", "never", FORCE_COLOR="1")
    assert colored("--color", "always", NO_COLOR="1")


def shell(command: str, **options: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": processes.search_path()}
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60, env=env
    )


def test_a_closed_pipe_is_no_error() -> None:
    piped = "segeval score sample_masks/pred sample_masks/gt -f json | head -c 1; echo ${PIPESTATUS[0]}"
    done = shell(piped)
    assert done.stdout == "{0\n"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_output_to_a_file_and_to_a_full_disk(tmp_path: Path) -> None:
    done = shell(f"segeval score sample_masks/pred sample_masks/gt -f json > {tmp_path}/r.json")
    assert done.returncode == 0
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == 2
    if Path("/dev/full").exists():
        full = shell("segeval score sample_masks/pred sample_masks/gt > /dev/full")
        assert full.returncode == 2
        assert "error:" in full.stderr
        assert "Traceback" not in full.stderr


def test_ctrl_c_ends_with_130_at_once(tmp_path: Path) -> None:
    big = np.random.default_rng(0).integers(0, 4, (3000, 3000), np.uint8)
    (tmp_path / "gt").mkdir()
    Image.fromarray(big).save(tmp_path / "gt/00.png", compress_level=1)
    (tmp_path / "pred").mkdir()
    os.link(tmp_path / "gt/00.png", tmp_path / "pred/00.png")
    for index in range(1, 60):
        os.link(tmp_path / "gt/00.png", tmp_path / f"gt/{index:02d}.png")
        os.link(tmp_path / "gt/00.png", tmp_path / f"pred/{index:02d}.png")
    with processes.start("score", tmp_path / "pred", tmp_path / "gt") as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == b""
    assert b"Traceback" not in stderr


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "segeval", "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    for part in ("segeval 0.", "Python 3.", "numpy ", "Pillow "):
        assert part in done.stdout
