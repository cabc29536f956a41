import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]

def fold_levels(levels: _Bytes, place: int, best: _Bytes, places: _Bytes, sums: NDArray[np.uint16]) -> None: ...
def count_levels_of_winners(
    gt: _Bytes, places: _Bytes, best: _Bytes, truth: _Bytes, predicted: _Bytes, counts: NDArray[np.int64]
) -> None: ...
