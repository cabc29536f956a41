"""Run the originals and write their golden files, or compare: `python -m tests.originals [--check] [NAME ...]`.

Each family runs in an environment of its own with pinned versions, made under `--environments` when it is first needed.
Evaluators that no package index has are read from git clones under `--clones`, each called as its repository is; the
MATLAB ones need `octave-cli`. What cannot be had is skipped, and said so. Run it at the top of the repository.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.originals.clones import FOLDER

KEPT = Path(tempfile.gettempdir()) / "segeval-originals"


@dataclass(frozen=True)
class Environment:
    """Say what an environment holds: packages with what they need, then packages alone; and which families run there.

    Most originals are installed alone: nnU-Net would bring a torchvision that breaks torchmetrics, PySODMetrics an
    older numpy, PaddleSeg and mmsegmentation compiled operators that no score needs.
    """

    families: Sequence[str]
    packages: Sequence[str]
    alone: Sequence[str] = ()


ENVIRONMENTS = {
    "torch": Environment(
        ("medical", "summaries", "pytorch", "losses", "keras_metrics", "histograms", "matrices", "saliency", "matlab",
         "contours"),
        (
            "torch==2.13.0", "torchmetrics==1.9.0", "keras==3.15.1", "scikit-learn==1.9.1", "numpy==2.4.6",
            "scipy==1.17.1", "pandas>=2.2", "pillow", "pytest==9.2.0", "tqdm", "SimpleITK==2.5.7", "nibabel==5.4.2",
            "tifffile==2026.3.3", "scikit-image==0.26.0", "opencv-python-headless==5.0.0.93", "imagecodecs", "blosc2",
        ),
        (
            "nnunetv2==2.8.1", "acvl-utils==0.2.6", "batchgenerators==0.25.5", "batchgeneratorsv2==0.3.6",
            "dynamic-network-architectures==0.4.4", "monai==1.6.1", "pysodmetrics==1.6.2",
            "segmentation-models-pytorch==0.6.0", "mmsegmentation==1.2.2", "paddleseg==2.8.0", "medpy==0.5.2",
            "isic-challenge-scoring==5.6.0", "rdp", "zipfile-deflate64",
        ),
    ),
    "brats": Environment(
        ("lesions",),
        (
            "numpy==1.24.3", "scipy==1.11.1", "pandas==1.5.3", "nibabel==5.1.0", "connected-components-3d==3.12.1",
            "pytest==9.2.0", "pillow", "tqdm",
        ),
    ),
    "tensorflow": Environment(("deeplab",), ("tensorflow-cpu==2.21.0", "pytest==9.2.0", "pillow")),
}  # fmt: skip


def python_of(name: str, root: Path) -> Path:
    """Return the Python of an environment, which is made where it does not exist yet."""
    environment, folder = ENVIRONMENTS[name], root / name
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, *environment.packages], check=True)
        if environment.alone:
            subprocess.run([*install, "--no-deps", *environment.alone], check=True)
        made.touch()
    return python


def main() -> int:
    """Run what is asked for and return 1 where a golden file differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.originals", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="golden files; all where none is named")
    parser.add_argument("--check", action="store_true", help="compare with the golden files instead of writing them")
    parser.add_argument("--clones", type=Path, help="folder of git clones")
    parser.add_argument("--environments", type=Path, default=KEPT, help=f"folder of the environments ({KEPT})")
    given = parser.parse_args()
    surroundings = {**os.environ, "KERAS_BACKEND": "torch"}
    if given.clones is not None:
        surroundings[FOLDER] = str(given.clones.resolve())
    status = 0
    for name, environment in ENVIRONMENTS.items():
        python = python_of(name, given.environments.resolve())
        command = [str(python), "-m", "tests.originals.running", *(["--check"] if given.check else [])]
        command += ["--families", *environment.families, "--names", *given.names]
        status = max(status, subprocess.run(command, env=surroundings, check=False).returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())
