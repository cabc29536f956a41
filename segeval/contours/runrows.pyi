import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

def recode(
    gt: _Bytes, pred: _Bytes, gt_codes: _Bytes, pred_codes: _Bytes, gt_found: _Bytes, pred_found: _Bytes
) -> None: ...
def find(values: _Bytes, height: int, width: int, starts: _Places, codes: _Bytes, rows: _Places) -> int: ...
