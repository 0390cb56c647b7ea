"""Changes of user accounts that both the pages and the API offer."""

from __future__ import annotations

from web.accounts.login_limiter import LoginLimiter
from web.accounts.sessions import SessionStore
from web.accounts.users import UserStore
from web.security.access import Identity


def change_own_password(
    identity: Identity,
    users: UserStore,
    sessions: SessionStore,
    limiter: LoginLimiter,
    *,
    current_password: str,
    new_password: str,
    address: str,
    cookie: str,
) -> None:
    """Set the user's password to ``new_password`` and end the user's other sessions.

    A wrong ``current_password`` counts as a failed sign-in from ``address``. ``cookie`` is the
    value of the session cookie, whose session continues. Raises ``BadInput``:
    ``invalid_credentials``, ``password_too_short``, ``too_many_attempts``, ``permission_denied``
    (request with an API key).
    """
    user = identity.require_browser_session()
    limiter.register_attempt(address, user.name)
    users.authenticate(user.name, current_password)
    limiter.register_success(address, user.name)
    users.set_password(user.name, new_password)
    sessions.delete_all_for(user.name, keep=cookie)


def set_password(users: UserStore, sessions: SessionStore, name: str, password: str) -> None:
    """Set the password of the user ``name`` (in any case) and end all sessions of the user.

    Raises ``BadInput``: ``user_unknown``, ``password_too_short``.
    """
    user = users.get(name)
    users.set_password(user.name, password)
    sessions.delete_all_for(user.name)


def delete_user(users: UserStore, sessions: SessionStore, name: str) -> None:
    """Delete the account of the user ``name`` (in any case) and end all sessions of the user.

    Raises ``BadInput``: ``user_unknown``, ``last_admin``.
    """
    user = users.get(name)
    users.delete(user.name)
    sessions.delete_all_for(user.name)
