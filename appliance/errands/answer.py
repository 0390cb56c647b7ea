"""Doing one errand and writing its answer down, whatever becomes of it."""

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
    """Let ``carry`` do the running ``errand``; its result, or why there is none, is the answer.

    Raises ``Fault`` as ``errands`` does.
    """
    log.info("errand %d: %s", errand.id, errand.kind)
    try:
        errands.finish(errand.id, carry(errand))
    except Stopped:
        errands.fail(errand.id, Reason("errand_interrupted"))
    except LecternError as error:
        log.info("errand %d: %s", errand.id, error)
        errands.fail(errand.id, Reason.of(error))
    except Exception as error:  # of one errand; the next may be fine
        log.exception("errand %d", errand.id)
        reason = f"{type(error).__name__}: {error}"
        errands.fail(errand.id, Reason("errand_failed", {"reason": reason}))
