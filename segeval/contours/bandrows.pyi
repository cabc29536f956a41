import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]

def recode(
    gt: _Bytes, pred: _Bytes, gt_codes: _Bytes, pred_codes: _Bytes, gt_found: _Bytes, pred_found: _Bytes
) -> None: ...
def count(
    gt: _Bytes,
    pred: _Bytes,
    gt_near: _Bytes,
    pred_near: _Bytes,
    height: int,
    width: int,
    widths: _Bytes,
    memory: _Bytes,
    counts: NDArray[np.int64],
) -> None: ...
