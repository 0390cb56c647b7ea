"""Changes of user accounts that both the pages and the API offer."""

from __future__ import annotations

from flask import request

from web.context import get_panel
from web.security.access import COOKIE, require_browser_session


def change_own_password(old: str, new: str) -> None:
    """Set the current user's password to ``new`` and end the user's other sessions.

    A wrong ``old`` password counts as a failed sign-in. Raises ``BadInput``:
    ``invalid_credentials``, ``password_too_short``, ``too_many_attempts``, ``permission_denied``
    (request with an API key).
    """
    panel, person = get_panel(), require_browser_session()
    address = request.remote_addr or ""
    panel.login_limiter.register_attempt(address, person.name)
    panel.users.authenticate(person.name, old)
    panel.login_limiter.register_success(address, person.name)
    panel.users.set_password(person.name, new)
    panel.sessions.delete_all_for(person.name, keep=request.cookies.get(COOKIE, ""))
