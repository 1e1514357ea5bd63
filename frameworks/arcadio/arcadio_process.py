"""The process that arcadio runs in: one thread, memory that is kept, and errors told in one line.

NumPy reads the number of threads when it is imported, so this module doesn't import it, and train.py and predict.py
call `prepare` before anything that does.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Callable

from arcadio_errors import ArcadioError

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 30


def prepare() -> None:
    """Ask for one thread, and keep the memory of arrays that come and go at every step.

    glibc gives large blocks back to the system at once; getting them again costs a fifth of the training time.
    """
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # not glibc: only slower
    mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def run(main: Callable[[], None]) -> int:
    """Call `main` and return the exit code of the process: 0, or that of the error, told in one line on stderr."""
    try:
        main()
    except ArcadioError as error:
        return _tell(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _tell("interrupted; --resume goes on from the last checkpoint", 130)
    except MemoryError:
        return _tell("not enough memory; lower the batch size, the beam or the components' sizes", ArcadioError.exit_code)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        return _tell(f"{error.strerror or error}{place}", ArcadioError.exit_code)
    return 0


def _tell(message: str, exit_code: int) -> int:
    print(f"arcadio: error: {message}", file=sys.stderr, flush=True)
    return exit_code
