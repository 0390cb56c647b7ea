"""``lectern bench``: measure the cost of rendering on this device, stage by stage."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.config import load_config
from appliance.errors import BadInput

if TYPE_CHECKING:
    from appliance.bench.compare import Comparison
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``bench`` command to the command line."""
    parser = commands.add_parser(
        "bench",
        help="benchmark rendering against a bare transcode",
        description="Render a lecture several times and compare it with a bare transcode (decode "
        "and encode only) of the same length. Prints the time ratios, the time per stage and the "
        "peak memory.",
    )
    parser.add_argument(
        "presenter",
        type=Path,
        nargs="?",
        help="video of a presenter (default: from the presenter library, else synthetic)",
    )
    parser.add_argument(
        "lecture",
        type=Path,
        nargs="?",
        help="recording, preferably AAC in an .m4a file; required with PRESENTER",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="length of the generated lecture (default: 30)",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="number of rounds (default: 3)"
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.bench.compare import compare

    config = load_config(options.config)
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder:
        presenter, lecture = _find_inputs(options, Path(folder), config.root / "presenters")
        result = compare(
            presenter, lecture, config, max(options.rounds, 1), on_progress=_print_progress
        )
    print(json.dumps(result.as_dict(), indent=2) if options.json else _format_table(result))
    return 0


def _find_inputs(options: argparse.Namespace, folder: Path, library: Path) -> tuple[Path, Path]:
    from appliance.bench.inputs import demo_portrait, find_inputs
    from appliance.media.probe import probe_audio, probe_presenter
    from appliance.system.regular_file import follow_link

    if options.presenter is None:
        _print_progress("preparing a presenter and a lecture")
        return find_inputs(folder, library, max(options.seconds, 1.0), demo_portrait)
    if options.lecture is None:
        raise BadInput("bench_lecture_missing")
    presenter, lecture = follow_link(options.presenter), follow_link(options.lecture)
    if probe_presenter(presenter).kind == "photo":
        raise BadInput("video_missing", name=presenter.name)
    probe_audio(lecture)
    return presenter, lecture


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr)


def _format_table(result: Comparison) -> str:
    """Format the result as plain text."""
    values = result.as_dict()
    transcode_ms = values["transcode_s"]["median"] / result.frames * 1000
    lines = [
        f"{result.width} × {result.height} at {result.fps:g} fps, {result.frames} frames, "
        f"{values['rounds']} rounds, {values['provider']}, {values['precision']}",
        f"bare transcode      {transcode_ms:8.2f} ms per frame",
        f"presenter uncached  {result.uncached_ratio} × the transcode",
        f"presenter cached    {result.cached_ratio} × the transcode",
        f"first frame after   {values['first_frame_s']['median']:8.2f} s",
        f"peak memory         {values['peak_mb']:8.0f} MB",
        "stages, running in parallel (ms per frame, including the wait for a core):",
    ]
    lines += [f"  {name:<17} {value:8.2f}" for name, value in values["ms_per_frame"].items()]
    return "\n".join(lines)
