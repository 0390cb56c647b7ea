"""``lectern render``: render one lecture video."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.commands.overrides import add_override_options, overrides_from
from appliance.config import load_config
from appliance.errors import BadInput
from appliance.system.malloc import imports_without_gc
from appliance.system.signals import raise_if_interrupted

if TYPE_CHECKING:
    from appliance.commands import Subparsers


WITH_WARNINGS = 3
"""Exit status of a video that was made, but with warnings."""


def add_parser(commands: Subparsers) -> None:
    """Add the ``render`` command to the command line."""
    parser = commands.add_parser(
        "render",
        help="render a lecture video",
        description="Render a lecture video in which the presenter speaks the lecture, measure its "
        "quality, and print its path. The exit status is 0; 3 if there are warnings; 2 if the "
        "input is refused; 1 if the device or Lectern fails; 130 if interrupted.",
    )
    parser.add_argument("presenter", type=Path, help="video or photo of the presenter")
    parser.add_argument("lecture", type=Path, help="recording, video with sound, or text file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="MP4 file to write"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="also write a JSON report to FILE"
    )
    parser.add_argument(
        "--subtitles",
        type=Path,
        metavar="FILE",
        help="write the subtitles of a text lecture to FILE (.srt)",
    )
    parser.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="text or subtitles (.srt, .vtt) of a recording, which become its subtitles",
    )
    add_config_option(parser)
    add_override_options(parser)
    parser.set_defaults(run=_render)


def _render(options: argparse.Namespace) -> int:
    with imports_without_gc():
        from appliance.commands.terminal import progress_bar
        from appliance.config import apply_overrides
        from appliance.files.atomic import check_writable
        from appliance.render.progress import Progress
        from appliance.render.render import render
        from appliance.render.report import RenderReport
        from appliance.render.scoring import score_report
        from appliance.render.workspace import Workspace

    config = apply_overrides(load_config(options.config), overrides_from(options))
    if options.report is not None:
        check_writable(options.report, in_place=True)
    if options.subtitles is not None:
        check_writable(options.subtitles)
    with progress_bar() as show:

        def on_progress(progress: Progress) -> None:
            raise_if_interrupted()
            show(progress)

        def finish(report: RenderReport, workspace: Workspace) -> None:
            if config.score.enabled:
                started = time.monotonic()
                report["score"] = score_report(report, workspace, on_progress)
                report["stages_s"]["score"] = round(time.monotonic() - started, 3)

        report = render(
            options.presenter, options.lecture, options.output, config,
            on_progress=on_progress, transcript=options.transcript, finish=finish,
        )  # fmt: skip
    if options.subtitles is not None:
        _write_subtitles(options.subtitles, options.output)
    if options.report is not None:
        _write_json(options.report, report)
    for warning in report["warnings"]:
        print(f"lectern: {warning['at_s']:.1f} s: {warning['text']}", file=sys.stderr)
    print(options.output)
    return WITH_WARNINGS if report["warnings"] else 0


def _write_subtitles(path: Path, video: Path) -> None:
    from appliance.media.subtitles import read_subtitles, write_srt

    cues = read_subtitles(video)
    if not cues:
        reason = "the lecture is a recording without a transcript, or speech.subtitles is off"
        print(f"lectern: no subtitles were written: {reason}", file=sys.stderr)
        return
    try:
        write_srt(path, cues)
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error
