"""The daemon's thread that samples the telemetry at regular intervals."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from appliance.config import TelemetryConfig
from appliance.telemetry.jtop import JtopSource
from appliance.telemetry.reading import Reading
from appliance.telemetry.source import select_source
from appliance.telemetry.store import TelemetryStore, telemetry_path

log = logging.getLogger("lectern.telemetry")


class Sampler:
    """Adds a reading of ``source`` to ``store`` every ``interval_s`` seconds until ``stop`` is set.

    A repeated error is logged only once, and sampling continues: Lectern works without telemetry.
    """

    def __init__(
        self,
        source: Callable[[], Reading],
        store: TelemetryStore,
        interval_s: float,
        stop: threading.Event,
    ) -> None:
        self._source = source
        self._store = store
        self._interval_s = interval_s
        self._stop = stop
        self._last_error = ""

    def run(self) -> None:
        """Sample until ``stop`` is set."""
        while not self._stop.is_set():
            self.sample()
            self._stop.wait(self._interval_s)

    def sample(self) -> Reading | None:
        """Take and store one reading, and return it; ``None`` if this fails."""
        try:
            reading = self._source()
            self._store.add(reading)
        except (sqlite3.Error, OSError, ValueError) as error:
            if str(error) != self._last_error:
                log.warning("telemetry cannot be read: %s", error)
            self._last_error = str(error)
            return None
        self._last_error = ""
        return reading


def start_sampler(
    root: Path, settings: TelemetryConfig, stop: threading.Event
) -> threading.Thread | None:
    """Start a thread that samples the telemetry until ``stop`` is set, and return it.

    ``root`` is the root folder of the device. Returns ``None`` if the telemetry database cannot be
    opened.
    """
    try:
        max_readings = max(round(settings.retention_hours * 3600 / settings.interval_s), 1)
        store = TelemetryStore(telemetry_path(root), max_readings=max_readings)
    except (sqlite3.Error, OSError) as error:
        log.warning("telemetry cannot be stored: %s", error)
        return None

    def run() -> None:
        source = select_source(settings.source, root)
        try:
            with store:
                Sampler(source, store, settings.interval_s, stop).run()
        finally:
            if isinstance(source, JtopSource):
                source.close()

    thread = threading.Thread(target=run, name="telemetry", daemon=True)
    thread.start()
    return thread
