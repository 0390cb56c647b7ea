"""``lectern bench``: what a rendering costs on this machine, stage by stage."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config import load_config
from appliance.errors import BadInput

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

    from appliance.bench.compare import Comparison


def add_parser(commands: Commands) -> None:
    """Add ``bench`` to the command line."""
    parser = commands.add_parser("bench", help="measure this machine against the bare transcode")
    parser.add_argument("presenter", type=Path, nargs="?", help="a video of a presenter")
    parser.add_argument("lecture", type=Path, nargs="?", help="a recording, best AAC in an .m4a")
    parser.add_argument("--seconds", type=float, default=30.0, help="of a lecture that is made up")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="3 unless named")
    parser.add_argument("--config", type=Path, help="a config file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.bench.compare import compare

    config = load_config(options.config)
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder:
        presenter, lecture = _material(options, Path(folder), config.root / "presenters")
        result = compare(presenter, lecture, config, max(options.rounds, 1), tell=_tell)
    print(json.dumps(result.as_dict(), indent=2) if options.json else _table(result))
    return 0


def _material(options: argparse.Namespace, folder: Path, library: Path) -> tuple[Path, Path]:
    from appliance.bench.material import demo_portrait, find_material
    from appliance.media.probe import probe_audio, probe_presenter

    if options.presenter is None:
        _tell("making a presenter and a lecture")
        return find_material(folder, library, max(options.seconds, 1.0), demo_portrait)
    if options.lecture is None:
        raise BadInput("bench_lecture")
    if probe_presenter(options.presenter).kind == "photo":
        raise BadInput("video_missing", name=options.presenter.name)
    probe_audio(options.lecture)
    return options.presenter, options.lecture


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _table(result: Comparison) -> str:
    """For people."""
    facts = result.as_dict()
    floor = facts["transcode_s"]["median"] / result.frames * 1000
    lines = [
        f"{result.width} × {result.height} at {result.fps:g} fps, {result.frames} frames, "
        f"{facts['rounds']} rounds, {facts['provider']}, {facts['precision']}",
        f"bare transcode      {floor:8.2f} ms a frame",
        f"first rendering     {result.ratio_first} × the transcode",
        f"the same presenter  {result.ratio_again} × the transcode",
        f"first frame after   {facts['first_frame_s']['median']:8.2f} s",
        f"peak memory         {facts['peak_mb']:8.0f} MB",
        "stages, work side by side (ms a frame, as long as they had to wait for a core):",
    ]
    lines += [f"  {name:<17} {value:8.2f}" for name, value in facts["ms_a_frame"].items()]
    return "\n".join(lines)
