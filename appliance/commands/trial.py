"""Render the short lecture that ``lectern doctor --report`` measures."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from appliance.bench.clip import Image
from appliance.bench.compare import compare
from appliance.bench.material import demo_portrait, find_material
from appliance.config import Config
from appliance.doctor.trial import Trial

SECONDS = 6.0
"""Length of the lecture: long enough to measure the speed, short enough for a slow device."""
_LOOK_S = 0.1


def try_out(config: Config, sample: Callable[[], Image | None] = demo_portrait) -> Trial:
    """Render a short lecture and return its measurements.

    The presenter is the first one of the presenter library, else the RGB image (H, W, 3) that
    ``sample`` returns. Raises ``BadInput("bench_presenter")`` if there is neither, and ``Fault``
    if rendering fails.
    """
    with tempfile.TemporaryDirectory(prefix="lectern-trial-") as folder:
        library = config.root / "presenters"
        presenter, lecture = find_material(Path(folder), library, SECONDS, sample)
        with _most_in_use() as most_mb:
            result = compare(presenter, lecture, config, rounds=1)
    facts = result.as_dict()
    working_s = result.first[0].wall_s - facts["first_frame_s"]["median"]
    return Trial(
        result.width,
        result.height,
        round(result.frames / max(working_s, 1e-3), 1),
        round(most_mb(), 1),
        str(facts["provider"]),
        facts,
    )


@contextmanager
def _most_in_use() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the device's peak memory use within this context, in MiB."""
    least = psutil.virtual_memory().available
    over = threading.Event()

    def look() -> None:
        nonlocal least
        while not over.wait(_LOOK_S):
            least = min(least, psutil.virtual_memory().available)

    thread = threading.Thread(target=look, name="memory")
    thread.start()
    try:
        yield lambda: (psutil.virtual_memory().total - least) / (1 << 20)
    finally:
        over.set()
        thread.join()
