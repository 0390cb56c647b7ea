"""The pages for setup, sign-in, the user's own account, and all user accounts."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.errors import BadInput, LecternError
from web import i18n
from web.api.account import change
from web.api.operation import NUMBER
from web.errors import status_of
from web.panel import panel
from web.people.access import is_open, needs, require, require_in_person, sign_in, sign_out
from web.people.passwords import MIN_LENGTH
from web.people.setup_code import forget_code, same_code
from web.people.store import Role

log = logging.getLogger("lectern.panel")

blueprint = Blueprint("people", __name__)

_YEAR_S = 365 * 86400


@blueprint.get("/setup")
@is_open
def setup() -> AnyResponse:
    """Render the setup page of a new device."""
    if not panel().people.none_yet():
        return redirect(url_for("home.index"))
    return make_response(render_template("people/setup.html", min_length=MIN_LENGTH))


@blueprint.post("/setup")
@is_open
def set_up() -> AnyResponse:
    """Create the administrator if the code matches the one in the device's log."""
    here, form = panel(), request.form
    if not here.people.none_yet():
        return redirect(url_for("home.index"))
    address = request.remote_addr or ""
    try:
        here.throttle.attempt(address, "set-up")
        if not same_code(form.get("code", ""), here.code):
            raise BadInput("setup_code_wrong")
        here.throttle.succeeded(address, "set-up")
        password = _new_password()
        person = here.people.add_first(form.get("name", "").strip(), password, here.now())
    except BadInput as error:
        page = render_template("people/setup.html", error=error, min_length=MIN_LENGTH, given=form)
        return _told(page, error)
    forget_code(here.config.root)
    log.info("set up by %s from %s", person.name, address)
    response = redirect(url_for("home.index"))
    assert isinstance(response, Response)
    sign_in(response, person)
    return response


@blueprint.get("/login")
@is_open
def login() -> AnyResponse:
    """Render the sign-in page."""
    if panel().people.none_yet():
        return redirect(url_for("people.setup"))
    return make_response(render_template("people/login.html", after=request.args.get("after", "")))


@blueprint.post("/login")
@is_open
def log_in() -> AnyResponse:
    """Sign in with name and password. Too many failures lead to a waiting time."""
    here, form = panel(), request.form
    address, name = request.remote_addr or "", form.get("name", "").strip()
    after = form.get("after", "")
    try:
        here.throttle.attempt(address, name)
        try:
            person = here.people.check(name, form.get("password", ""))
        except BadInput:
            log.warning("a sign-in as %s from %s failed", ascii(name[:40]), address)
            raise
    except BadInput as error:
        page = render_template("people/login.html", error=error, after=after, name=name)
        return _told(page, error)
    here.throttle.succeeded(address, name)
    log.info("%s signed in from %s", person.name, address)
    response = redirect(_inside(after))
    assert isinstance(response, Response)
    sign_in(response, person)
    return response


@blueprint.post("/logout")
@is_open
def log_out() -> AnyResponse:
    """End the browser's session."""
    response = redirect(url_for("people.login"))
    assert isinstance(response, Response)
    sign_out(response)
    return response


@blueprint.post("/language")
@is_open
def choose_language() -> AnyResponse:
    """Store the chosen language in a cookie."""
    response = redirect(_inside(request.form.get("after", "")))
    chosen = request.form.get("language", "")
    if chosen in i18n.LANGUAGES:
        response.set_cookie(
            i18n.COOKIE, chosen, max_age=_YEAR_S, samesite="Lax", httponly=True, path="/"
        )
    return response


@blueprint.get("/account")
@needs("viewer")
def account() -> str:
    """Render the user's own account: password and API keys."""
    return _account()


@blueprint.post("/account/password")
@needs("viewer")
def change_password() -> AnyResponse:
    """Change the user's own password; requires the old one."""
    require_in_person()
    try:
        change(request.form.get("old", ""), _new_password())
    except BadInput as error:
        return _told(_account(error=error), error)
    return make_response(_account(changed=True))


@blueprint.post("/account/tokens")
@needs("viewer")
def make_token() -> str:
    """Create an API key and show it once."""
    label = request.form.get("label", "").strip()[:60] or "API"
    return _account(token=panel().tokens.make(require_in_person().name, label))


@blueprint.post(f"/account/tokens/<{NUMBER}:number>/revoke")
@needs("viewer")
def revoke_token(number: int) -> AnyResponse:
    """Revoke one of the user's own API keys."""
    panel().tokens.revoke(require_in_person().name, number)
    return redirect(url_for("people.account"))


@blueprint.get("/people")
@needs("admin")
def index() -> str:
    """Render the list of user accounts."""
    return _people()


@blueprint.post("/people")
@needs("admin")
def add() -> AnyResponse:
    """Create a user account."""
    form = request.form
    name = form.get("name", "").strip()
    try:
        role = _role(form.get("role", ""))
        panel().people.add(name, role, form.get("password", ""), panel().now())
    except BadInput as error:
        return _told(_people(error=error, given=form), error)
    log.info("%s made the account %s (%s)", require("admin").name, name, role.value)
    return redirect(url_for("people.index"))


@blueprint.post("/people/<name>/role")
@needs("admin")
def set_role(name: str) -> AnyResponse:
    """Change the role of a user."""
    return _change(name, lambda: panel().people.set_role(name, _role(request.form.get("role", ""))))


@blueprint.post("/people/<name>/password")
@needs("admin")
def set_password(name: str) -> AnyResponse:
    """Set the password of a user and end the user's sessions."""

    def change() -> None:
        panel().people.set_password(name, request.form.get("password", ""))
        panel().sessions.end_all_of(name)

    return _change(name, change)


@blueprint.post("/people/<name>/remove")
@needs("admin")
def remove(name: str) -> AnyResponse:
    """Delete a user account; the user's jobs and videos are kept."""

    def change() -> None:
        panel().people.remove(name)
        panel().sessions.end_all_of(name)

    return _change(name, change)


def _change(name: str, change: object) -> AnyResponse:
    assert callable(change)
    try:
        change()
    except BadInput as error:
        return _told(_people(error=error), error)
    log.info("%s changed the account %s", require("admin").name, ascii(name))
    return redirect(url_for("people.index"))


def _people(**more: object) -> str:
    return render_template(
        "people/index.html",
        people=panel().people.all(),
        roles=list(Role),
        min_length=MIN_LENGTH,
        **more,
    )


def _account(**more: object) -> str:
    tokens = panel().tokens.of(require("viewer").name)
    return render_template("people/account.html", tokens=tokens, min_length=MIN_LENGTH, **more)


def _new_password() -> str:
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise BadInput("password_differs")
    return password


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise BadInput("request_bad", reason="role") from None


def _told(page: str, error: LecternError) -> Response:
    response = make_response(page, status_of(error))
    if error.code == "too_many_tries":
        response.headers["Retry-After"] = str(error.details["seconds"])
    return response


def _inside(address: str) -> str:
    """Return ``address`` if it is a path of the panel, otherwise the home page.

    This prevents redirects to other sites.
    """
    parts = urlsplit(address)
    inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not inside or parts.scheme or parts.netloc or not address.isprintable():
        return url_for("home.index")
    return address
