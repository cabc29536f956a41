"""The manual's example of a distributed run: two gloo processes, and a sampler that repeats an image."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import segeval
from tests.test_readme import DISTRIBUTED

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")

IMAGES = 5
PROCESSES = 2
PREPARED = """
import json, os, sys
import numpy as np, torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler
import segeval

class Images(Dataset):
    def __len__(self):
        return len(GT)
    def __getitem__(self, index):
        return f"image {index}", PRED[index], GT[index]

GT, PRED = (torch.from_numpy(array) for array in np.load(sys.argv[1]).values())
rank = int(os.environ["RANK"])
sampler = DistributedSampler(Images(), num_replicas=2, rank=rank, shuffle=False)
loader = DataLoader(Images(), batch_size=2, sampler=sampler)
"""
TOLD = """
print(json.dumps([len(matrix), first.compute().to_dict()]))
dist.destroy_process_group()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_two_processes_that_share_an_image_give_the_score_of_one(tmp_path: Path) -> None:
    (example,) = DISTRIBUTED
    rng = np.random.default_rng(1)
    gt = rng.integers(0, 19, (IMAGES, 8, 9))
    pred = np.where(rng.random(gt.shape) < 0.5, rng.integers(0, 19, gt.shape), gt)
    np.savez(tmp_path / "data.npz", gt=gt, pred=pred)
    program = tmp_path / "program.py"
    program.write_text(PREPARED + example + TOLD, encoding="utf-8")
    common = {"WORLD_SIZE": str(PROCESSES), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    path = os.pathsep.join([str(Path(segeval.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    started = [
        subprocess.Popen(
            [sys.executable, program, tmp_path / "data.npz"],
            env={**os.environ, **common, "RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(PROCESSES)
    ]
    try:
        ended = [process.communicate(timeout=100) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * PROCESSES, ended[0][1] + ended[1][1]
    counted, reports = zip(*(json.loads(out) for out, _ in ended), strict=True)
    assert counted == (3, 3), "the sampler gave one image to both"
    alone = segeval.ConfusionMatrix(classes=19, ignore=255)
    alone.update(pred, gt, keys=[f"image {index}" for index in range(IMAGES)])
    assert reports[0] == reports[1] == json.loads(json.dumps(alone.compute().to_dict()))
