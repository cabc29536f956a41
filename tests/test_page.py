"""The page of a report: one file that reaches nothing, is inert whatever it tells of, and reads in a browser."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import segeval
from segeval.errors import printable
from segeval.measuring.picturing import Scene
from segeval.pictures.pagetext import page_text
from segeval.pictures.panels import WRONG, class_colors, panels, png_bytes
from segeval.protocol.labeling import VOID, SegmentationClass
from segeval.runs.run import sort_key
from segeval.scores.gains import WorstImage
from tests.support.commandline import Completed, run_segeval

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

SAMPLES = Path(__file__).resolve().parents[1] / "sample_masks"
MASKS = ("pred", "gt", "--classes", "classes.txt")
SUSPECTS = ("--label-errors", "3")
MAPS = ("multiclass/probs", "multiclass/gt", "--probs", "--classes", "classes.txt", *SUSPECTS)
HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "&lt;b&gt; &amp; {{ 7*7 }} {% raw %}",
    "a\u202eb\x1b[31m\x00",
    "x" * 10_000,
    "'; document.title='owned'; '",
    "</style><style>*{display:none}",
    "\udc80-->",
)
FILES = (
    "<script>document.title='owned'<",
    "</script>",
    "\" onload=\"document.title='owned'",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)",
    "a\u202eb\u200fc\x1b[31m",
    "x" * 200,
    "lone \udc80",
)
"""Names of images; the second is a folder with a file, whose key would end a script."""
PAGES = ("masks", "maps", "compare", "hostile", "compared", "names")
WIDTHS = (400, 1280, 1920)
QUIET = ("-q", "--no-config")


def score(*arguments: str | Path, cwd: Path = SAMPLES) -> Completed:
    return run_segeval("score", *arguments, "-q", "--no-config", cwd=cwd)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    assert score(
        *MASKS, "-o", folder / "masks.html", "--ci", "95", "--fail-under", "miou=0.9", "--by", "class-size"
    ).code
    assert score(*MAPS, "-o", folder / "maps.html", "--save", folder / "run.jsonl").code == 0
    assert score(*MASKS, "--save", folder / "base.jsonl").code == 0
    assert score("gt", "gt", *MASKS[2:], "--save", folder / "new.jsonl").code == 0
    compare(folder, folder / "compare.html")
    (folder / "hostile.html").write_text(hostile_page(), encoding="utf-8")
    (folder / "compared.html").write_text(hostile_comparison(), encoding="utf-8")
    hostile_files(folder / "files")
    hostile = ("pred", "gt", "--images", "gt", "-o", folder / "names.html")
    assert score(*hostile, cwd=folder / "files").code == 0
    return {path.stem: path for path in folder.glob("*.html")}


def compare(folder: Path, page: Path) -> None:
    sides = ("--pred", "gt", "--pred", "pred", "--gt", "gt")
    compared = (folder / "new.jsonl", folder / "base.jsonl", "-o", page, *sides, *QUIET)
    assert run_segeval("compare", *compared, cwd=SAMPLES).code == 0


def hostile_page() -> str:
    from segeval.pictures.galleries import worst_gallery
    from segeval.pictures.gallery import View
    from segeval.pictures.reportpage import report_page

    matrix = segeval.ConfusionMatrix(classes=len(HOSTILE))
    gt = np.repeat(np.arange(len(HOSTILE), dtype=np.uint8), 3)[None]
    matrix.update(np.roll(gt, 1), gt)
    report = matrix.compute()
    named = tuple(replace(entry, name=name) for entry, name in zip(report.classes, HOSTILE, strict=True))
    fields = tuple((name, HOSTILE[0] if name == "classes" else value) for name, value in report.signature.fields)
    report = replace(report, classes=named, signature=replace(report.signature, fields=fields))
    classes = [SegmentationClass(index, name) for index, name in enumerate(HOSTILE)]
    scene = Scene("", gt.astype(np.int32), np.roll(gt, 1).astype(np.int32))
    # The image at a place of `FILES` has the classes up to that place, and twice as many wrong pixels.
    view = View(
        "",
        lambda _: scene,
        class_colors(classes),
        lambda key: dict.fromkeys(range(FILES.index(key) + 1), 2 * FILES.index(key)),
    )
    worst = [WorstImage(key, 0.5, 0, 0.1) for key in FILES]
    pictures = worst_gallery(worst, len(FILES), view, None, classes, 1_000_000, sets=False)
    return page_text(report_page(report, [0.5, 0.6], [pictures]))


def hostile_comparison() -> str:
    from segeval.comparison.runs import compare_runs
    from segeval.pictures.comparisonpage import comparison_page
    from segeval.request import build_request
    from segeval.runs.run import Row, Run
    from segeval.tables.counts import joint_counts

    draw = np.random.default_rng(0)
    classes = [
        SegmentationClass(index, name)
        for index, name in enumerate(name[:1000] for name in HOSTILE if name.isprintable())
    ]
    protocol = build_request(classes=classes).protocol
    gt = draw.integers(0, len(classes), (9, 9))
    runs = []
    for _ in range(2):
        preds = {key: draw.integers(0, len(classes), (9, 9)) for key in sorted((*FILES, "z" * 10_000), key=sort_key)}
        rows = tuple(Row(key, 9, 9, "0" * 32, joint_counts(gt=gt, pred=pred)) for key, pred in preds.items())
        runs.append(Run(protocol, rows))
    found = compare_runs(list(zip((HOSTILE[0], HOSTILE[3]), runs, strict=True)), worst_hit=20)
    assert len(found.runs[0].worst_hit) + len(found.runs[0].most_gained) == len(FILES) + 1
    return page_text(comparison_page(found))


def hostile_files(folder: Path) -> None:
    draw = np.random.default_rng(0)
    for name in FILES:
        for side in ("gt", "pred"):
            path = folder / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 3, (20, 30)).astype(np.uint8)).save(f"{path}.png", "PNG")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reaches_nothing_outside_itself(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    found = tags(text)
    assert len([tag for tag, _ in found if tag == "script"]) == 1
    assert not [tag for tag, _ in found if tag in ("iframe", "object", "embed", "form", "base", "svg")]
    for tag, attributes in found:
        assert not [key for key in attributes if key.startswith("on")], tag
        for key in ("src", "href"):
            assert str(attributes.get(key) or "data:").startswith("data:")
    (policy,) = [attributes["content"] for tag, attributes in found if tag == "meta" and "http-equiv" in attributes]
    assert re.fullmatch(
        r"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]+='", policy or ""
    )
    assert len(text) < 5_000_000


@pytest.mark.parametrize("name", ["hostile", "compared"])
def test_names_that_act_are_text(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    assert text.count("<script>") == text.count("</script>") == 1
    assert "{{ 7*7 }}" in text
    assert not [character for character in "\u202e\x1b\x00" if character in text]
    assert "x" * 201 not in text
    assert "z" * 101 not in text


def test_names_of_images_that_act_are_text(pages: dict[str, Path]) -> None:
    text = pages["names"].read_text(encoding="utf-8")
    assert text.count("</script>") == 1
    assert not [character for character in "\u202e\u200f\x1b" if character in text]
    shots = [attributes for tag, attributes in tags(text) if tag == "figure" and "data-key" in attributes]
    assert len(shots) == len(FILES)
    assert "javascript:alert(1)" in [shot["data-key"] for shot in shots]
    assert "&lt;b&gt;&amp;" in [shot["data-key"] for shot in shots]
    assert max(len(shot["data-key"] or "") for shot in shots) == 100


def test_equal_runs_give_equal_pages_also_from_the_saved_run(pages: dict[str, Path], tmp_path: Path) -> None:
    saved = pages["maps"].with_name("run.jsonl")
    options = ("--pred", "multiclass/probs", "--gt", "multiclass/gt", *SUSPECTS, "-o", tmp_path / "page.html", *QUIET)
    assert run_segeval("report", saved, *options, cwd=SAMPLES).code == 0
    assert (tmp_path / "page.html").read_bytes() == pages["maps"].read_bytes()


def test_equal_comparisons_give_equal_pages(pages: dict[str, Path], tmp_path: Path) -> None:
    compare(pages["compare"].parent, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == pages["compare"].read_bytes()


@pytest.mark.parametrize("name", ["masks", "compare"])
def test_each_image_has_the_wrong_pixels_of_its_classes(pages: dict[str, Path], name: str) -> None:
    """On the page of the comparison they are those of the new run."""
    shots = [told for tag, told in tags(pages[name].read_text(encoding="utf-8")) if "data-wrong" in told]
    assert len(shots) == {"masks": 7, "compare": 5}[name]
    for told in shots:
        gt, pred = (np.array(Image.open(SAMPLES / side / f"{told['data-key']}.png")) for side in ("gt", "pred"))
        gt, pred = gt[gt != 255], pred[gt != 255]
        of_class = {one: (gt == one) | (pred == one) for one in sorted({*gt.tolist(), *pred.tolist()})}
        wanted = " ".join(f"{one}:{(here & (gt != pred)).sum()}" for one, here in of_class.items())
        assert told["data-wrong"] == wanted


def test_pictures_of_other_files_than_those_of_the_run_are_refused(pages: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "multiclass", tmp_path / "data")
    path = tmp_path / "data/probs/road/0001.png"
    changed = np.array(Image.open(path))
    changed[0, 0] = 255 - changed[0, 0]
    changed[90:, :] = 0
    Image.fromarray(changed).save(path)
    saved = pages["maps"].with_name("run.jsonl")
    options = ("--pred", tmp_path / "data/probs", "--gt", tmp_path / "data/gt", "-o", tmp_path / "page.html")
    done = run_segeval("report", saved, *options)
    assert (done.code, "0001.png" in done.stderr, "not the one" in done.stderr) == (2, True, True)
    assert not (tmp_path / "page.html").exists()


def test_a_saved_run_without_its_folders_has_a_page_without_pictures(pages: dict[str, Path], tmp_path: Path) -> None:
    saved = pages["maps"].with_name("run.jsonl")
    assert run_segeval("report", saved, "-q", "-o", tmp_path / "page.html").code == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'class="gallery' not in text
    assert 'id="confusion"' in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--images", "gt"), "Add -o report.html or --overlays FOLDER"),
        (("--images", "probs", "-o", "{}/page.html"), "no image is found"),
        (("--images", "binary/gt", "-o", "{}/page.html"), "does not follow from the key"),
        (("--overlays", "classes.txt"), "a folder cannot be made"),
    ],
)
def test_pictures_that_cannot_be_made_are_told(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    done = score(*MASKS, *(option.format(tmp_path) for option in options))
    assert (done.code, told in done.stderr) == (2, True)


def test_overlays_show_the_worst_images_with_their_errors(tmp_path: Path) -> None:
    assert score(*MASKS, "--overlays", tmp_path / "worst", "--worst", "3", "--images", "gt").code == 0
    names = sorted(path.name for path in (tmp_path / "worst").iterdir())
    assert names == ["0001-0004.png", "0002-0001.png", "0003-night_0007.png"]
    gt, pred = (np.array(Image.open(SAMPLES / side / "0004.png")) for side in ("gt", "pred"))
    drawn = np.array(Image.open(tmp_path / "worst" / names[0]).convert("RGB"))[:, -gt.shape[1] :]
    wrong = (gt != pred) & (gt != 255)
    assert (drawn == np.array(WRONG)).all(axis=2).tolist() == wrong.tolist()


def test_classes_keep_their_own_colours_and_void_is_white() -> None:
    own = [SegmentationClass(0, "a", (1, 2, 3)), SegmentationClass(1, "b", (4, 5, 6))]
    gt, pred = np.array([[0, 1, VOID]], np.int32), np.array([[0, 0, 1]], np.int32)
    drawn = panels(gt, pred, class_colors(own), None)
    assert drawn.gt.tolist() == [[[1, 2, 3], [4, 5, 6], [255, 255, 255]]]
    assert drawn.errors[..., 3].tolist() == [[0, 255, 255]]
    again = np.array(Image.open(io.BytesIO(png_bytes(drawn.errors))).convert("RGBA"))
    assert (again[drawn.errors[..., 3] > 0] == drawn.errors[drawn.errors[..., 3] > 0]).all()
    colors = class_colors([SegmentationClass(index, str(index)) for index in range(30)]).tolist()
    assert len({tuple(color) for color in colors}) == 32
    apart = cielab(np.array([*colors, WRONG]))
    distances = np.sqrt(((apart[:, None] - apart[None]) ** 2).sum(axis=2))
    assert distances[~np.eye(33, dtype=np.bool_)].min() > 20
    assert len({tuple(color) for color in class_colors([SegmentationClass(i, str(i)) for i in range(150)])}) == 152


def cielab(colors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return sRGB colours in CIELAB (IEC 61966-2-1 and CIE 15, white point D65)."""
    part = colors / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / (0.9505, 1, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


# In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened_page(browser: Any, path: Path, **options: Any) -> tuple[Any, list[str]]:
    told: list[str] = []
    page = browser.new_page(**options)
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("data:", "file:")) else told.append(request.url))
    page.goto(path.as_uri())
    return page, told


