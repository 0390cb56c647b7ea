"""The device's Prometheus metrics: in base units, one family for each quantity."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from appliance.jobs.states import JobState
from web.services.snapshot import Snapshot

_MB = 1 << 20


class _ThrottleEvents(Collector):
    """The counter ``lectern_throttle_events_total``, whose value the board provides."""

    def __init__(self, value: int) -> None:
        self._value = value

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "lectern_throttle_events", "Throttling events since startup", value=self._value
        )


def collect(registry: CollectorRegistry, snapshot: Snapshot, streams: int) -> None:
    """Add the values of ``snapshot`` to ``registry``; unknown values are left out.

    ``streams`` is the number of open event streams.
    """

    def gauge(name: str, text: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        family = families.get(name)
        if family is None:
            family = families[name] = Gauge(name, text, list(labels), registry=registry)
        (family.labels(**labels) if labels else family).set(value)

    families: dict[str, Gauge] = {}
    gauge("lectern_worker_up", "Whether the daemon is running", snapshot.daemon_up)
    gauge("lectern_queue_readable", "Whether the queue can be read", snapshot.fault is None)
    gauge("lectern_panel_streams", "Open event streams", streams)
    gauge("lectern_holds", "Reasons why no job is started", len(snapshot.holds))
    for state, count in _states(snapshot).items():
        gauge("lectern_jobs", "Jobs that have not ended, by state", count, state=state)
    for job in snapshot.running[:1]:
        progress = job.done / job.total if job.total else 0.0
        gauge("lectern_job_stage_progress_ratio", "Progress of the current stage", progress)
    reading = snapshot.reading
    if reading is None:
        return
    for zone, value in reading.temperatures_c.items():
        gauge("lectern_temperature_celsius", "Temperature of a zone", value, zone=zone)
    gauge("lectern_cpu_load_ratio", "CPU load", reading.cpu_load)
    gauge("lectern_gpu_load_ratio", "GPU load", reading.gpu_load)
    gauge("lectern_memory_available_bytes", "Free memory", reading.memory_available_mb * _MB)
    gauge("lectern_memory_total_bytes", "Memory", reading.memory_total_mb * _MB)
    gauge("lectern_disk_free_bytes", "Free disk space", reading.disk_free_mb * _MB)
    gauge("lectern_disk_total_bytes", "Size of the disk", reading.disk_total_mb * _MB)
    power = reading.total_power_mw
    gauge("lectern_power_watts", "Power of the board", None if power is None else power / 1000)
    gauge("lectern_throttled", "Whether clocks are throttled", reading.throttled)
    registry.register(_ThrottleEvents(reading.throttle_events))


def _states(snapshot: Snapshot) -> dict[str, int]:
    """Return the number of jobs in each state that is not final."""
    states = (JobState.RUNNING, JobState.QUEUED, JobState.PAUSED, JobState.WAITING)
    return {state.value: snapshot.counts[state] for state in states}
