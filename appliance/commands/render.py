"""``lectern render``: render one lecture video."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.commands.wishes import add_wishes, wishes_in
from appliance.config import load_config
from appliance.errors import BadInput
from appliance.heap import loading
from appliance.interrupt import stop_if_wished

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Commands) -> None:
    """Add the ``render`` command to the command line."""
    parser = commands.add_parser(
        "render",
        help="render a lecture video",
        description="Render a lecture video in which the presenter speaks the lecture.",
    )
    parser.add_argument("presenter", type=Path, help="video or photo of the presenter")
    parser.add_argument("lecture", type=Path, help="recording, video with sound, or text file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="MP4 file to write"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a JSON report to FILE")
    parser.add_argument(
        "--subtitles",
        type=Path,
        metavar="FILE",
        help="write the subtitles of a text lecture to FILE (.srt)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file")
    add_wishes(parser)
    parser.set_defaults(run=_render)


def _render(options: argparse.Namespace) -> int:
    with loading():
        from appliance.jobs.options import with_options
        from appliance.media.publish import check_target
        from appliance.progress import progress_bar
        from appliance.render.progress import Progress
        from appliance.render.render import render
        from appliance.render.worth import score_of

    config = with_options(load_config(options.config), wishes_in(options))
    if options.report is not None:
        check_target(options.report, in_place=True)
    if options.subtitles is not None:
        check_target(options.subtitles)
    with progress_bar() as show:

        def listen(progress: Progress) -> None:
            stop_if_wished()
            show(progress)

        report = render(options.presenter, options.lecture, options.output, config, listen=listen)
        if config.score.enabled:
            started = time.monotonic()
            report["score"] = score_of(report, options.presenter, listen)
            report["stages_s"]["score"] = round(time.monotonic() - started, 3)
    if options.subtitles is not None:
        _write_subtitles(options.subtitles, options.output)
    if options.report is not None:
        _write_json(options.report, report)
    for warning in report["warnings"]:
        print(f"lectern: {warning['at_s']:.1f} s: {warning['text']}", file=sys.stderr)
    print(options.output)
    return 0


def _write_subtitles(path: Path, video: Path) -> None:
    from appliance.media.subtitles import read_track, write_srt

    cues = read_track(video)
    if not cues:
        why = "the lecture is a recording, or speech.subtitles is off"
        print(f"lectern: no subtitles were written: {why}", file=sys.stderr)
        return
    try:
        write_srt(path, cues)
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error
