"""Folders of pairs to measure on, drawn from a fixed seed: alike in every run, and no data set's licence applies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SEED = 20240229
VERSION = 1
"""Raised when a drawing changes, so that folders drawn earlier are not taken for it."""

Mask = NDArray[np.uint8]
Field = NDArray[np.float32]
Draw = Callable[["Corpus", np.random.Generator], tuple[Mask, Mask]]
Save = Callable[[Mask, Path], None]


def save_gray(mask: Mask, path: Path) -> None:
    """Save as Pillow saves gray."""
    Image.fromarray(mask).save(path)


def save_words(mask: Mask, path: Path) -> None:
    """Save the same labels as gray of 16 bit."""
    Image.fromarray(mask.astype(np.uint16)).save(path)


def save_palette(mask: Mask, path: Path) -> None:
    """Save as indices of a palette, as VOC does."""
    image = Image.fromarray(mask)
    image.putpalette([37 * index % 256 for index in range(768)])
    image.save(path)


def save_opencv(mask: Mask, path: Path) -> None:
    """Save as OpenCV saves gray."""
    if not import_module("cv2").imwrite(str(path), mask):
        raise OSError(f"OpenCV did not write {path}")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Describe pairs of (height, width) 8-bit images; `pairs` of them are drawn unless told otherwise.

    `classes` labels count from 0 and `ignore` is void. Of probability maps the ground truth is 0 and 255. `save` writes
    the files, and needs `module`.
    """

    name: str
    about: str
    height: int
    width: int
    classes: int
    ignore: int
    pairs: int
    draw: Draw
    probabilities: bool = False
    save: Save = save_gray
    module: str | None = None

    def installed(self) -> bool:
        """Tell whether what writes its files can be imported."""
        return self.module is None or find_spec(self.module) is not None


@dataclass(frozen=True, slots=True)
class Folders:
    """Hold a drawn corpus: two folders whose files have equal names."""

    gt: Path
    pred: Path

    def pairs(self) -> Iterator[tuple[Path, Path]]:
        """Yield (ground truth, prediction), ascending by name."""
        for path in sorted(self.gt.iterdir()):
            yield path, self.pred / path.name

    def mean_bytes(self) -> tuple[float, float]:
        """Return the mean file size of ground truth and of predictions."""
        sizes = [(gt.stat().st_size, pred.stat().st_size) for gt, pred in self.pairs()]
        return sum(gt for gt, _ in sizes) / len(sizes), sum(pred for _, pred in sizes) / len(sizes)


def _field(rng: np.random.Generator, corpus: Corpus, cell: float) -> Field:
    """Draw a smooth random surface of unit variance at the knots, which lie `cell` pixels apart."""
    knots = rng.normal(size=(round(corpus.height / cell) + 2, round(corpus.width / cell) + 2)).astype(np.float32)
    surface = Image.fromarray(knots).resize((corpus.width, corpus.height), Image.Resampling.BICUBIC)
    return np.asarray(surface, dtype=np.float32)


def _scene(corpus: Corpus, rng: np.random.Generator, *, present: int, cell: float, bumps: float) -> tuple[Mask, Mask]:
    """Draw label masks as a network does, by argmax over smooth surfaces; the prediction has bumps at the borders."""
    labels = rng.permutation(corpus.classes)[:present].astype(np.uint8)
    shape = (corpus.height, corpus.width)
    best_gt, best_pred = np.full(shape, -np.inf, np.float32), np.full(shape, -np.inf, np.float32)
    gt, pred = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for label in labels:
        surface = _field(rng, corpus, cell)
        for best, mask, error in ((best_gt, gt, bumps / 4), (best_pred, pred, bumps)):
            height = surface + np.float32(error) * _field(rng, corpus, cell / 8)
            mask[height > best] = label
            np.maximum(best, height, out=best)
    gt[_field(rng, corpus, cell) > 1.2] = corpus.ignore
    return gt, pred


