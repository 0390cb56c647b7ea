"""The example of ``./setup.sh demo``: a portrait, a short lecture, and a summary of the result.

Nothing is downloaded, and no sample files are in the repository: the portrait is part of
scikit-image's wheel (Eileen Collins, NASA, public domain), the voice part of hibari-tts's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LECTURE = (
    "Hello, and welcome. Before we begin, please open your notebooks. "
    "Today we ask why the sky is blue. Sunlight holds every colour, "
    "and the air scatters the blue part the most. "
    "So wherever you look, a little blue comes back to you."
)


def make_sample(folder: Path) -> tuple[Path, Path]:
    """Write ``presenter.png`` and ``lecture.wav`` (24 kHz mono); return both paths."""
    import hibari
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    presenter, lecture = folder / "presenter.png", folder / "lecture.wav"
    Image.fromarray(portrait()).save(presenter)
    hibari.Hibari().save(LECTURE, str(lecture), seed=0)
    return presenter, lecture


def portrait() -> npt.NDArray[np.uint8]:
    """Return the portrait, (512, 512, 3) uint8 RGB.

    Raises ``ImportError`` if scikit-image is missing.
    """
    import skimage.data

    return np.asarray(skimage.data.astronaut(), np.uint8)


def summarize(report: Mapping[str, Any]) -> str:
    """Summarize a report of ``lectern render`` in a few lines: file, time taken and score."""
    output, score = report["output"], report.get("score")
    lines = [
        f"Video   {output['path']}",
        f"        {output['width']} × {output['height']}, {output['fps']:g} frames/s, "
        f"{output['duration_s']:.1f} s, made in {report['wall_s']:.1f} s",
    ]
    if not score:
        return "\n".join([*lines, "Score   not measured"])
    lines.append(f"Score   {score['verdict']['grade']}")
    lines += [f"        {reason['text']}" for reason in score["verdict"]["reasons"]]
    figures = {name: part for name, part in score.items() if name != "verdict"}
    lines += [f"        {name:<28} {value:g}" for name, value in _score_values(figures)]
    return "\n".join(lines)


def _score_values(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a score with its dotted name; other values are left out."""
    for name, value in part.items():
        if isinstance(value, Mapping):
            yield from _score_values(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield prefix + name, round(value, 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sample FOLDER``, which writes the sample files, or ``summary REPORT``."""
    parser = argparse.ArgumentParser(prog="python -m appliance.demo")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sample").add_argument("folder", type=Path)
    commands.add_parser("summary").add_argument("report", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "sample":
        make_sample(chosen.folder)
    else:
        print(summarize(json.loads(chosen.report.read_text(encoding="utf-8"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
