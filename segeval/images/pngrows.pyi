import numpy as np
from numpy.typing import NDArray

_Bytes = bytes | bytearray | NDArray[np.uint8]

def unfilter(source: _Bytes, target: bytearray | NDArray[np.uint8], height: int, width: int, step: int) -> int: ...
def spread(source: _Bytes, target: bytearray | NDArray[np.uint8], width: int, depth: int) -> None: ...
