"""``lectern presenter``: learn from a presenter's own recording, and show what was learned."""

from __future__ import annotations

import argparse
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.config import Config, load_config
from appliance.errors import BadInput
from appliance.files.learning_recordings import LIBRARY_FOLDER, store_recording
from appliance.files.names import PHOTO_SUFFIXES, MediaKind, find_presenter, media_kind
from appliance.messages.enrolment import OUTCOMES, SHAPES
from appliance.system.signals import raise_if_interrupted

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.render.enrol import EnrolmentSummary


def add_parser(commands: Subparsers) -> None:
    """Add the ``presenter`` command to the command line."""
    parser = commands.add_parser(
        "presenter",
        help="learn how a presenter speaks",
        description="Learn from the presenter's own video how the mouth moves, or show what was "
        "learned. Rendering a video does the same when it needs it.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    learn = actions.add_parser("learn", help="learn now, and show what was learned")
    learn.add_argument(
        "--recording",
        type=Path,
        metavar="FILE",
        help="store this video in the library as the recording from which is learned",
    )
    show = actions.add_parser("show", help="show what was learned")
    for action in (learn, show):
        action.add_argument(
            "clip", metavar="CLIP", help="video of the presenter, or a name in the library"
        )
        add_config_option(action)
        action.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.render.enrol import enrol

    config = load_config(options.config)
    clip = _find_clip(options.clip, config)
    learn = options.action == "learn"
    if learn and options.recording is not None:
        _store(options.recording, clip, config)
    print_summary(enrol(clip, config, learn=learn, check=raise_if_interrupted))
    return 0


def _find_clip(name: str, config: Config) -> Path:
    """Return the file, or the file of the presenter of that name in the library."""
    found = find_presenter(config.root / LIBRARY_FOLDER, name)
    path = Path(name)
    return found if found is not None and not path.is_file() else path


def _store(recording: Path, clip: Path, config: Config) -> None:
    from appliance.media.probe import probe_audio, probe_presenter

    library = config.root / LIBRARY_FOLDER
    if clip.parent.absolute() != library.absolute():
        raise BadInput("recording_needs_library", name=clip.name, library=str(library))
    is_video = media_kind(recording) is MediaKind.PRESENTER
    if not is_video or recording.suffix.casefold() in PHOTO_SUFFIXES:
        raise BadInput("recording_type_unsupported", name=recording.name)
    probe_presenter(recording)
    probe_audio(recording)
    try:
        store_recording(
            config.root, clip, partial(shutil.copyfile, recording), recording.suffix.lower()
        )
    except OSError as error:
        raise BadInput("output_unwritable", name=recording.name, reason=error.strerror) from error


def print_summary(summary: EnrolmentSummary) -> None:
    """Print what was learned, a line for each fact."""
    print(OUTCOMES[summary["mode"] or "unknown"]["en"])
    if summary["mode"] in (None, "no_sound", "no_encoder"):
        return
    print(f"speech         {summary['speech_s']:.1f} s")
    print(f"gain           {summary['cv_gain']:+.3f} (correlation, in speech that was left out)")
    offset = summary["offset_ms"]
    if offset is not None:
        side = "after" if offset >= 0 else "before"
        print(f"offset         the sound comes {abs(offset)} ms {side} the picture")
    print(f"learned from   {'the recording' if summary['recording'] else 'the clip'}")
    print(f"used in videos {'yes' if summary['enabled'] else 'no: personalization.motion is off'}")
    for shape in summary["missing"]:
        print(SHAPES[shape]["en"])
