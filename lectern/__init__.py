"""Lectern: make a filmed presenter speak a recorded or written lecture.

>>> from lectern import load_config, render
>>> report = render("presenter.mp4", "lecture.mp3", "out.mp4", load_config())

The names in ``__all__`` are the public Python API; see ``docs/api.md``. Importing this package
loads no codec and no inference library: these are imported by the functions that need them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadInput, Cancelled, Fault, LecternError
from appliance.version import software_version

if TYPE_CHECKING:
    from appliance.config import Config
    from appliance.render.progress import Progress
    from appliance.render.report import RenderReport
    from appliance.score.report import Score

__all__ = [
    "BadInput",
    "Cancelled",
    "Config",
    "Fault",
    "LecternError",
    "Progress",
    "RenderReport",
    "Score",
    "__version__",
    "load_config",
    "render",
    "score_video",
]

__version__ = software_version()

_LAZY = {
    "Config": "appliance.config",
    "Progress": "appliance.render.progress",
    "RenderReport": "appliance.render.report",
    "Score": "appliance.score.report",
}


def __getattr__(name: str) -> Any:
    """Import a public class on its first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """Return the settings of the file ``path``.

    Without ``path``, the first of these files is used: the one that ``$LECTERN_CONFIG`` names,
    ``config.yaml`` of the checkout, ``/etc/lectern/config.yaml``. If none exists, the defaults
    apply. Raises ``BadInput`` for the first problem in the file, or with ``file_missing``,
    ``file_unreadable`` or ``config_access_denied``.
    """
    from appliance.config import load_config as load

    return load(None if path is None else Path(path))


def render(
    presenter: str | os.PathLike[str],
    lecture: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: Config | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> RenderReport:
    """Render a video in which ``presenter`` speaks ``lecture``, and return the report.

    ``presenter`` is a video or a photo, ``lecture`` a recording, a video with sound, or a text
    (``.txt``, ``.md``, ``.docx``). ``output`` is written completely or not at all; an existing file
    is replaced. ``config`` defaults to :func:`load_config`. ``on_progress`` is called with a
    ``Progress`` object during the work; an exception that it raises stops the rendering and is
    passed on. Raises ``BadInput`` and ``Fault``.
    """
    from appliance.render.render import render as render_lecture

    return render_lecture(
        Path(presenter),
        Path(lecture),
        Path(output),
        load_config() if config is None else config,
        on_progress=on_progress or (lambda progress: None),
    )


def score_video(
    video: str | os.PathLike[str],
    reference: str | os.PathLike[str] | None = None,
    source: str | os.PathLike[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    limit_s: float | None = 300.0,
    brief: bool = False,
) -> Score:
    """Measure the quality of a finished video.

    ``reference`` is a real video of the same speech; it adds the comparison of the mouths.
    ``source`` is the presenter that the video was made from; it adds the look of the mouth and
    changes outside of it, without which a video is not called good. A file longer than ``limit_s``
    seconds is measured in sections of 8 s that are spread evenly over it (``None``: the whole
    file); ``brief`` measures a twentieth, 8 s to 2 minutes. ``on_progress`` is called with the
    number of frames done and the number in all. Raises
    ``BadInput``, among others ``video_missing`` for a photo and ``no_face`` if no face is visible.
    """
    from appliance.render.scoring import score_file
    from appliance.system.regular_file import follow_link

    return score_file(
        follow_link(Path(video)),
        None if reference is None else follow_link(Path(reference)),
        None if source is None else follow_link(Path(source)),
        on_progress,
        limit_s=limit_s,
        brief=brief,
    )
