"""``lectern score``: measure the quality of a finished video."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``score`` command to the command line."""
    parser = commands.add_parser(
        "score",
        help="measure the quality of a finished video",
        description="Measure the lip movements, the sharpness and the area around the mouth in a "
        "finished video, and print the values with a verdict.",
    )
    parser.add_argument("video", type=Path, help="video to measure")
    parser.add_argument(
        "--reference", type=Path, metavar="FILE", help="real video of the same speech"
    )
    parser.add_argument(
        "--source",
        type=Path,
        metavar="FILE",
        help="presenter file that the video was rendered from",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    from appliance.render.scoring import score_file
    from appliance.score import format_score
    from appliance.system.regular_file import follow_link

    files = (options.video, options.reference, options.source)
    video, reference, source = (path and follow_link(path) for path in files)
    score = score_file(video, reference, source)
    if options.json:
        print(json.dumps(score.as_dict(), indent=2, ensure_ascii=False))
    else:
        print(format_score(score))
    return 0
