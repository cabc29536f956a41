"""SegNet and ADE20K in MATLAB's language, run by GNU Octave (`octave-cli`), whose `hist` is MATLAB's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.evaluators import Mask, Masks
from tests.originals.clones import NoCloneError, source
from tests.originals.histograms import SCENE_PARSING
from tests.originals.programs import Printed, Program

SEGNET = "bb68b64e72cb004b3ed927fee0f5624dd8097498"


def octave(folder: Path, commands: str) -> str:
    """Return what Octave prints for commands run in a folder."""
    if shutil.which("octave-cli") is None:
        raise NoCloneError("octave-cli is not installed")
    done = subprocess.run(
        ["octave-cli", "--no-gui", "--quiet", "--eval", commands], cwd=folder, capture_output=True, text=True
    )
    # Octave 7 may end with an error of its own after all is printed; what it was asked for is then there.
    return done.stdout


def segnet(masks: Masks) -> Printed:
    """`compute_test_results.m`, its paths and counts replaced; void is the label after the last, as in CamVid."""
    text = source("SegNet-Tutorial", SEGNET, "Scripts/compute_test_results.m")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, images in (("gt", masks.gt), ("predictions", masks.pred)):
            (folder / side).mkdir()
            for index, image in enumerate(images):
                # Void takes the place after the last class, so what is beyond it moves on by one.
                labels = np.where(image == masks.void, masks.size, image + (image >= masks.size))
                Image.fromarray(labels.astype(np.uint8)).save(folder / side / f"{index}.png")
        for setting, value in {
            "gtPath": f"'{folder}/gt'", "predPath": f"'{folder}/predictions'", "iter": len(masks.gt),
            "numClasses": masks.size, "unknown_class": masks.size + 1,
        }.items():  # fmt: skip
            text, count = re.subn(rf"^{setting} = [^;]*;", f"{setting} = {value};", text, count=1, flags=re.MULTILINE)
            assert count == 1
        (folder / "gather.m").write_text("function x = gather(x)\nend\n", encoding="utf-8")
        (folder / "results.m").write_text(text, encoding="utf-8")
        answer = "jsonencode({globalacc, sum(diag(conf))/numClasses, sum(intoverunion)/numClasses, intoverunion'})"
        printed = octave(folder, f"results; disp({answer})").strip().splitlines()[-1]
    pixel_accuracy, mean_accuracy, miou, iou = json.loads(printed)
    return {"miou": miou, "pixel_accuracy": pixel_accuracy, "mean_accuracy": mean_accuracy, "iou": iou}


def ade20k_matlab(masks: Masks) -> Printed:
    """`intersectionAndUnion.m` and `pixelAccuracy.m`, summed as `demoEvaluation.m` does."""

    def matrix(mask: Mask) -> str:
        return "uint8([" + ";".join(" ".join(map(str, row)) for row in mask.tolist()) + "])"

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("intersectionAndUnion", "pixelAccuracy"):
            text = source("sceneparsing", SCENE_PARSING, f"evaluationCode/{file}.m")
            (folder / f"{file}.m").write_text(text, encoding="utf-8")
        commands = ["n = 0;"]
        for pred, gt in zip(masks.pred, masks.gt, strict=True):
            commands.append(
                f"n = n + 1; p = {matrix(pred)}; g = {matrix(gt)};"
                f"[inter(:, n), un(:, n)] = intersectionAndUnion(p, g, {masks.size});"
                "[~, correct(n), labeled(n)] = pixelAccuracy(p, g);"
            )
        commands.append(
            "iou = sum(inter, 2) ./ sum(eps + un, 2);disp(jsonencode({mean(iou), sum(correct) / sum(labeled), iou'}))"
        )
        printed = octave(folder, "\n".join(commands)).strip().splitlines()[-1]
    miou, pixel_accuracy, iou = json.loads(printed)
    return {"miou": miou, "pixel_accuracy": pixel_accuracy, "iou": iou}


PROGRAMS = [
    Program(
        "segnet",
        f"alexgkendall/SegNet-Tutorial {SEGNET[:8]}, Scripts/compute_test_results.m, in Octave",
        [("void", 15), ("ugly", 40)],
        segnet,
    ),
    Program(
        "ade20k-matlab",
        f"CSAILVision/sceneparsing {SCENE_PARSING[:8]}, evaluationCode/intersectionAndUnion.m, in Octave",
        [("from_1", 40)],
        ade20k_matlab,
    ),
]
