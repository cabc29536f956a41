"""Slices: each is what its images are by themselves, and the difference from the rest has a p-value."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.sampling.resampling import Resampling
from segeval.sampling.sample import Units
from segeval.sampling.slices import by_number, holm, permutation_p
from tests.support.commandline import Completed, run_segeval
from tests.support.statisticsdata import KEYS, counted, drawn_masks, predicted, write

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
BY_FOLDER = ("--slice-regex", "folder=^[^/]+", "--by", "folder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gt = drawn_masks(4)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", predicted(gt, 5, right=0.8))
    return tmp_path


def score(folder: Path, *arguments: str | Path) -> Completed:
    return run_segeval("score", "pred", "gt", "--no-config", *arguments, cwd=folder)


def read(done: Completed) -> Any:
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def slices_of(done: Completed, table: int = 0) -> dict[str, Any]:
    return {one["name"]: one for one in read(done)["slices"]["by"][table]["slices"]}


def table_file(folder: Path, values: Mapping[str, str], name: str = "time") -> Path:
    path = folder / "slices.csv"
    path.write_text(f"key,{name}\n" + "".join(f"{key},{value}\n" for key, value in values.items()), encoding="utf-8")
    return path


# What a slice is


@pytest.mark.parametrize(
    ("masks", "options"),
    [
        (("pred", "gt"), ("--classes", "classes.txt")),
        (("pred", "gt"), ("--classes", "classes.txt", "--convention", "ade20k")),
        (("binary/probs", "binary/gt"), ("--probs", "--binary", "--pos-weight", "auto")),
        (("multiclass/probs", "multiclass/gt"), ("--probs", "--classes", "classes.txt", "--gamma", "1")),
    ],
)
def test_a_slice_is_what_its_images_are_by_themselves(
    tmp_path: Path, masks: tuple[str, str], options: tuple[str, ...]
) -> None:
    run, table = tmp_path / "run.jsonl", tmp_path / "slices.jsonl"
    assert run_segeval("score", *masks, *options, "--save", run, "-q", cwd=SAMPLES).code == 0
    keys = [json.loads(line)["key"] for line in run.read_text(encoding="utf-8").splitlines() if '"key":' in line]
    table.write_text("".join(f'{{"key": "{key}", "odd": {json.dumps("1" in key)}}}\n' for key in keys))
    found = slices_of(run_segeval("report", run, "--slices", table, "--by", "odd", "-f", "json", "-q"))
    assert set(found) == {"true", "false"}
    for name, glob in (("true", "*1*"), ("false", "*[!1]")):
        alone = read(run_segeval("report", run, "--keys", glob, "-f", "json", "-q", "--ci", "95"))
        assert found[name]["images"] == alone["data"]["images"]
        assert found[name]["pixels"] == alone["data"]["pixels"]
        assert found[name]["scores"] == alone["scores"]
        assert [one["iou"] for one in found[name]["classes"]] == [one["iou"] for one in alone["classes"]]
        assert found[name]["intervals"] == alone["intervals"]
        other = found["false" if name == "true" else "true"]
        for score_name, rest in found[name]["rest"].items():
            value = other["scores"][score_name]
            assert rest == (None if value is None else pytest.approx(value, rel=1e-12))


def test_slices_from_folders_and_from_the_saved_run_are_the_same(folder: Path) -> None:
    direct = read(score(folder, *BY_FOLDER, "-f", "json", "--save", "run.jsonl"))
    again = read(run_segeval("report", "run.jsonl", *BY_FOLDER, "-f", "json", cwd=folder))
    assert again["slices"] == direct["slices"]


def test_shards_are_sliced_once_they_are_combined(folder: Path) -> None:
    direct = read(score(folder, *BY_FOLDER, "-f", "json"))
    for index in (1, 2, 3):
        assert score(folder, "--shard", f"{index}/3", "--save", f"{index}.jsonl", "-q").code == 0
    parts = ("1.jsonl", "2.jsonl", "3.jsonl")
    assert run_segeval("combine", *parts, "-o", "whole.jsonl", "-q", cwd=folder).code == 0
    again = read(run_segeval("report", "whole.jsonl", *BY_FOLDER, "-f", "json", cwd=folder))
    assert again["slices"] == direct["slices"]


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
@pytest.mark.parametrize("options", [(), ("--convention", "pysodmetrics"), ("--loss-reduction", "images")])
def test_16_bit_and_float_maps_slice_what_rows_keep_and_say_what_they_cannot(
    tmp_path: Path, kind: type[Any], options: tuple[str, ...]
) -> None:
    random = np.random.default_rng(0)
    gt = {f"{part}/{index}": random.integers(0, 2, (9, 8), np.uint8) for part in "ab" for index in range(3)}
    write(tmp_path / "gt", gt)
    for key in gt:
        path = tmp_path / f"pred/{key}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        p = random.random((9, 8), np.float32)
        np.save(path, p if kind is np.float32 else (p * 65535).astype(kind))
    maps = ("--probs", "--binary", "-f", "json", *options)
    done = score(tmp_path, *maps, *BY_FOLDER)
    found = slices_of(done)
    told = [warning for warning in read(done)["warnings"] if warning["kind"] == "slice-levels"]
    assert len(told) == 1
    for name in "ab":
        alone = read(run_segeval("score", f"pred/{name}", f"gt/{name}", "--no-config", *maps, cwd=tmp_path))["scores"]
        for score_name in ("max_f", "mean_f", "adaptive_f"):
            assert found[name]["scores"][score_name] == alone[score_name] is not None
        for score_name in ("miou", "pixel_accuracy", "bce", "focal", "brier", "mae"):
            assert found[name]["scores"][score_name] == pytest.approx(alone[score_name], rel=1e-13)
        assert [found[name]["scores"][lacking] for lacking in ("average_precision", "auroc", "ece")] == [None] * 3


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_form_of_file_says_the_same(folder: Path, suffix: str) -> None:
    values = {key: ("night", "day")[int(key[-1]) % 2] for key in KEYS}
    path = folder / f"slices{suffix}"
    if suffix == ".csv":
        text = "time,key,fog\r\n" + "".join(f'"{value}",{key},\r\n' for key, value in values.items())
        path.write_text(f"\ufeff{text}", encoding="utf-8", newline="")
    elif suffix == ".jsonl":
        path.write_text(
            "".join(json.dumps({"key": key, "time": time, "fog": None}) + "\n" for key, time in values.items())
        )
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"key": list(values), "time": list(values.values())}), path)
    found = slices_of(score(folder, "--slices", path.name, "--by", "time", "-f", "json"))
    assert {name: one["images"] for name, one in found.items()} == {"day": 3, "night": 4}


def test_columns_cross_and_numbers_fall_into_ranges(folder: Path) -> None:
    table_file(folder, {key: str(index) for index, key in enumerate(KEYS)}, "fog")
    options = ("--slices", "slices.csv", "--slice-regex", "folder=^[^/]+")
    done = score(folder, *options, "--by", "fog:2,fog:2*folder", "-f", "json")
    assert {name: one["images"] for name, one in slices_of(done).items()} == {"0..3": 4, "4..6": 3}
    crossed = {name: one["images"] for name, one in slices_of(done, 1).items()}
    assert crossed == {"0..3*a": 3, "0..3*b": 1, "4..6*b": 1, "4..6*c": 2}


def test_ranges_hold_as_many_images_each_and_ties_stay_together() -> None:
    random = np.random.default_rng(1)
    values = random.permutation(np.arange(400.0)).tolist()
    assert [len(one.images) for one in by_number(values, 4)] == [100] * 4
    tied = by_number([1.0] * 9 + [2.0], 4)
    assert [(one.name, len(one.images)) for one in tied] == [("1", 9), ("2", 1)]
    several = by_number(random.integers(0, 6, 200).astype(float).tolist(), 3)
    assert sorted(image for one in several for image in one.images) == list(range(200))


def test_small_medium_and_large_are_thirds_of_a_classes_share(folder: Path) -> None:
    gt = drawn_masks(4)
    pred = predicted(gt, 5, right=0.8)
    found = slices_of(score(folder, "--by", "class-size", "-f", "json", "--classes", "4"))
    for index in range(4):
        shares = {key: (mask == index).sum() / (mask != 255).sum() for key, mask in gt.items()}
        ranked = sorted(share for share in shares.values() if share)
        ends = [ranked[-(-len(ranked) * part // 3) - 1] for part in (1, 2)]
        for name, low, high in (("small", 0.0, ends[0]), ("medium", ends[0], ends[1]), ("large", ends[1], 1.0)):
            inside = [counted(pred[key], gt[key], index) for key, share in shares.items() if low < share <= high]
            tp, fp, fn = (sum(column) for column in zip(*inside, strict=True)) if inside else (0, 0, 0)
            expected = tp / (tp + fp + fn) if inside else None
            assert found[name]["classes"][index]["iou"] == expected
    for one in found.values():
        known = [entry["iou"] for entry in one["classes"] if entry["iou"] is not None]
        assert one["scores"]["miou"] == pytest.approx(sum(known) / len(known), rel=1e-15)
        low, high = one["intervals"]["miou"]
        assert low <= one["scores"]["miou"] <= high


# Whether it differs


def test_holm_is_that_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    random = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        p_values = np.round(random.random(size) ** 3, 2).tolist()
        theirs = multitest.multipletests(p_values, method="holm")[1]
        assert holm(p_values) == pytest.approx(theirs.tolist(), rel=1e-15)
    assert holm([None, 0.01, None, 0.04]) == (None, 0.02, None, 0.04)


def test_p_is_the_share_of_divisions_that_differ_as_much(folder: Path) -> None:
    gt = drawn_masks(4)
    pred = predicted(gt, 5, right=0.8)
    hits = np.array([((gt[key] == pred[key]) & (gt[key] != 255)).sum() for key in KEYS])
    valid = np.array([(gt[key] != 255).sum() for key in KEYS])

    def difference(inside: tuple[int, ...]) -> float:
        chosen = np.isin(np.arange(len(KEYS)), inside)
        return abs(float(hits[chosen].sum() / valid[chosen].sum() - hits[~chosen].sum() / valid[~chosen].sum()))

    observed = difference((0, 1, 2))
    every = [difference(inside) for inside in itertools.combinations(range(len(KEYS)), 3)]
    exact = sum(one >= observed - 1e-12 for one in every) / len(every)
    found = slices_of(score(folder, *BY_FOLDER, "-f", "json", "--resamples", "20000"))["a"]["p"]["pixel_accuracy"]
    assert found == pytest.approx(exact, abs=0.015)


def test_p_is_adjusted_over_all_slices_that_are_shown(folder: Path) -> None:
    table_file(folder, {key: ("x", "y")[index % 2] for index, key in enumerate(KEYS)})
    done = read(
        score(folder, "--slices", "slices.csv", "--slice-regex", "folder=^.", "--by", "time,folder", "-f", "json")
    )
    every = [one for table in done["slices"]["by"] for one in table["slices"]]
    assert len(every) == 5
    assert [one["p_holm"]["miou"] for one in every] == list(holm([one["p"]["miou"] for one in every]))


def test_one_slice_alone_has_no_rest(folder: Path) -> None:
    table_file(folder, dict.fromkeys(KEYS, "day"))
    (one,) = slices_of(score(folder, "--slices", "slices.csv", "--by", "time", "-f", "json")).values()
    assert one["rest"]["miou"] is one["differences"]["miou"] is one["p"]["miou"] is one["p_holm"]["miou"] is None


def test_a_slice_without_images_is_never_certain() -> None:
    class Never:
        columns = np.zeros((3, 1))

        def statistics(self, sums: Any) -> Any:
            return sums

    settings = Resampling(resamples=10)
    assert permutation_p(Never(), np.zeros(3, np.bool_), settings) == (None,)  # type: ignore[arg-type]  # its two parts
    assert Units(("a",), np.zeros(1, np.intp)).names == ("a",)


# What is refused


@pytest.mark.parametrize(
    ("change", "what", "where"),
    [
        ({"d/9": "day"}, "names images that are not scored", "d/9"),
        ({"a/1": ""}, "have no value of 'time'", "a/1"),
    ],
)
def test_keys_that_do_not_fit_are_named(folder: Path, change: dict[str, str], what: str, where: str) -> None:
    table_file(folder, dict.fromkeys(KEYS, "day") | change)
    done = score(folder, "--slices", "slices.csv", "--by", "time")
    assert done.code == 2
    assert what in done.stderr
    assert where in done.stderr


def test_a_key_in_two_slices_of_a_column_is_named(folder: Path) -> None:
    path = table_file(folder, dict.fromkeys(KEYS, "day"))
    path.write_text(f"{path.read_text(encoding='utf-8')}a/0,night\na/1,day\n", encoding="utf-8")
    done = score(folder, "--slices", "slices.csv", "--by", "time")
    assert (done.code, "a/0: time is day and night" in done.stderr, "a/1" in done.stderr) == (2, True, False)


def test_a_slice_without_a_valid_pixel_is_named_with_its_keys(folder: Path) -> None:
    write(folder / "gt", {"c/0": np.full((10, 12), 255, np.uint8), "c/1": np.full((10, 12), 255, np.uint8)})
    done = score(folder, *BY_FOLDER)
    assert done.code == 2
    assert "the slice c of folder is empty" in done.stderr
    assert "c/0" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by", "time"), "Add --slices FILE"),
        (("--slice-regex", "time=x"), "Add --by time"),
        (("--slice-regex", "time=x", "--by", "time"), "finds nothing in some keys"),
        (("--slice-regex", "time=(", "--by", "time"), "is not a regular expression"),
        (("--slice-regex", "time", "--by", "time"), "a slice must be NAME=REGEX"),
        (("--slice-regex", "time=.", "--by", "tim"), "Did you mean 'time'"),
        (("--slice-regex", "time=.", "--by", "time:3"), "is no number everywhere"),
        (("--slice-regex", "time=.", "--by", "time:1"), "--by is no list of columns"),
        (("--slice-regex", "time=.", "--by", "time,"), "--by is no list of columns"),
        (("--slice-regex", "time=.", "--by", "time*time"), "cannot cross"),
        (("--slice-regex", "time=.", "--by", "time,time"), "names a column twice"),
        (("--by", "class-size:2"), "has three sizes"),
        (("--slices", "absent.csv", "--by", "time"), "cannot be read"),
        (("--slices", "gt", "--by", "time"), "End its name in"),
        (("--slice-regex", "time=.$", "--by", "time", "--group-by", "^."), "lie in two slices"),
        (("--by", "class-size", "--shard", "1/2"), "'segeval report RUN --by class-size'"),
    ],
)
def test_what_means_nothing_is_refused(folder: Path, options: tuple[str, ...], told: str) -> None:
    done = score(folder, *options)
    assert done.code == 2
    assert told in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "name,time\nx,y\n", "has no column 'key'"),
        ("a.csv", "key,time,time\nx,y,z\n", "two columns of one name"),
        ("a.csv", "key,time\nx\n", "line 2"),
        ("a.csv", 'key,time\nx,"y\n', "no CSV"),
        ("a.csv", "key,time\n", "names no image"),
        ("a.jsonl", "{", "no JSON"),
        ("a.jsonl", "[1]", "no object"),
        ("a.jsonl", '{"key": 1}', "no object"),
        ("a.jsonl", '{"key": "x", "time": [1]}', "no plain one: time"),
        ("a.jsonl", "[" * 5000, "nested deeper"),
        ("a.parquet", "PAR1", "no Parquet"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_place(folder: Path, name: str, text: str, told: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (folder / name).write_text(text, encoding="utf-8")
    done = score(folder, "--slices", name, "--by", "time")
    assert done.code == 2
    assert told in done.stderr
    assert "internal error" not in done.stderr


def test_more_slices_than_anybody_reads_are_refused(tmp_path: Path) -> None:
    keys = tuple(f"{index:03}" for index in range(101))
    gt = drawn_masks(1, keys=keys)
    write(tmp_path / "gt", gt)
    write(tmp_path / "pred", gt)
    done = score(tmp_path, "--slice-regex", "n=.*", "--by", "n")
    assert (done.code, "--by n:4" in done.stderr) == (2, True)
    assert score(tmp_path, "--slice-regex", "n=.*", "--by", "n:4", "--resamples", "9").code == 0


def test_a_file_may_tell_of_images_that_keys_leaves_out(folder: Path) -> None:
    table_file(folder, dict.fromkeys(KEYS, "day"))
    assert score(folder, "--save", "run.jsonl").code == 0
    options = ("--keys", "a/*", "--slices", "slices.csv", "--by", "time")
    assert run_segeval("report", "run.jsonl", *options, cwd=folder).code == 0


# Gates, and what is printed


def test_gates_hold_slices_to_bounds(folder: Path) -> None:
    found = slices_of(score(folder, *BY_FOLDER, "-f", "json"))
    values = {name: one["scores"]["miou"] for name, one in found.items()}
    worst = min(values, key=lambda name: values[name])
    for gate, value in ((f"mIoU@folder={worst}", values[worst]), ("worst(miou@folder)", values[worst])):
        assert score(folder, *BY_FOLDER, "--fail-under", f"{gate}={value!r}").code == 0
        assert score(folder, *BY_FOLDER, "--fail-under", f"{gate}={value + 1e-9!r}").code == 1
        assert float(score(folder, *BY_FOLDER, "--only", gate).stdout) == value
    iou = found["b"]["classes"][2]["iou"]
    assert float(score(folder, *BY_FOLDER, "--only", "iou.2@folder=b").stdout) == iou


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("miou@folder=z", "Slices of folder are a, b, c"),
        ("miou@city=a", "add --by city"),
        ("worst(mio@folder)", "did you mean"),
        ("recall.1@folder=a", "IoU alone"),
        ("iou.nobody@folder=a", "no metric of this name"),
    ],
)
def test_a_gate_on_a_slice_that_is_not_there_says_which_are(folder: Path, metric: str, told: str) -> None:
    done = score(folder, *BY_FOLDER, "--only", metric)
    assert (done.code, told in done.stderr) == (2, True)


def test_tables_show_every_slice(folder: Path) -> None:
    for done in (score(folder, *BY_FOLDER), score(folder, *BY_FOLDER, "-f", "markdown")):
        assert done.code == 0
        lines = [line for line in done.stdout.splitlines() if re.match(r"[│|] [abc] +[│|]", line)]
        assert [line.split()[1] for line in lines] == ["a", "b", "c"]
        assert "p by randomisation, adjusted for the number of slices" in done.stdout


def test_a_terminal_of_80_columns_keeps_the_first_columns(folder: Path) -> None:
    done = run_segeval(
        *("score", "pred", "gt", "--no-config", *BY_FOLDER),
        cwd=folder,
        terminal=True,
        environment={"COLUMNS": "80", "NO_COLOR": "1"},
    )
    (line,) = [line for line in done.stdout.splitlines() if "folder" in line and "mIoU" in line]
    assert "p (Holm)" in line
    assert len(line) <= 80
