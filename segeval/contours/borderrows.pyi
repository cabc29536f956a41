import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]
_Numbers = NDArray[np.int64]
_Words = NDArray[np.uint64]

def lay_out(
    gt_starts: _Places,
    gt_codes: _Bytes,
    gt_rows: _Places,
    pred_starts: _Places,
    pred_codes: _Bytes,
    pred_rows: _Places,
    width: int,
    planes: _Numbers,
) -> int: ...
def draw_inner(
    starts: _Places,
    codes: _Bytes,
    rows: _Places,
    width: int,
    stray: int,
    planes: _Numbers,
    drawn: _Words,
    spare: _Words,
    lost: _Numbers,
) -> None: ...
def draw_corners(
    starts: _Places,
    codes: _Bytes,
    rows: _Places,
    width: int,
    stray: int,
    planes: _Numbers,
    drawn: _Words,
) -> None: ...
