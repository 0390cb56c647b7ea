"""Style sheets and scripts: compressed once, and cached by browsers until they change."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request, url_for
from werkzeug.exceptions import NotFound

from web.security.access import public

FOLDER = Path(__file__).resolve().parent / "static"
_TEXT = {".css", ".js", ".svg", ".json", ".webmanifest"}
_YEAR_S = 365 * 86400


@dataclass(frozen=True)
class _File:
    changed: int
    digest: str
    kind: str
    content: bytes
    compressed: bytes | None


class StaticFiles:
    """The files below ``folder``, held in memory (a few hundred kB)."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, _File] = {}

    def register(self, app: Flask) -> None:
        """Serve the files under ``/static/``."""
        app.extensions["static_files"] = self

        @public
        def serve(name: str) -> Response:
            return self._serve(name)

        app.add_url_rule("/static/<path:name>", "static", serve)

    def url(self, name: str) -> str:
        """Return the URL of a file, which changes with the file's content."""
        try:
            return url_for("static", name=name, v=self._load(name).digest)
        except NotFound:  # a library is not installed: the page works without it
            return url_for("static", name=name)

    def _serve(self, name: str) -> Response:
        file = self._load(name)
        use_gzip = file.compressed is not None and request.accept_encodings.quality("gzip") > 0
        response = Response(file.compressed if use_gzip else file.content, content_type=file.kind)
        response.vary.add("Accept-Encoding")
        if use_gzip:
            response.content_encoding = "gzip"
        if request.args.get("v") == file.digest:
            response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"
        response.set_etag(file.digest + ("-gzip" if use_gzip else ""))
        conditional = response.make_conditional(request)
        assert isinstance(conditional, Response)
        return conditional

    def _load(self, name: str) -> _File:
        try:
            path = (self._folder / name).resolve()
        except ValueError:  # null byte in the name
            raise NotFound from None
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise NotFound
        changed = path.stat().st_mtime_ns
        with self._lock:
            file = self._files.get(name)
            if file is None or file.changed != changed:
                file = self._files[name] = _read(path, changed)
        return file


def _read(path: Path, changed: int) -> _File:
    plain = path.read_bytes()
    text = path.suffix in _TEXT
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _File(
        changed,
        hashlib.sha256(plain).hexdigest()[:12],
        f"{kind}; charset=utf-8" if text else kind,
        plain,
        gzip.compress(plain, 9, mtime=0) if text else None,
    )
