import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

def recode(
    gt: _Bytes, pred: _Bytes, gt_codes: _Bytes, pred_codes: _Bytes, gt_found: _Bytes, pred_found: _Bytes
) -> None: ...
def find(
    gt: _Bytes,
    pred: _Bytes,
    gt_table: _Bytes,
    pred_table: _Bytes,
    height: int,
    width: int,
    gt_starts: _Places,
    gt_codes: _Bytes,
    gt_rows: _Places,
    pred_starts: _Places,
    pred_codes: _Bytes,
    pred_rows: _Places,
) -> None: ...