def _street(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    gt, pred = _scene(corpus, rng, present=14, cell=corpus.height / 2.6, bumps=0.14)
    gt[-corpus.height // 12 :] = corpus.ignore  # the bonnet of the car
    return gt, pred


def _small_street(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    return _scene(corpus, rng, present=10, cell=corpus.height / 3, bumps=0.05)


def _indoor(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    return _scene(corpus, rng, present=16, cell=corpus.height / 4, bumps=0.08)


def _thumbnail(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    return _scene(corpus, rng, present=4, cell=corpus.height / 2, bumps=0.05)


def _noise(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Draw every pixel by itself: no two neighbours need be equal, and no PNG filter helps."""
    gt, pred = rng.integers(0, corpus.classes, (2, corpus.height, corpus.width), dtype=np.uint8)
    gt[rng.random(gt.shape) < 0.05] = corpus.ignore
    return gt, pred


def _probability(corpus: Corpus, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Draw a network's map of the foreground: certain almost everywhere, grey and uneven along the borders.

    Where it is wrong it is never certain (levels 1 and 254 at most): no logarithm is clamped whose clamp would show, so
    that PyTorch's clamp, scikit-learn's and none at all give one loss and the evaluators can be compared.
    """
    truth = 12 * _field(rng, corpus, corpus.height / 4) + 1.5 * _field(rng, corpus, corpus.height / 40)
    gt = np.where(truth > 0, np.uint8(255), np.uint8(0))
    # Networks work at a quarter of the resolution, and their output is enlarged.
    logits = truth + 1.5 * _field(rng, corpus, corpus.height / 24) + 0.05 * _field(rng, corpus, 8)
    levels = np.rint(255 / (1 + np.exp(-logits)))
    levels = np.where(gt == 255, np.maximum(levels, 1), np.minimum(levels, 254))
    return gt, levels.astype(np.uint8)


CORPORA = (
    Corpus("cityscapes", "Cityscapes-like, 2048x1024, K=19", 1024, 2048, 19, 255, 48, _street),
    Corpus("camvid", "CamVid-like, 480x360, K=11", 360, 480, 11, 11, 101, _small_street),
    Corpus("words", "CamVid-like as 16-bit gray, 480x360, K=11", 360, 480, 11, 11, 101, _small_street, save=save_words),
    Corpus(
        "palette", "CamVid-like with a palette, 480x360, K=11", 360, 480, 11, 11, 101, _small_street, save=save_palette
    ),
    Corpus(
        *("opencv", "Cityscapes-like, written by OpenCV, 2048x1024, K=19", 1024, 2048, 19, 255, 16, _street),
        save=save_opencv,
        module="cv2",
    ),
    Corpus("ade", "ADE20K-like, 683x512, K=150", 512, 683, 150, 255, 30, _indoor),
    Corpus("noise", "worst case: noise, 2048x1024, K=19", 1024, 2048, 19, 255, 4, _noise),
    Corpus("tiny", "many tiny images, 64x64, K=19", 64, 64, 19, 255, 400, _thumbnail),
    Corpus(
        "probability", "8-bit probability maps, 2048x1024", 1024, 2048, 2, 255, 16, _probability, probabilities=True
    ),
)


def default_directory() -> Path:
    """Return where drawn corpora are kept between runs."""
    return Path(tempfile.gettempdir()) / "segeval-benchmarks"


def folders(corpus: Corpus, pairs: int, directory: Path, *, copies: int = 1) -> Folders:
    """Return `pairs` * `copies` drawn pairs below `directory`, drawing what is not there yet.

    Copies are files of their own names with the same bytes: many pairs for the price of few.
    """
    home = directory / f"{corpus.name}-{corpus.height}x{corpus.width}-v{VERSION}-{pairs}x{copies}"
    if not home.is_dir():
        directory.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=directory))
        try:
            _write(corpus, pairs, copies, draft)
            draft.replace(home)  # complete or absent
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return Folders(home / "gt", home / "pred")


def _write(corpus: Corpus, pairs: int, copies: int, home: Path) -> None:
    (home / "gt").mkdir()
    (home / "pred").mkdir()
    for number in range(pairs):
        drawn = corpus.draw(corpus, np.random.default_rng((SEED, number)))
        for side, mask in zip(("gt", "pred"), drawn, strict=True):
            first = home / side / f"{number:05}-000.png"
            corpus.save(mask, first)
            for copy in range(1, copies):
                shutil.copyfile(first, home / side / f"{number:05}-{copy:03}.png")
