"""The pages for setup, sign-in, the user's own account, and all user accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from appliance.errors import BadInput, LecternError
from web import i18n
from web.accounts.login_limiter import client_network
from web.accounts.passwords import MIN_LENGTH
from web.accounts.setup_code import codes_match, delete_setup_code
from web.accounts.users import Role
from web.context import get_panel
from web.errors import set_retry_after, status_of
from web.schemas import NUMBER
from web.security.access import (
    COOKIE,
    current_identity,
    known_device,
    public,
    require_browser_session,
    require_role,
    role_required,
    sign_in,
    sign_out,
)
from web.services.account import change_own_password, delete_user
from web.services.account import set_password as set_user_password
from web.services.account import set_role as set_user_role

log = logging.getLogger("lectern.panel")

blueprint = Blueprint("users", __name__)

_YEAR_S = 365 * 86400
_SETUP = "/setup"  # counts wrong setup codes; not a valid name of an account


@blueprint.get("/setup")
@public
def setup() -> AnyResponse:
    """Render the setup page of a new device."""
    if not get_panel().users.is_empty():
        return redirect(url_for("home.index"))
    return make_response(render_template("users/setup.html", min_length=MIN_LENGTH))


@blueprint.post("/setup")
@public
def create_administrator() -> AnyResponse:
    """Create the administrator if the code matches the one in the device's log."""
    panel, form = get_panel(), request.form
    if not panel.users.is_empty():
        return redirect(url_for("home.index"))
    address = request.remote_addr or ""
    try:
        # The right code is accepted at any time: it is too long to be guessed, and failed attempts
        # of others must not prevent the setup.
        if not codes_match(form.get("code", ""), panel.setup_code):
            panel.login_limiter.register_attempt(address, _SETUP)
            raise BadInput("setup_code_wrong")
        password = _new_password()
        user = panel.users.add_first(form.get("name", "").strip(), password, panel.now())
    except BadInput as error:
        page = render_template("users/setup.html", error=error, min_length=MIN_LENGTH, given=form)
        return _error_page(page, error)
    delete_setup_code(panel.config.root)
    log.info("set up by %s from %s", user.name, address)
    response = redirect(url_for("home.index"))
    assert isinstance(response, Response)
    sign_in(response, user)
    return response


@blueprint.get("/login")
@public
def login() -> AnyResponse:
    """Render the sign-in page."""
    if get_panel().users.is_empty():
        return redirect(url_for("users.setup"))
    return make_response(render_template("users/login.html", next_url=request.args.get("next", "")))


@blueprint.post("/login")
@public
def log_in() -> AnyResponse:
    """Sign in with name and password. Too many failures lead to a waiting time."""
    panel, form = get_panel(), request.form
    address, name = request.remote_addr or "", form.get("name", "").strip()
    next_url = form.get("next", "")
    try:
        device = known_device(name)
        attempt = panel.login_limiter.register_attempt(address, name, device)
        try:
            user = panel.users.authenticate(name, form.get("password", ""))
        except BadInput:
            log.warning(
                "sign-in as %s from %s failed",
                ascii(name[:40]),
                address,
                extra={"source": client_network(address)},
            )
            raise
    except BadInput as error:
        page = render_template("users/login.html", error=error, next_url=next_url, name=name)
        return _error_page(page, error)
    panel.login_limiter.register_success(attempt)
    log.info("%s signed in from %s", user.name, address)
    response = redirect(_local_url(next_url))
    assert isinstance(response, Response)
    sign_in(response, user)
    return response


@blueprint.post("/logout")
@public
def log_out() -> AnyResponse:
    """End the browser's session."""
    response = redirect(url_for("users.login"))
    assert isinstance(response, Response)
    sign_out(response)
    return response


@blueprint.post("/language")
@public
def choose_language() -> AnyResponse:
    """Store the chosen language in a cookie."""
    response = redirect(_local_url(request.form.get("next", "")))
    chosen = request.form.get("language", "")
    if chosen in i18n.LANGUAGES:
        response.set_cookie(
            i18n.COOKIE, chosen, max_age=_YEAR_S, samesite="Lax", httponly=True, path="/"
        )
    return response


