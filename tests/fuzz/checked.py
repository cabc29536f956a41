"""Fuzz the lanes with kernels that check every bound, under AddressSanitizer: `python -m tests.fuzz.checked`.

Works on a copy, in which the kernels are compiled anew; needs gcc and Cython. Takes the options of `tests.fuzz lanes`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
KERNELS = ("segeval/images/pngrows.py", "segeval/tables/pairrows.py")
STRICTER = (("boundscheck=False", "boundscheck=True"), ("exceptval(check=False)", "exceptval(-1, check=True)"))
"""Directives of the kernels, and what makes an error of each access out of bounds."""


def compiled(kernel: Path) -> None:
    """Compile one kernel with every check, beside its source."""
    source = kernel.read_text(encoding="utf-8")
    for usual, strict in STRICTER:
        if usual not in source:
            raise SystemExit(f"{kernel}: no {usual}")
        source = source.replace(usual, strict)
    kernel.write_text(source, encoding="utf-8")
    written, library = kernel.with_suffix(".c"), kernel.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    library.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "cython", "-3", str(kernel), "-o", str(written)], check=True)
    command = ["gcc", "-O1", "-g", "-fPIC", "-shared", "-fsanitize=address", "-fno-omit-frame-pointer"]
    command += [f"-I{sysconfig.get_paths()['include']}", str(written), "-o", str(library)]
    subprocess.run(command, check=True)


def main() -> int:
    """Make the copy, fuzz it, and return what the fuzzer does."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for package in ("segeval", "tests"):
            shutil.copytree(CHECKOUT / package, copy / package)
        for kernel in KERNELS:
            compiled(copy / kernel)
        runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
        sanitized = {"LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
        command = [sys.executable, "-m", "tests.fuzz", "lanes", *sys.argv[1:]]
        environment = {**os.environ, **sanitized, "PYTHONPATH": directory}
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
