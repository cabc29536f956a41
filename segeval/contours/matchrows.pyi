import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

def index_size(height: int, width: int) -> int: ...
def match(
    source: _Places,
    source_classes: _Bytes,
    target: _Places,
    target_classes: _Bytes,
    height: int,
    width: int,
    squares: NDArray[np.int64],
    index: _Places,
    known: _Places,
    counts: NDArray[np.int64],
) -> None: ...
