import numpy as np
from numpy.typing import NDArray

_Numbers = NDArray[np.int64]
_Words = NDArray[np.uint64]

def memory_size(height: int, width: int) -> int: ...
def match(
    planes: _Numbers,
    gt: _Words,
    pred: _Words,
    squares: _Numbers,
    height: int,
    width: int,
    memory: _Words,
    counts: _Numbers,
) -> None: ...
