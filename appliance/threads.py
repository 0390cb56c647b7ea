"""Prevent libraries from starting additional threads beside the pipeline's."""

from __future__ import annotations

import os


def one_thread_for_algebra() -> None:
    """Limit numpy's OpenBLAS to the calling thread, in this process and its children.

    Its second thread spins between products: the analysis of ten minutes of audio took 7.0 s of
    processor time with it and 3.1 s without, and it took a core from the decoder. Call this before
    numpy is imported; an existing ``OPENBLAS_NUM_THREADS`` in the environment takes precedence.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
