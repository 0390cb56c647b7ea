"""What the panel asks of the daemon, and the answer in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from appliance.errors import BadInput
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.store import store_path
from web.i18n import language
from web.panel import panel
from web.people.access import require

KINDS: Mapping[str, Literal["teacher", "admin"]] = {
    "doctor": "teacher",
    "usb_list": "teacher",
    "usb_import": "teacher",
    "usb_export": "admin",  # it takes everybody's videos along
    "usb_eject": "teacher",
    "restart_worker": "admin",
    "power_off": "admin",
}
"""What can be asked from the page, and by whom."""

TIMEOUT_S = 45.0
"""An errand that nobody has begun by then: the daemon is down."""


@contextmanager
def errands() -> Iterator[Errands]:
    """The box's errands."""
    with Errands(store_path(panel().config.root), now=panel().now) as found:
        yield found


def ask(kind: str, params: Mapping[str, Any]) -> int:
    """Ask for something; gives the errand's number.

    Raises ``BadInput``: ``page_missing`` for an unknown kind, ``not_allowed``.
    """
    role = KINDS.get(kind)
    if role is None:
        raise BadInput("page_missing")
    person = require(role)
    with errands() as found:
        return found.ask(kind, params, person.name)


def get(number: int) -> Errand:
    """An errand of this page. Raises ``BadInput``: ``errand_unknown``, also for other people's."""
    person = require("teacher")
    with errands() as found:
        errand = found.get(number)
    if errand.kind not in KINDS or errand.owner != person.name:
        raise BadInput("errand_unknown", errand=number)
    return errand


def is_lost(errand: Errand) -> bool:
    """Whether nobody has taken it up for so long that nobody will."""
    return errand.state == "asked" and panel().now() - errand.created > TIMEOUT_S


def in_language(texts: object) -> str:
    """A text that comes in both languages, or one that does not."""
    if isinstance(texts, dict):
        return str(texts.get(language(), texts.get("en", "")))
    return "" if texts is None else str(texts)
