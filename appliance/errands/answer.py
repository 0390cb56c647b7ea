"""Runs one task and records its result or its failure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from appliance.attempt.order import Stopped
from appliance.errors import LecternError
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.record import Reason

log = logging.getLogger("lectern.errands")


def answer(errands: Errands, errand: Errand, carry: Callable[[Errand], dict[str, Any]]) -> None:
    """Run the claimed task ``errand`` with ``carry`` and store the result, or why it failed.

    Raises ``Fault`` like ``errands``.
    """
    log.info("task %d: %s", errand.id, errand.kind)
    try:
        errands.finish(errand.id, carry(errand))
    except Stopped:
        errands.fail(errand.id, Reason("errand_interrupted"))
    except LecternError as error:
        log.info("task %d: %s", errand.id, error)
        errands.fail(errand.id, Reason.of(error))
    except Exception as error:  # must not affect the next task
        log.exception("task %d", errand.id)
        reason = f"{type(error).__name__}: {error}"
        errands.fail(errand.id, Reason("errand_failed", {"reason": reason}))
