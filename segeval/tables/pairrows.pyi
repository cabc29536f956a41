import numpy as np
from numpy.typing import NDArray

_Bytes = bytes | NDArray[np.uint8]
_Words = NDArray[np.uint16]

def count_bytes(gt: _Bytes, pred: _Bytes, memory: NDArray[np.int64]) -> int: ...
def gather_words(
    gt: _Words, pred: _Words, start: int, gt_values: _Words, pred_values: _Words, lengths: NDArray[np.int64]
) -> tuple[int, int]: ...
