"""Run the panel in gunicorn: one process with many threads.

There is one process, because the live pages share one thread that polls the queue. There are many
threads, because every open home page occupies one for its event stream.
"""

from __future__ import annotations

import logging
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from appliance.config import Config
from appliance.config_file import ConfigProblem
from appliance.errors import BadInput
from web.accounts.users import UserStore, users_path
from web.addresses import PROXIES, Addresses, find_addresses
from web.app import create_app
from web.context import EXTENSION, Panel
from web.server.mdns import Announcer, make_announcer
from web.server.server_limits import ServerLimits
from web.services.cleanup import start_cleanup
from web.static_files import FOLDER
from web.tls.certificates import TlsContext, local_certificate, make_tls_context

log = logging.getLogger("lectern.panel")

LOG = "panel.log"
"""Name of the panel's log file, beside the daemon's."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(
        self,
        config: Config,
        mistakes: list[ConfigProblem],
        addresses: Addresses,
        tls: TlsContext | None,
    ) -> None:
        self._lectern, self._mistakes = config, mistakes
        self._addresses, self._tls = addresses, tls
        self.limits = ServerLimits.from_config(config)
        self._announcer: Announcer | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in settings(self._lectern, self._addresses, self._tls).items():
            self.cfg.set(name, value)
        self.cfg.set("worker_exit", self._on_worker_exit)

    def _on_worker_exit(self, arbiter: object, worker: object) -> None:
        if self._announcer is not None:
            self._announcer.close()

    def load(self) -> Flask:
        app = create_app(self._lectern, mistakes=self._mistakes, addresses=self._addresses)
        panel: Panel = app.extensions[EXTENSION]
        log_address(panel, self._addresses.url())
        start_cleanup(self._lectern, panel.now, panel.closing)
        self._announcer = make_announcer(self._lectern, self._addresses)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, _end_streams_before(panel, signal.getsignal(number)))
        return app


def _end_streams_before(panel: Panel, handler: object) -> Callable[[int, FrameType | None], None]:
    """Return a signal handler that ends the event streams before gunicorn's own ``handler`` runs.

    Otherwise the streams would delay the worker's end until its timeout.
    """

    def end(number: int, frame: FrameType | None) -> None:
        panel.closing.set()
        if callable(handler):
            handler(number, frame)

    return end


def settings(config: Config, addresses: Addresses, tls: TlsContext | None) -> dict[str, Any]:
    """Return gunicorn's settings for the panel of ``config``."""
    return {
        "bind": addresses.bind(),
        "worker_class": "web.server.gunicorn_worker.PanelWorker",
        "workers": 1,
        "threads": config.panel.threads,
        "keepalive": 15,
        "timeout": 60,
        "graceful_timeout": 5,
        "limit_request_line": 4094,
        "limit_request_fields": 60,
        "limit_request_field_size": 8190,
        "forwarded_allow_ips": ",".join(PROXIES),
        "control_socket_disable": True,
        "proc_name": "lectern-panel",
        "loglevel": "warning",
        **({} if tls is None else _tls_settings(tls)),
    }


def _tls_settings(tls: TlsContext) -> dict[str, Any]:
    def context(config: object, default: object) -> ssl.SSLContext:
        return tls.get()

    # gunicorn enables TLS if a certificate file is set; the context reads the file itself.
    return {"certfile": str(tls.path), "ssl_context": context}


def serve_panel(config: Config, mistakes: list[ConfigProblem]) -> None:
    """Serve the panel until the process is terminated.

    ``mistakes`` are the errors in the config file. If there are any, or if the owner's certificate
    cannot be used, the panel runs in safe mode. Raises ``BadInput``: ``panel_address_unavailable``
    if the panel cannot listen, ``output_unwritable`` if its folder cannot be created; and what
    ``UserStore`` raises.
    """
    addresses = find_addresses(config)
    _check_folder(config.root / "state")
    # Opened once so that a fault is raised here instead of in gunicorn's worker.
    UserStore(users_path(config.root)).close()
    try:
        tls = make_tls_context(config)
    except BadInput as error:
        log.error("%s", error)
        mistakes = [
            *mistakes,
            ConfigProblem(0, "panel.certificate", config.panel.certificate, error),
        ]
        panel = config.panel.model_copy(update={"tls": "local-ca"})
        config = config.model_copy(update={"panel": panel})
        tls = TlsContext(local_certificate(config))
    _Server(config, mistakes, addresses, tls).run()


def log_address(panel: Panel, url: str) -> None:
    """Log the panel's address and, before the setup, the setup code."""
    log.info("the panel is at %s", url)
    if not (FOLDER / "vendor" / "htmx.js").is_file():
        log.warning(
            "the browser's libraries are missing; download them: python -m web.assets.build"
        )
    if panel.setup_code:
        log.warning("setup code: %s (open %s/setup)", panel.setup_code, url)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("output_unwritable", name=str(folder), reason=error.strerror) from error
