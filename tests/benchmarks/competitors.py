"""What people score folders with today, each as it is usually written, and segeval; all from files to a figure.

Every competitor reads the files itself, one pair after the other, and returns what it found, so that results can be
held against one another before a time counts.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.images.png import inflated, parse_png
from tests.benchmarks.corpora import Corpus, Folders

Int64Array = NDArray[np.int64]
LOSS_TOLERANCE = 1e-6
"""Relative; evaluators that work in float32 are no better."""


@dataclass(frozen=True, slots=True)
class Result:
    """Hold what a competitor found: the confusion matrix (rows ground truth), or areas per class, or the mean BCE.

    `areas` are (intersection, ground truth, prediction) in pixels for each class. The decoder alone finds nothing.
    """

    confusion: Int64Array | None = None
    areas: tuple[Int64Array, Int64Array, Int64Array] | None = None
    bce: float | None = None

    def agrees(self, reference: Result) -> bool:
        """Tell whether this is what `reference`, a confusion matrix or a loss, says; counts must be equal."""
        if self.bce is not None and reference.bce is not None:
            return math.isclose(self.bce, reference.bce, rel_tol=LOSS_TOLERANCE)
        wanted = reference.confusion
        if wanted is None:
            return False
        if self.confusion is not None:
            return np.array_equal(self.confusion, wanted)
        if self.areas is not None:
            found = (np.diagonal(wanted), wanted.sum(axis=1), wanted.sum(axis=0))
            return all(np.array_equal(mine, theirs) for mine, theirs in zip(self.areas, found, strict=True))
        return False


@dataclass(frozen=True, slots=True)
class Competitor:
    """Name a way to score a folder; it needs `module`, and takes masks or probability maps."""

    name: str
    about: str
    run: Callable[[Corpus, Folders], Result]
    module: str | None = None
    probabilities: bool = False
    floor: bool = False

    def installed(self) -> bool:
        """Tell whether its library can be imported."""
        return self.module is None or find_spec(self.module) is not None


def _opened(folders: Folders) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    for gt, pred in folders.pairs():
        yield np.asarray(Image.open(gt)), np.asarray(Image.open(pred))


def decode_only(corpus: Corpus, folders: Folders) -> Result:
    """Open and decode, nothing else: what no evaluator built on Pillow goes below."""
    for _ in _opened(folders):
        pass
    return Result()


def bincount_script(corpus: Corpus, folders: Folders) -> Result:
    """Count as the script does that goes from repository to repository (FCN's `fast_hist`)."""
    classes = corpus.classes
    confusion = np.zeros((classes, classes), np.int64)
    for gt, pred in _opened(folders):
        valid = (gt < classes) & (gt != corpus.ignore)
        keys = classes * gt[valid].astype(int) + pred[valid]
        confusion += np.bincount(keys, minlength=classes**2).reshape(classes, classes)
    return Result(confusion=confusion)


def scikit_learn_confusion(corpus: Corpus, folders: Folders) -> Result:
    """Add up `sklearn.metrics.confusion_matrix` of the valid pixels."""
    metrics = import_module("sklearn.metrics")
    labels = np.arange(corpus.classes)
    confusion = np.zeros((corpus.classes, corpus.classes), np.int64)
    for gt, pred in _opened(folders):
        valid = gt != corpus.ignore
        confusion += metrics.confusion_matrix(gt[valid], pred[valid], labels=labels)
    return Result(confusion=confusion)


def torchmetrics_jaccard(corpus: Corpus, folders: Folders) -> Result:
    """Update a `MulticlassJaccardIndex`; its state is the confusion matrix."""
    torch, classification = import_module("torch"), import_module("torchmetrics.classification")
    metric = classification.MulticlassJaccardIndex(corpus.classes, ignore_index=corpus.ignore, average=None)
    for gt, pred in _opened(folders):
        metric.update(torch.tensor(pred, dtype=torch.long), torch.tensor(gt, dtype=torch.long))
    metric.compute()
    return Result(confusion=metric.confmat.numpy().astype(np.int64))


def mmseg_areas(corpus: Corpus, folders: Folders) -> Result:
    """Take areas from `torch.histc` of the valid pixels, as mmsegmentation's IoUMetric does."""
    torch = import_module("torch")

    def area(labels: Any) -> Any:
        return torch.histc(labels.float(), bins=corpus.classes, min=0, max=corpus.classes - 1)

    sums = [torch.zeros(corpus.classes, dtype=torch.float64) for _ in range(3)]
    for gt_array, pred_array in _opened(folders):
        gt, pred = torch.tensor(gt_array), torch.tensor(pred_array)
        valid = gt != corpus.ignore
        gt, pred = gt[valid], pred[valid]
        for total, labels in zip(sums, (pred[pred == gt], gt, pred), strict=True):
            total += area(labels)
    intersection, gt_area, pred_area = (total.numpy().astype(np.int64) for total in sums)
    return Result(areas=(intersection, gt_area, pred_area))


def vernier_pngs(threads: int | None) -> Callable[[Corpus, Folders], Result]:
    """Return a run of vernier's own PNG reader and counter on `threads` threads, all if `None`."""

    def run(corpus: Corpus, folders: Folders) -> Result:
        semantic = import_module("vernier.semantic")
        gt = {number: str(path) for number, (path, _) in enumerate(folders.pairs())}
        pred = {number: str(path) for number, (_, path) in enumerate(folders.pairs())}
        summary = semantic.Evaluator().evaluate_from_pngs(
            gt, pred, n_classes=corpus.classes, ignore_label=corpus.ignore, num_threads=threads
        )
        return Result(confusion=summary.confusion_matrix.counts().astype(np.int64))

    return run


def hotcoco_pngs(threads: int | None) -> Callable[[Corpus, Folders], Result]:
    """Return a run of hotcoco's own PNG reader and counter: pair by pair, or a folder on all threads if `None`."""

    def run(corpus: Corpus, folders: Folders) -> Result:
        evaluator = import_module("hotcoco.semantic").SemanticEval(corpus.classes, ignore_index=corpus.ignore)
        if threads is None:
            evaluator.update_folders(str(folders.gt), str(folders.pred))
        else:
            for gt, pred in folders.pairs():
                evaluator.update_png(str(gt), str(pred))
        return Result(confusion=evaluator.confusion().astype(np.int64))

    return run


def hotcoco_command(corpus: Corpus, folders: Folders) -> Result:
    """Run hotcoco's command line, the start of its process included."""
    command = [str(Path(sys.executable).with_name("coco")), "semantic", "eval", "--json", "--gt", str(folders.gt)]
    command += ["--pred", str(folders.pred), "--classes", str(corpus.classes), "--ignore-index", str(corpus.ignore)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["per_class"]
    hit, gt, pred = (np.array([entry[key] for entry in found], np.int64) for key in ("tp", "gt_area", "pred_area"))
    return Result(areas=(hit, gt, pred))


def segeval_command(corpus: Corpus, folders: Folders) -> Result:
    """Run segeval's command line, the start of its process included."""
    script = Path(sys.executable).with_name("segeval")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "segeval"]
    command += ["score", str(folders.pred), str(folders.gt), "-f", "json", "-q"]
    command += ["--classes", str(corpus.classes), "--ignore", str(corpus.ignore)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return Result(confusion=np.array(found["confusion"]["counts"], np.int64))


def kornia_decode(corpus: Corpus, folders: Folders) -> Result:
    """Decode with kornia-rs, nothing else."""
    for gt, pred in folders.pairs():
        for path in (gt, pred):
            kornia_samples(path)
    return Result()


def kornia_samples(path: Path) -> NDArray[np.uint8]:
    """Return what kornia-rs decodes of a gray 8-bit PNG."""
    samples: NDArray[np.uint8] = import_module("kornia_rs.io").read_image_png_u8(str(path), "mono")
    return samples


def inflate_only(corpus: Corpus, folders: Folders) -> Result:
    """Read files, check their chunks and inflate them, nothing else: what no reader of whole files goes below."""
    for gt, pred in folders.pairs():
        for path in (gt, pred):
            image = parse_png(path.read_bytes(), 2**30)
            inflated(image.compressed, image.inflated_size)
    return Result()


def numpy_bce(corpus: Corpus, folders: Folders) -> Result:
    """Take both logarithms of every pixel in float32, clamped as in PyTorch."""
    total, pixels = 0.0, 0
    for gt, levels in _opened(folders):
        probability, truth = levels.astype(np.float32) / 255, (gt > 0).astype(np.float32)
        with np.errstate(divide="ignore"):
            positive, negative = np.maximum(np.log(probability), -100), np.maximum(np.log(1 - probability), -100)
        total += float(-(truth * positive + (1 - truth) * negative).sum(dtype=np.float64))
        pixels += gt.size
    return Result(bce=total / pixels)


def torch_bce(corpus: Corpus, folders: Folders) -> Result:
    """Average `torch.nn.BCELoss` over the images, which are of one size."""
    torch = import_module("torch")
    loss = torch.nn.BCELoss()
    losses = []
    for gt, levels in _opened(folders):
        losses.append(float(loss(torch.tensor(levels).float() / 255, torch.tensor(gt > 0).float())))
    return Result(bce=math.fsum(losses) / len(losses))


def scikit_learn_log_loss(corpus: Corpus, folders: Folders) -> Result:
    """Average `sklearn.metrics.log_loss` over the images, which are of one size."""
    metrics = import_module("sklearn.metrics")
    losses = [
        metrics.log_loss(gt.ravel() > 0, levels.ravel() / 255, labels=[False, True]) for gt, levels in _opened(folders)
    ]
    return Result(bce=math.fsum(losses) / len(losses))


def segeval_score(jobs: int | None) -> Callable[[Corpus, Folders], Result]:
    """Return a run of `segeval.score` on `jobs` workers, all if `None`."""

    def run(corpus: Corpus, folders: Folders) -> Result:
        return segeval_result(corpus, folders.pred, folders.gt, jobs)

    return run


def segeval_result(corpus: Corpus, pred: Path, gt: Path, jobs: int | None) -> Result:
    """Score with segeval: the one place that knows how it is called."""
    import segeval

    if corpus.probabilities:
        report = segeval.score(pred, gt, binary=True, probs=True, eps="torch", jobs=jobs).to_dict()
        return Result(bce=report["scores"]["bce"])
    report = segeval.score(pred, gt, classes=corpus.classes, ignore=corpus.ignore, jobs=jobs).to_dict()
    return Result(confusion=np.array(report["confusion"]["counts"], np.int64))


def segeval_by_zlib(corpus: Corpus, folders: Folders) -> Result:
    """Score with segeval's kernels, and inflate with the standard library, as without the extra `fast`."""
    from segeval.images import png

    found = png.LIBDEFLATE
    png.LIBDEFLATE = False
    try:
        return segeval_result(corpus, folders.pred, folders.gt, 1)
    finally:
        png.LIBDEFLATE = found


def segeval_by_pillow(corpus: Corpus, folders: Folders) -> Result:
    """Score with segeval's other lane, as without a C compiler."""
    from segeval.tables import lane

    found = os.environ.get(lane.VARIABLE)
    os.environ[lane.VARIABLE] = "pillow"
    lane.forget()
    try:
        return segeval_result(corpus, folders.pred, folders.gt, 1)
    finally:
        del os.environ[lane.VARIABLE]
        if found is not None:
            os.environ[lane.VARIABLE] = found
        lane.forget()


COMPETITORS = (
    Competitor("decode only", "np.asarray(Image.open(path)) of both files: the floor", decode_only, floor=True),
    Competitor("bincount script", "np.bincount(K * gt + pred)", bincount_script),
    Competitor("scikit-learn", "confusion_matrix", scikit_learn_confusion, "sklearn"),
    Competitor("torchmetrics", "MulticlassJaccardIndex", torchmetrics_jaccard, "torchmetrics"),
    Competitor("mmseg formula", "torch.histc of the areas", mmseg_areas, "torch"),
    Competitor("vernier, 1 thread", "evaluate_from_pngs", vernier_pngs(1), "vernier"),
    Competitor("vernier, all threads", "evaluate_from_pngs", vernier_pngs(None), "vernier"),
    Competitor("hotcoco, 1 thread", "SemanticEval.update_png", hotcoco_pngs(1), "hotcoco"),
    Competitor("hotcoco, all threads", "SemanticEval.update_folders", hotcoco_pngs(None), "hotcoco"),
    Competitor("hotcoco, command line", "coco semantic eval", hotcoco_command, "hotcoco"),
    Competitor("kornia-rs, decode only", "read_image_png_u8", kornia_decode, "kornia_rs", floor=True),
    Competitor("inflate only", "segeval's parser, libdeflate or zlib", inflate_only, floor=True),
    Competitor("segeval, 1 job", "segeval.score(jobs=1)", segeval_score(1)),
    Competitor("segeval, all jobs", "segeval.score()", segeval_score(None)),
    Competitor("segeval, 1 job, zlib", "segeval.score(jobs=1) without libdeflate", segeval_by_zlib),
    Competitor("segeval, 1 job, Pillow", "segeval.score(jobs=1) without kernels", segeval_by_pillow),
    Competitor("segeval, command line", "segeval score -f json", segeval_command),
    Competitor("decode only", "np.asarray(Image.open(path)) of both files: the floor", decode_only, None, True, True),
    Competitor("numpy script", "two logarithms a pixel, float32", numpy_bce, None, True),
    Competitor("scikit-learn", "log_loss", scikit_learn_log_loss, "sklearn", True),
    Competitor("torch", "BCELoss", torch_bce, "torch", True),
    Competitor("segeval, 1 job", "segeval.score(probs=True, eps='torch', jobs=1)", segeval_score(1), None, True),
    Competitor("segeval, all jobs", "segeval.score(probs=True, eps='torch')", segeval_score(None), None, True),
)


def competitors_for(corpus: Corpus) -> tuple[Competitor, ...]:
    """Return those that score what the corpus holds, the floor first and the reference second."""
    return tuple(entry for entry in COMPETITORS if entry.probabilities == corpus.probabilities)
