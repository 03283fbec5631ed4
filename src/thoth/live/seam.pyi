import numpy as np
import numpy.typing as npt

_Ids = npt.NDArray[np.int64]
_Times = npt.NDArray[np.float64]

def covered(known: _Ids, known_times: _Times, heard: _Ids, heard_times: _Times) -> int: ...
def agreed(previous: _Ids, latest: _Ids) -> int: ...
