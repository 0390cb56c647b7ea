"""``lectern plan``: print the chunk plan of a lecture and its memory estimate."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.config import load_config

if TYPE_CHECKING:
    from appliance.commands import Subparsers


def add_parser(commands: Subparsers) -> None:
    """Add the ``plan`` command to the command line."""
    parser = commands.add_parser(
        "plan",
        help="show how a lecture would be split, and its memory estimate",
        description="Print how a lecture would be split into chunks, the sizes of the queues and "
        "batches, and the estimated memory in MiB, without rendering anything.",
    )
    parser.add_argument("presenter", type=Path, help="video or photo of the presenter")
    parser.add_argument("lecture", type=Path, help="recording, video with sound, or text file")
    parser.add_argument(
        "--memory",
        type=int,
        default=0,
        metavar="MB",
        help="memory limit in MiB (default: from the available memory)",
    )
    add_config_option(parser)
    parser.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> int:
    from appliance.inference.manifest import load_manifest
    from appliance.inference.providers import Providers
    from appliance.lips.model import LipModel
    from appliance.media.encoder import resolve_encoder
    from appliance.media.probe import probe_audio
    from appliance.render.narration import is_text, synthesize_lecture
    from appliance.render.plan import NetworkFootprint, plan_for
    from appliance.render.presenter_file import open_presenter
    from appliance.render.render import MODELS_FOLDER
    from appliance.system.regular_file import follow_link

    config = load_config(options.config)
    video = resolve_encoder(config.video, config.root / "state")
    config = config.model_copy(update={"video": video})
    info = open_presenter(follow_link(options.presenter), video)
    with tempfile.TemporaryDirectory() as folder:  # only speech synthesis yields a text's duration
        lecture = follow_link(options.lecture)
        if is_text(lecture):
            lecture = synthesize_lecture(
                lecture, Path(folder), config.speech, lambda done, total: None
            )
        sound = probe_audio(lecture)
    lips, providers = config.lips, Providers.of(config.root, config.lips)
    manifest = load_manifest(lips.model, MODELS_FOLDER)
    model = LipModel.open(manifest, lips.precision, lips.providers, providers=providers)
    plan = plan_for(info, sound, config, NetworkFootprint.of(model), budget_mb=options.memory)
    for name, value in plan.as_dict().items():
        print(f"{name:<14} {value:g}" if isinstance(value, float) else f"{name:<14} {value}")
    return 0
