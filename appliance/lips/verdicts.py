"""Self-test results of this device's providers, kept between runs.

A result is valid for one file on one provider with one set of versions (L4T, TensorRT, ONNX
Runtime); if any of them changes, the test is run again. Failures expire after a day, since the
cause may be gone.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.lips.engine import Machine

log = logging.getLogger("lectern.lips")

FILE = "engines.json"
_FORGET_S = 86400.0


@dataclass(frozen=True)
class Verdict:
    """The result of a network on a provider. ``reason`` is empty if it passed.

    ``batch`` is the largest that fits, ``ms`` the time per frame at that batch, ``open_s`` the
    seconds until it was ready, ``at`` the time of the test (seconds since 1970).
    """

    provider: str
    precision: str
    reason: str
    batch: int
    ms: float
    open_s: float
    at: float

    @property
    def passed(self) -> bool:
        """Whether the provider may be used."""
        return not self.reason


class Verdicts:
    """The results in the file ``path``; with ``None`` they last as long as the process.

    If the file cannot be read or written, tests are repeated; nothing else is lost.
    """

    def __init__(
        self, path: Path | None, machine: Machine, now: Callable[[], float] = time.time
    ) -> None:
        self._path, self._machine, self._now = path, machine, now
        self._known: dict[str, Verdict] = {}
        self._precisions: dict[str, str] = {}
        self._told: set[str] = set()
        self._read()

    def find(self, sha: str, provider: str) -> Verdict | None:
        """Return the result that is still valid; ``None`` if there is none."""
        verdict = self._known.get(self._key(sha, provider))
        if verdict and not verdict.passed and not 0 <= self._now() - verdict.at < _FORGET_S:
            return None
        return verdict

    def add(
        self,
        sha: str,
        provider: str,
        precision: str,
        reason: str = "",
        *,
        batch: int = 0,
        ms: float = 0.0,
        open_s: float = 0.0,
    ) -> Verdict:
        """Store the result of the file with the hash ``sha`` on ``provider``."""
        verdict = Verdict(provider, precision, reason, batch, ms, open_s, self._now())
        self._read()  # another process may have added results
        self._known[self._key(sha, provider)] = verdict
        self._write()
        return verdict

    def precision(self, model: str) -> str | None:
        """Return the precision chosen for the model with digest ``model``; ``None`` without one."""
        return self._precisions.get(f"{model}|{self._machine}")

    def choose(self, model: str, precision: str) -> None:
        """Store the precision that is best on this device."""
        self._read()
        self._precisions[f"{model}|{self._machine}"] = precision
        self._write()

    def _key(self, sha: str, provider: str) -> str:
        return f"{sha}|{provider}|{self._machine}"

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            values = json.loads(self._path.read_bytes())
            self._known = {key: Verdict(**value) for key, value in values["verdicts"].items()}
            self._precisions = {str(k): str(v) for k, v in values["precisions"].items()}
        except FileNotFoundError:
            pass
        except OSError as error:
            self._tell("%s cannot be read: %s", error.strerror)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._tell("%s is invalid and is replaced: %s", error)

    def _write(self) -> None:
        if self._path is None:
            return
        values = {
            "verdicts": {key: asdict(verdict) for key, verdict in self._known.items()},
            "precisions": self._precisions,
        }
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(values, indent=1), encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            self._tell("%s cannot be kept: %s", error.strerror)

    def _tell(self, text: str, reason: object) -> None:
        """Log a warning once per text: the file is read and written often."""
        if text not in self._told:
            log.warning(text, FILE, reason)
        self._told.add(text)
