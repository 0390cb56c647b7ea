"""The panel as a WSGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from flask import Flask, current_app, request

from appliance.config import Config
from appliance.config_file import ConfigProblem
from appliance.errors import BadInput
from appliance.jobs.retry import can_retry
from web import errors
from web.accounts.known_devices import KnownDevices
from web.accounts.login_limiter import LoginLimiter
from web.accounts.sessions import SessionStore
from web.accounts.setup_code import get_setup_code
from web.accounts.tokens import TokenStore
from web.accounts.users import UserStore, users_path
from web.addresses import Addresses
from web.api import account, files, jobs, preflight, root, uploads
from web.api import device as device_api
from web.api import presenters as presenters_api
from web.api import users as users_api
from web.context import (
    EXTENSION,
    Panel,
    close_stores,
    get_panel,
    requested_address,
    update_in_progress,
)
from web.i18n import LANGUAGES, _, language, localized
from web.pages import (
    certificate,
    device,
    health,
    home,
    home_texts,
    navigation,
    new,
    presenters,
    results,
    users,
)
from web.security import access, body_limits, csrf, headers, hosts, https_redirect
from web.services import formatting, tasks
from web.services.snapshot import SnapshotReader
from web.services.snapshot_poller import add_poller
from web.static_files import StaticFiles
from web.update_lock import MARKER

_PAGES = (home, new, results, presenters, device, users, health, certificate)
_API = (root, account, jobs, files, preflight, presenters_api, uploads, device_api, users_api)


def create_app(
    config: Config,
    *,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    mistakes: Sequence[ConfigProblem] = (),
    addresses: Addresses | None = None,
    update_marker: Path = MARKER,
) -> Flask:
    """Create the panel with the settings ``config``.

    ``now`` returns the time in seconds since 1970, ``monotonic`` the seconds of a clock that only
    advances. ``mistakes`` are the errors in the config file:
    if there are any, the panel runs in safe mode. Raises ``Fault`` if the user database cannot be
    used.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False  # an address with a slash at its end is the same page
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config.update(
        MAX_CONTENT_LENGTH=body_limits.DEFAULT_BYTES,
        MAX_FORM_MEMORY_SIZE=body_limits.DEFAULT_BYTES,
        MAX_FORM_PARTS=200,
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=config.panel.session_timeout_minutes),
    )
    store = UserStore(users_path(config.root))
    app.extensions[EXTENSION] = panel = Panel(
        config=config,
        now=now,
        users=store,
        sessions=SessionStore(store, config.panel.session_timeout_minutes * 60, now, monotonic),
        tokens=TokenStore(store, now),
        devices=KnownDevices(store, now),
        login_limiter=LoginLimiter(monotonic),
        setup_code=get_setup_code(config.root) if store.is_empty() else "",
        mistakes=list(mistakes),
        addresses=addresses,
        update_marker=update_marker,
    )
    add_poller(
        app, lambda: SnapshotReader(config.root, now, panel.update_marker), panel.closing.is_set
    )
    errors.register(app)
    _add_guards(app, hosts.own_names() | set(config.panel.trusted_hosts))
    _add_pages(app)
    _set_template_globals(app)
    app.teardown_appcontext(close_stores)
    return app


def _add_guards(app: Flask, names: frozenset[str] | set[str]) -> None:
    """Register the checks that every request must pass, in this order."""

    def check_host() -> None:
        if not is_trusted_host(names):
            raise BadInput("host_not_trusted", name=request.headers.get("Host", ""))

    app.before_request(check_host)
    app.before_request(https_redirect.redirect_to_https)
    app.before_request(body_limits.apply_body_limit)
    app.before_request(_check_mode)
    app.before_request(csrf.check_token)
    app.after_request(csrf.set_form_cookie)
    app.after_request(headers.add_headers)


def is_trusted_host(names: frozenset[str] | set[str]) -> bool:
    """Return whether the request is addressed to this device."""
    return hosts.is_trusted(request.headers.get("Host", ""), names)


def _check_mode() -> None:
    """Refuse most requests before the setup and in safe mode.

    Raises ``BadInput``: ``setup_required``, ``safe_mode``.
    """
    view = current_view()
    if getattr(view, "is_public", False):
        return
    if get_panel().users.is_empty():
        raise BadInput("setup_required")
    if get_panel().mistakes and not getattr(view, "in_safe_mode", False) and view is not None:
        raise BadInput("safe_mode")


def current_view() -> object:
    """Return the view function of this request, or ``None``."""
    return current_app.view_functions.get(request.endpoint or "")


def _add_pages(app: Flask) -> None:
    """Register the blueprints of the pages and of the API."""
    StaticFiles().register(app)
    for pages in _PAGES:
        app.register_blueprint(pages.blueprint)
    for api in _API:
        app.register_blueprint(api.blueprint)


def _set_template_globals(app: Flask) -> None:
    app.jinja_env.globals.update(
        _=_,
        localized=localized,
        localized_text=tasks.localized_text,
        home_texts=home_texts,
        formatting=formatting,
        has_role=access.has_role,
        can_view=access.can_view,
        can_edit=access.can_edit,
        can_retry=can_retry,
        current_user=access.current_user,
        csrf_token=csrf.csrf_token,
        language=language,
        LANGUAGES=LANGUAGES,
        menu_entries=navigation.menu_entries,
        view_functions=app.view_functions,
        static=app.extensions["static_files"].url,
        safe_mode=lambda: bool(get_panel().mistakes),
        update_in_progress=update_in_progress,
        requested_address=requested_address,
    )
    app.jinja_env.tests.update(viewable=access.can_view, editable=access.can_edit)
