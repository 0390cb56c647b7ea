"""Render the short lecture that ``lectern doctor --report`` measures."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from appliance.bench.compare import compare
from appliance.bench.inputs import demo_portrait, find_inputs
from appliance.bench.synthetic_clip import Image
from appliance.config import Config
from appliance.doctor.roofline import TrialRender

LECTURE_S = 6.0
"""Length of the lecture: long enough to measure the speed, short enough for a slow device."""
_SAMPLE_INTERVAL_S = 0.1


def render_trial(
    config: Config, portrait: Callable[[], Image | None] = demo_portrait
) -> TrialRender:
    """Render a short lecture and return its measurements.

    The presenter is the first one of the presenter library, else the RGB image (H, W, 3) that
    ``portrait`` returns. Raises ``BadInput("bench_presenter_missing")`` if there is neither, and
    ``Fault`` if rendering fails.
    """
    with tempfile.TemporaryDirectory(prefix="lectern-trial-") as folder:
        library = config.root / "presenters"
        presenter, lecture = find_inputs(Path(folder), library, LECTURE_S, portrait)
        with _peak_memory() as peak_mb:
            result = compare(presenter, lecture, config, rounds=1)
    measurements = result.as_dict()
    rendering_s = result.uncached[0].wall_s - measurements["first_frame_s"]["median"]
    return TrialRender(
        result.width,
        result.height,
        round(result.frames / max(rendering_s, 1e-3), 1),
        round(peak_mb(), 1),
        str(measurements["provider"]),
        measurements,
    )


@contextmanager
def _peak_memory() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the device's peak memory use within this context, in MiB."""
    least_available = psutil.virtual_memory().available
    stop = threading.Event()

    def sample_memory() -> None:
        nonlocal least_available
        while not stop.wait(_SAMPLE_INTERVAL_S):
            least_available = min(least_available, psutil.virtual_memory().available)

    thread = threading.Thread(target=sample_memory, name="memory")
    thread.start()
    try:
        yield lambda: (psutil.virtual_memory().total - least_available) / (1 << 20)
    finally:
        stop.set()
        thread.join()
