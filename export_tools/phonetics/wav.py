"""Write WAV files."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np


def write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.int16]], rate: int) -> None:
    """Write ``samples`` as mono 16-bit PCM."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
