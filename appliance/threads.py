"""Keep libraries from starting threads of their own beside the pipeline's."""

from __future__ import annotations

import os


def one_thread_for_algebra() -> None:
    """Have numpy's OpenBLAS work in the calling thread alone, here and in child processes.

    Its second thread spins between products: hearing ten minutes took 7.0 s of processor time with
    it and 3.1 s without, and it was a core taken from the decoder beside. Call it before numpy is
    imported; ``OPENBLAS_NUM_THREADS`` in the environment goes first.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
