"""What a command line may wish of one video; it counts over the config file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

Wishes = dict[str, dict[str, Any]]
"""Section, key, value; see :mod:`appliance.jobs.options`."""


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """The options ``--precision``, ``--model`` and ``--face``."""
    parser.add_argument("--precision", choices=["fp32", "fp16", "int8"])
    parser.add_argument("--model", help="a model's name, its model.json, or a Wav2Lip .onnx file")
    parser.add_argument("--face", type=int, metavar="N", help="whose mouth: 0 is the largest face")


def wishes_in(options: argparse.Namespace) -> Wishes:
    """Those that were made."""
    lips: dict[str, Any] = {}
    if options.precision is not None:
        lips["precision"] = options.precision
    if options.model is not None:
        file = Path(options.model)  # the daemon works in another folder
        lips["model"] = str(file.resolve()) if file.is_file() else options.model
    face = {} if options.face is None else {"index": options.face}
    return {section: keys for section, keys in (("lips", lips), ("face", face)) if keys}
