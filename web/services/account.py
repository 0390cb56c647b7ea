"""Changes of user accounts that both the pages and the API offer."""

from __future__ import annotations

from web.accounts.users import Role
from web.context import Panel
from web.security.access import Identity


def change_own_password(
    identity: Identity,
    panel: Panel,
    *,
    current_password: str,
    new_password: str,
    address: str,
    cookie: str,
) -> None:
    """Set the user's password to ``new_password``; end the user's other sessions and API keys.

    A wrong ``current_password`` counts as a failed sign-in from ``address``. ``cookie`` is the
    value of the session cookie, whose session continues. Raises ``BadInput``:
    ``invalid_credentials``, ``password_too_short``, ``too_many_attempts``, ``permission_denied``
    (request with an API key).
    """
    user = identity.require_browser_session()
    attempt = panel.login_limiter.register_attempt(address, user.name)
    panel.users.authenticate(user.name, current_password)
    panel.login_limiter.register_success(attempt)
    panel.users.set_password(user.name, new_password)
    _end_access(panel, user.name, keep=cookie)


def set_password(panel: Panel, name: str, password: str) -> None:
    """Set the password of the user ``name`` (in any case); end the user's sessions and API keys.

    Raises ``BadInput``: ``user_unknown``, ``password_too_short``.
    """
    user = panel.users.get(name)
    panel.users.set_password(user.name, password)
    _end_access(panel, user.name)


def set_role(panel: Panel, name: str, role: Role) -> None:
    """Set the role of the user ``name`` (in any case), and revoke the user's API keys.

    A key was created for what the user could do then. Raises ``BadInput``: ``user_unknown``,
    ``last_admin``.
    """
    user = panel.users.get(name)
    panel.users.set_role(user.name, role)
    if role is not user.role:
        panel.tokens.revoke_all(user.name)


def delete_user(panel: Panel, name: str) -> None:
    """Delete the account of the user ``name`` (in any case) and end all sessions of the user.

    Raises ``BadInput``: ``user_unknown``, ``last_admin``.
    """
    user = panel.users.get(name)
    panel.users.delete(user.name)
    panel.sessions.delete_all_for(user.name)


def _end_access(panel: Panel, user: str, keep: str = "") -> None:
    """End what was made with the old password, except for the session of the cookie ``keep``."""
    panel.tokens.revoke_all(user)
    panel.devices.forget(user)
    panel.sessions.delete_all_for(user, keep=keep)
