import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]

def measure(codes: _Bytes, height: int, width: int, limit: int, memory: _Bytes, found: _Bytes) -> None: ...
def memory_size(height: int, width: int) -> int: ...
