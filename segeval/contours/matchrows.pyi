import numpy as np
from numpy.typing import NDArray

_Numbers = NDArray[np.int64]
_Words = NDArray[np.uint64]

def memory_size(width: int) -> int: ...
def match(
    planes: _Numbers,
    source: _Words,
    target: _Words,
    square: int,
    width: int,
    memory: NDArray[np.int32],
    counts: _Numbers,
) -> None: ...