@blueprint.get("/account")
@role_required("viewer")
def account() -> str:
    """Render the user's own account: password and API keys."""
    return _render_account()


@blueprint.post("/account/password")
@role_required("viewer", by_token=False)
def change_password() -> AnyResponse:
    """Change the user's own password; requires the old one."""
    current_identity().require_browser_session()
    panel = get_panel()
    try:
        change_own_password(
            current_identity(),
            panel,
            current_password=request.form.get("current_password", ""),
            new_password=_new_password(),
            address=request.remote_addr or "",
            cookie=request.cookies.get(COOKIE, ""),
        )
    except BadInput as error:
        return _error_page(_render_account(error=error), error)
    return make_response(_render_account(changed=True))


@blueprint.post("/account/tokens")
@role_required("viewer", by_token=False)
def make_token() -> str:
    """Create an API key and show it once."""
    label = request.form.get("label", "").strip()[:60] or "API"
    return _render_account(token=get_panel().tokens.create(require_browser_session().name, label))


@blueprint.post(f"/account/tokens/<{NUMBER}:number>/revoke")
@role_required("viewer", by_token=False)
def revoke_token(number: int) -> AnyResponse:
    """Revoke one of the user's own API keys."""
    get_panel().tokens.revoke(require_browser_session().name, number)
    return redirect(url_for("users.account"))


@blueprint.get("/users")
@role_required("admin")
def index() -> str:
    """Render the list of user accounts."""
    return _render_users()


@blueprint.post("/users")
@role_required("admin", by_token=False)
def add() -> AnyResponse:
    """Create a user account."""
    form = request.form
    name = form.get("name", "").strip()
    try:
        role = _role(form.get("role", ""))
        get_panel().users.add(name, role, form.get("password", ""), get_panel().now())
    except BadInput as error:
        return _error_page(_render_users(error=error, given=form), error)
    log.info("%s created the user %s (%s)", require_role("admin").name, name, role.value)
    return redirect(url_for("users.index"))


@blueprint.post("/users/<name>/role")
@role_required("admin", by_token=False)
def set_role(name: str) -> AnyResponse:
    """Change the role of a user."""
    role = request.form.get("role", "")
    return _apply_change(name, "changed", lambda: set_user_role(get_panel(), name, _role(role)))


@blueprint.post("/users/<name>/password")
@role_required("admin", by_token=False)
def set_password(name: str) -> AnyResponse:
    """Set the password of a user and end the user's sessions."""
    panel, password = get_panel(), request.form.get("password", "")
    return _apply_change(name, "changed", lambda: set_user_password(panel, name, password))


@blueprint.post("/users/<name>/delete")
@role_required("admin", by_token=False)
def delete(name: str) -> AnyResponse:
    """Delete a user account; the user's jobs and videos are kept."""
    panel = get_panel()
    return _apply_change(name, "deleted", lambda: delete_user(panel, name))


def _apply_change(name: str, verb: str, change: Callable[[], object]) -> AnyResponse:
    try:
        change()
    except BadInput as error:
        return _error_page(_render_users(error=error), error)
    log.info("%s %s the user %s", require_role("admin").name, verb, ascii(name))
    return redirect(url_for("users.index"))


def _render_users(**more: object) -> str:
    return render_template(
        "users/index.html",
        users=get_panel().users.all(),
        roles=list(Role),
        min_length=MIN_LENGTH,
        **more,
    )


def _render_account(**more: object) -> str:
    tokens = get_panel().tokens.list_for(require_role("viewer").name)
    return render_template("users/account.html", tokens=tokens, min_length=MIN_LENGTH, **more)


def _new_password() -> str:
    password = request.form.get("password", "")
    if password != request.form.get("confirm_password", ""):
        raise BadInput("password_mismatch")
    return password


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise BadInput("bad_request", reason="role") from None


def _error_page(page: str, error: LecternError) -> Response:
    response = make_response(page, status_of(error))
    set_retry_after(response, error)
    return response


def _local_url(address: str) -> str:
    """Return ``address`` if it is a path of the panel, otherwise the home page.

    This prevents redirects to other sites.
    """
    parts = urlsplit(address)
    inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    if not inside or parts.scheme or parts.netloc or not address.isprintable():
        return url_for("home.index")
    return address
