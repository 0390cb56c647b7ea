"""The ``lectern`` command.

Heavy parts are imported by the command that needs them, so that ``lectern --help`` is instant.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from appliance import cli_jobs, serve
from appliance.config import Config, check_config, find_config, load_config
from appliance.errors import BadInput, Cancelled, LecternError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 2 for bad input, 1 for a fault, 130 if cancelled."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status: int = options.run(options)
        return status
    except KeyboardInterrupt:
        return _complain(Cancelled("cancelled"))
    except LecternError as error:
        return _complain(error)
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _complain(error: LecternError) -> int:
    print(f"lectern: {error}", file=sys.stderr)
    return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lectern", description="Make a presenter speak a lecture, offline."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    render = commands.add_parser("render", help="make one lecture video")
    render.add_argument("presenter", type=Path, help="a video or a photo of the presenter")
    render.add_argument("lecture", type=Path, help="a recording, a video with sound, or a text")
    render.add_argument("-o", "--output", type=Path, required=True, help="the MP4 to write")
    render.add_argument("--report", type=Path, help="write a JSON report here")
    render.add_argument("--config", type=Path, help="a config file")
    render.add_argument("--precision", choices=["fp32", "fp16", "int8"])
    render.add_argument("--model", help="a model's name, its model.json, or a Wav2Lip .onnx file")
    render.add_argument("--face", type=int, metavar="N", help="whose mouth: 0 is the largest face")
    render.set_defaults(run=_render)

    plan = commands.add_parser("plan", help="show how a lecture would be cut, and its memory")
    plan.add_argument("presenter", type=Path)
    plan.add_argument("lecture", type=Path)
    plan.add_argument("--memory", type=int, default=0, metavar="MB", help="memory to plan for")
    plan.add_argument("--config", type=Path)
    plan.set_defaults(run=_plan)

    score = commands.add_parser("score", help="measure a finished video")
    score.add_argument("video", type=Path)
    score.add_argument("--reference", type=Path, help="the real video of the same speech")
    score.add_argument("--source", type=Path, help="the presenter that the video was made from")
    score.add_argument("--json", action="store_true", help="print JSON")
    score.set_defaults(run=_score)

    check = commands.add_parser("check-config", help="list every mistake of a config file")
    check.add_argument("file", type=Path, nargs="?")
    check.set_defaults(run=_check_config)

    serve.add_parser(commands)
    cli_jobs.add_parser(commands)
    return parser


def _config(options: argparse.Namespace) -> Config:
    """The config file, with the command line's wishes over it."""
    config = load_config(options.config)
    lips = {
        key: value
        for key, value in (("precision", options.precision), ("model", options.model))
        if value is not None
    }
    face = {} if options.face is None else {"index": max(options.face, 0)}
    return config.model_copy(
        update={
            "lips": config.lips.model_copy(update=lips),
            "face": config.face.model_copy(update=face),
        }
    )


def _render(options: argparse.Namespace) -> int:
    from appliance.progress import progress_bar
    from appliance.render.render import render

    config = _config(options)
    if options.report is not None and options.report.is_dir():
        raise BadInput("output_exists_folder", name=options.report.name or str(options.report))
    with progress_bar() as listen:
        report = render(options.presenter, options.lecture, options.output, config, listen=listen)
        if config.score.enabled:
            report["score"] = _score_of(options.output, options.presenter, listen)
    if options.report is not None:
        _write_json(options.report, report)
    for warning in report["warnings"]:
        print(f"lectern: {warning['at_s']:.1f} s: {warning['text']}", file=sys.stderr)
    print(options.output)
    return 0


def _score_of(video: Path, presenter: Path, listen: Any) -> dict[str, Any]:
    from appliance.render.render import Progress
    from appliance.score import score_video

    score = score_video(
        video,
        source=presenter,
        progress=lambda done, total: listen(Progress("score", done, total)),
    )
    return score.as_dict()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error


def _plan(options: argparse.Namespace) -> int:
    from appliance.media.probe import probe_audio, probe_presenter
    from appliance.render.plan import plan_for

    config = load_config(options.config)
    info = probe_presenter(options.presenter, max_fps=config.video.max_fps)
    sound = probe_audio(options.lecture)
    plan = plan_for(info, sound, config, options.memory)
    for name, value in plan.as_dict().items():
        print(f"{name:<14} {value:g}" if isinstance(value, float) else f"{name:<14} {value}")
    return 0


def _score(options: argparse.Namespace) -> int:
    from appliance.score import format_score, score_video

    score = score_video(options.video, options.reference, options.source)
    if options.json:
        print(json.dumps(score.as_dict(), indent=2, ensure_ascii=False))
    else:
        print(format_score(score))
    return 0


def _check_config(options: argparse.Namespace) -> int:
    path = options.file or find_config()
    if path is None:
        print("There is no config file: the defaults count.")
        return 0
    mistakes = check_config(path)
    for mistake in mistakes:
        where = (
            f"line {mistake.line}: {mistake.key}: {mistake.value}" if mistake.line else path.name
        )
        print(f"{where}: {mistake.error}")
    if not mistakes:
        print(f"{path.name} is right.")
    return 2 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
