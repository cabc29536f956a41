import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

def memory_size(height: int, width: int) -> int: ...
def count(
    gt_starts: _Places,
    gt_codes: _Bytes,
    gt_rows: _Places,
    pred_starts: _Places,
    pred_codes: _Bytes,
    pred_rows: _Places,
    width: int,
    radius: int,
    memory: NDArray[np.uint64],
    counts: NDArray[np.int64],
) -> None: ...
