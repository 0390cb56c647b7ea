"""Self-test results of this device's providers, kept between runs.

A result is valid for one file on one provider with one set of versions (L4T, TensorRT, ONNX
Runtime); if any of them changes, the test is run again. Failures expire after a day, since the
cause may be gone.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files.atomic import write_text

if TYPE_CHECKING:  # the panel reads results without loading ONNX Runtime
    from appliance.inference.session import RuntimeVersions

log = logging.getLogger("lectern.inference")

RESULTS_FILE = "hardware/providers.json"
RESULT_MAX_AGE_S = 86400.0
"""Age in seconds above which a failure is ignored."""


@dataclass(frozen=True)
class ProviderResult:
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


class ProviderResults:
    """The results in the file ``path``; with ``None`` they last as long as the process.

    If the file cannot be read or written, the tests are repeated.
    """

    def __init__(
        self, path: Path | None, versions: RuntimeVersions, now: Callable[[], float] = time.time
    ) -> None:
        self._path, self._versions, self._now = path, versions, now
        self._results: dict[str, ProviderResult] = {}
        self._precisions: dict[str, str] = {}
        self._logged: set[str] = set()
        self._read()

    def get(self, sha: str, provider: str) -> ProviderResult | None:
        """Return the result that is still valid; ``None`` if there is none."""
        result = self._results.get(self._key(sha, provider))
        if result and not result.passed and not 0 <= self._now() - result.at < RESULT_MAX_AGE_S:
            return None
        return result

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
    ) -> ProviderResult:
        """Store the result of the file with the hash ``sha`` on ``provider``."""
        result = ProviderResult(provider, precision, reason, batch, ms, open_s, self._now())
        self._read()  # another process may have added results
        self._results[self._key(sha, provider)] = result
        self._write()
        return result

    def precision(self, model: str) -> str | None:
        """Return the precision chosen for the model with digest ``model``; ``None`` without one."""
        return self._precisions.get(f"{model}|{self._versions}")

    def set_precision(self, model: str, precision: str) -> None:
        """Store the precision that is best on this device."""
        self._read()
        self._precisions[f"{model}|{self._versions}"] = precision
        self._write()

    def _key(self, sha: str, provider: str) -> str:
        return f"{sha}|{provider}|{self._versions}"

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            values = json.loads(self._path.read_bytes())
            self._results = {
                key: ProviderResult(**value) for key, value in values["results"].items()
            }
            self._precisions = {str(k): str(v) for k, v in values["precisions"].items()}
        except FileNotFoundError:
            pass
        except OSError as error:
            self._warn_once("%s cannot be read: %s", error.strerror)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._warn_once("%s is invalid and is replaced: %s", error)

    def _write(self) -> None:
        if self._path is None:
            return
        values = {
            "results": {key: asdict(result) for key, result in self._results.items()},
            "precisions": self._precisions,
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, json.dumps(values, indent=1), shared=True)
        except OSError as error:
            self._warn_once("%s cannot be written: %s", error.strerror)

    def _warn_once(self, text: str, reason: object) -> None:
        """Log a warning once per text: the file is read and written often."""
        if text not in self._logged:
            log.warning(text, RESULTS_FILE, reason)
        self._logged.add(text)


def recent_failures(root: Path, now: float) -> dict[str, str]:
    """Return the providers that failed within the last day, each with its latest reason.

    ``root`` is the device's folder, ``now`` the time in seconds since 1970. Returns an empty
    dictionary if the results cannot be read. The CPU is left out.
    """
    try:
        failures = [
            (float(result["at"]), str(result["provider"]), str(result["reason"]))
            for result in json.loads((root / "state" / RESULTS_FILE).read_bytes())[
                "results"
            ].values()
            if result["reason"] and result["provider"] != "cpu"
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {
        provider: reason
        for at, provider, reason in sorted(failures)
        if 0 <= now - at < RESULT_MAX_AGE_S
    }
