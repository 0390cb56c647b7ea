"""The panel as a WSGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from flask import Flask, request

from appliance.config import Config
from appliance.config_file import Mistake
from appliance.errors import BadInput
from web import errors, navigation
from web.addresses import Addresses
from web.i18n import LANGUAGES, _, language, told
from web.panel import EXTENSION, Panel, close_jobs, panel, updating
from web.people import access
from web.people.sessions import Sessions
from web.people.setup_code import setup_code
from web.people.store import People, people_path
from web.people.throttle import Throttle
from web.people.tokens import Tokens
from web.security import csrf, headers, hosts, limits, secure
from web.static_files import StaticFiles
from web.update import MARKER


def create_app(
    config: Config,
    *,
    now: Callable[[], float] = time.time,
    mistakes: Sequence[Mistake] = (),
    addresses: Addresses | None = None,
    update_marker: Path = MARKER,
) -> Flask:
    """Create the panel with the settings ``config``.

    ``now`` returns the time in seconds since 1970. ``mistakes`` are the errors in the config file:
    if there are any, the panel runs in safe mode. Raises ``Fault`` if the user database cannot be
    used.
    """
    app = Flask(__name__, static_folder=None)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config.update(
        MAX_CONTENT_LENGTH=limits.DEFAULT_BYTES,
        MAX_FORM_MEMORY_SIZE=limits.DEFAULT_BYTES,
        MAX_FORM_PARTS=200,
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=config.panel.idle_minutes),
    )
    people = People(people_path(config.root))
    app.extensions[EXTENSION] = Panel(
        config=config,
        now=now,
        people=people,
        sessions=Sessions(people, config.panel.idle_minutes * 60, now),
        tokens=Tokens(people, now),
        throttle=Throttle(now),
        code=setup_code(config.root) if people.none_yet() else "",
        mistakes=list(mistakes),
        addresses=addresses,
        update_marker=update_marker,
    )
    errors.register(app)
    _guard(app, hosts.own_names() | set(config.panel.trusted_hosts))
    _add_pages(app)
    _fill_templates(app)
    app.teardown_appcontext(close_jobs)
    return app


def _guard(app: Flask, names: frozenset[str] | set[str]) -> None:
    """Register the checks that every request must pass, in this order."""

    def check_host() -> None:
        if not is_trusted_host(names):
            raise BadInput("host_unknown", name=request.headers.get("Host", ""))

    app.before_request(check_host)
    app.before_request(secure.check)
    app.before_request(limits.apply)
    app.before_request(_check_mode)
    app.before_request(csrf.check)
    app.after_request(csrf.remember)
    app.after_request(headers.add_headers)


def is_trusted_host(names: frozenset[str] | set[str]) -> bool:
    """Return whether the request is addressed to this device."""
    return hosts.is_trusted(request.headers.get("Host", ""), names)


def _check_mode() -> None:
    """Refuse most requests before the setup and in safe mode.

    Raises ``BadInput``: ``setup_needed``, ``safe_mode``.
    """
    view = app_view()
    if getattr(view, "is_open", False):
        return
    if panel().people.none_yet():
        raise BadInput("setup_needed")
    if panel().mistakes and not getattr(view, "in_safe_mode", False) and view is not None:
        raise BadInput("safe_mode")


def app_view() -> object:
    """Return the view function of this request, or ``None``."""
    from flask import current_app

    return current_app.view_functions.get(request.endpoint or "")


def _add_pages(app: Flask) -> None:
    """Register all blueprints. They are imported here, so that none can import the application."""
    from web.api.all import BLUEPRINTS as API
    from web.box import pages as box
    from web.health import pages as health
    from web.home import pages as home
    from web.new import pages as new
    from web.people import pages as people
    from web.presenters import pages as presenters
    from web.results import pages as results
    from web.tls import pages as tls

    StaticFiles().register(app)
    for pages in (home, new, results, presenters, box, people, health, tls):
        app.register_blueprint(pages.blueprint)
    for blueprint in API:
        app.register_blueprint(blueprint)


def _fill_templates(app: Flask) -> None:
    app.jinja_env.globals.update(
        _=_,
        told=told,
        may=access.may,
        may_see=access.may_see,
        may_touch=access.may_touch,
        current_user=access.current_user,
        csrf_token=csrf.csrf_token,
        language=language,
        LANGUAGES=LANGUAGES,
        navigation=navigation.entries,
        view_functions=app.view_functions,
        static=app.extensions["static_files"].url,
        safe_mode=lambda: bool(panel().mistakes),
        updating=updating,
    )
