"""The daemon's thread that samples the telemetry at regular intervals."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

from appliance.config import Config
from appliance.telemetry.history import History, history_path
from appliance.telemetry.jtop import JtopSource
from appliance.telemetry.reading import Reading
from appliance.telemetry.source import find_source

log = logging.getLogger("lectern.telemetry")


class Sampler:
    """Adds a reading of ``source`` to ``history`` every ``every_s`` seconds until ``stop`` is set.

    A repeated error is logged only once, and sampling continues: Lectern works without telemetry.
    """

    def __init__(
        self,
        source: Callable[[], Reading],
        history: History,
        every_s: float,
        stop: threading.Event,
    ) -> None:
        self._source = source
        self._history = history
        self._every_s = every_s
        self._stop = stop
        self._complaint = ""

    def run(self) -> None:
        """Sample until ``stop`` is set."""
        while not self._stop.is_set():
            self.sample()
            self._stop.wait(self._every_s)

    def sample(self) -> Reading | None:
        """Take and store one reading, and return it; ``None`` if this fails."""
        try:
            reading = self._source()
            self._history.add(reading)
        except (sqlite3.Error, OSError, ValueError) as error:
            if str(error) != self._complaint:
                log.warning("telemetry cannot be read: %s", error)
            self._complaint = str(error)
            return None
        self._complaint = ""
        return reading


def start_sampler(config: Config, stop: threading.Event) -> threading.Thread | None:
    """Start a thread that samples the telemetry until ``stop`` is set, and return it.

    Returns ``None`` if the telemetry database cannot be opened.
    """
    try:
        settings = config.telemetry
        keep = max(round(settings.keep_hours * 3600 / settings.every_s), 1)
        history = History(history_path(config.root), keep=keep)
    except (sqlite3.Error, OSError) as error:
        log.warning("telemetry cannot be stored: %s", error)
        return None

    def run() -> None:
        source = find_source(config)
        try:
            with history:
                Sampler(source, history, settings.every_s, stop).run()
        finally:
            if isinstance(source, JtopSource):
                source.close()

    thread = threading.Thread(target=run, name="telemetry", daemon=True)
    thread.start()
    return thread