@pytest.mark.parametrize("name", PAGES)
def test_no_page_overflows_says_anything_or_has_a_serious_fault(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, told = opened_page(browser, pages[name], viewport={"width": 400, "height": 900})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (scheme, width)
            if name != "masks" and (scheme, width) not in (("light", 400), ("dark", 1920)):
                continue
            faults = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
            assert [one["id"] for one in faults if one["impact"] in ("serious", "critical")] == [], (scheme, width)
    assert page.title() != "owned"
    assert told == []
    page.close()


def test_table_heat_map_slider_and_swipe_change_the_page(browser: Any, pages: dict[str, Path]) -> None:
    page, told = opened_page(browser, pages["masks"], viewport={"width": 1280, "height": 900})
    column = "Array.from(document.querySelectorAll('table.sortable tbody tr'), (row) => row.cells[1].textContent)"
    before = page.evaluate(column)
    page.click("table.sortable th button:text-is('IoU %')")
    lowest = page.evaluate(column)
    assert lowest != before
    assert lowest[0] == "bicycle"
    page.click("table.sortable th button:text-is('IoU %')")
    assert page.evaluate(column)[0] == "sky"
    assert page.get_attribute("th[aria-sort]", "aria-sort") == "descending"
    page.focus("#confusion td[tabindex='0']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.cell") == "1-1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    shown = "Array.from(document.querySelectorAll('figure[data-key]'), (shot) => !shot.hidden)"
    wanted = page.evaluate(
        "Array.from(document.querySelectorAll('figure[data-key]'), (s) => s.dataset.pairs.split(' ').includes('2-1'))"
    )
    assert page.evaluate(shown) == wanted
    assert not all(wanted)
    assert "building is predicted as sidewalk" in page.inner_text(".filtered")
    page.click("[data-act=every]")
    assert all(page.evaluate(shown))
    layer = "getComputedStyle(document.querySelector('.gallery .{} img')).{}"
    assert page.evaluate(layer.format("errors", "opacity")) == "0.8"
    page.evaluate(
        "(() => { const one = document.querySelector('[data-act=opacity]'); one.value = 30; "
        "one.dispatchEvent(new Event('input')); })()"
    )
    assert page.evaluate(layer.format("errors", "opacity")) == "0.3"
    page.focus("[data-act=swipe]")
    before_swipe = page.locator("figure[data-key]").first.screenshot()
    for _ in range(10):
        page.keyboard.press("PageUp")
    assert page.evaluate(layer.format("errors", "clipPath")) != "inset(0px)"
    assert page.locator("figure[data-key]").first.screenshot() != before_swipe
    page.select_option("[data-act=top]", "pred")
    assert page.evaluate(layer.format("pred", "visibility")) == "visible"
    assert page.evaluate(layer.format("errors", "visibility")) == "hidden"
    page.select_option("[data-act=order]", "key")
    keys = page.evaluate("Array.from(document.querySelectorAll('figure[data-key]'), (shot) => shot.dataset.key)")
    assert keys == sorted(keys)
    page.click("#copy")
    page.locator("#copied", has_text=re.compile(".")).wait_for()
    assert told == []
    page.close()


def test_a_comparison_shows_before_and_after_the_most_changed_first(browser: Any, pages: dict[str, Path]) -> None:
    page, told = opened_page(browser, pages["compare"], viewport={"width": 1280, "height": 900})
    shots = "Array.from(document.querySelectorAll('figure[data-key]'), (shot) => Number(shot.dataset.{}))"
    changes = page.evaluate(shots.format("lost"))
    assert changes == sorted(changes, key=lambda change: -abs(change))
    assert len(changes) == 5
    first = page.locator("figure[data-key]").first
    assert first.locator(".of").all_inner_texts() == ["new", "base"]
    stages = first.locator(".stage")
    of_both = [
        [image.get_attribute("alt") for image in stages.nth(place).locator("img:visible").all()] for place in (0, 1)
    ]
    key = first.get_attribute("data-key")
    assert of_both == [[f"ground truth: {key}", f"errors of {name}: {key}"] for name in ("new", "base")]
    before = [stages.nth(place).screenshot() for place in (0, 1)]
    assert before[0] != before[1]
    page.locator("[data-act=opacity]").fill("0")
    assert stages.nth(0).screenshot() == stages.nth(1).screenshot() != before[1]
    page.locator("[data-act=opacity]").fill("80")
    page.locator("[data-act=swipe]").fill("100")
    assert stages.nth(0).screenshot() == stages.nth(1).screenshot() != before[1]
    page.select_option("[data-act=order]", "gained")
    gained = page.evaluate(shots.format("gained"))
    assert gained == sorted(gained)
    page.select_option("[data-act=top]", "all")
    assert first.locator("img:visible").count() == 6
    small = first.bounding_box()["width"]
    page.select_option("[data-act=size]", "large")
    assert first.bounding_box()["width"] > small
    assert told == []
    page.close()


def test_images_are_ordered_by_the_errors_of_a_class_and_those_without_it_come_last(
    browser: Any, pages: dict[str, Path]
) -> None:
    page, told = opened_page(browser, pages["hostile"], viewport={"width": 400, "height": 900})
    keys = "Array.from(document.querySelectorAll('figure[data-key]'), (shot) => shot.dataset.key)"
    first = page.evaluate(keys)
    order = page.get_by_label("order")
    names = order.locator("optgroup option").all_inner_texts()
    assert [name[:18] for name in names] == [f"errors of {printable(name)}"[:18] for name in HOSTILE]
    assert order.locator("optgroup").get_attribute("label").startswith("wrong pixels of a class (missed, or")
    order.select_option("class-5")
    assert page.evaluate(keys) == [first[place] for place in (7, 6, 5, 0, 1, 2, 3, 4)]
    counted = page.locator("figure[data-key] .counted").all_inner_texts()
    assert counted == [
        f"errors of {HOSTILE[5]}: {pixels}"
        for pixels in ["14 pixels", "12 pixels", "10 pixels", *["not in this image"] * 5]
    ]
    order.select_option("class-0")
    assert page.evaluate(keys) == first[::-1]
    order.focus()
    page.keyboard.press("ArrowDown")
    assert order.input_value() == "class-1"
    assert page.evaluate(keys) == [*first[:0:-1], first[0]]
    order.select_option("miou")
    assert page.evaluate(keys) == first
    assert not any(page.locator("figure[data-key] .counted").all_inner_texts())
    assert page.title() != "owned"
    assert told == []
    page.close()


def test_suspected_label_errors_are_side_by_side_and_found_by_their_cell(browser: Any, pages: dict[str, Path]) -> None:
    page, told = opened_page(browser, pages["maps"], viewport={"width": 1280, "height": 900})
    part = page.locator("section.pictures").nth(1)
    shots = part.locator("figure[data-key]")
    assert (shots.count(), part.locator("img:visible").count()) == (3, 9)
    assert part.locator("[data-act=opacity]").is_disabled()
    part.locator("[data-act=top]").select_option("pred")
    assert part.locator("img:visible").count() == 6
    assert part.locator("[data-act=opacity]").is_enabled()
    pairs = [shot.get_attribute("data-pairs") for shot in shots.all()]
    page.click(f"#confusion td[data-cell='{pairs[0]}']")
    assert [shot.is_visible() for shot in shots.all()] == [pair == pairs[0] for pair in pairs]
    assert part.locator(".filtered").inner_text().startswith(f"{pairs.count(pairs[0])} of 3 pictures")
    part.locator("[data-act=every]").click()
    assert all(shot.is_visible() for shot in shots.all())
    assert told == []
    page.close()


def test_without_scripts_every_picture_and_table_is_there(browser: Any, pages: dict[str, Path]) -> None:
    page, _ = opened_page(browser, pages["masks"], java_script_enabled=False)
    assert page.locator(".gallery img:visible").count() == page.locator(".gallery img").count() > 0
    assert page.locator(".controls:visible").count() == 0
    page.close()
