"""Command line options that override the configuration for one video."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from appliance.config import overrides_from_options

OverrideArgs = dict[str, dict[str, Any]]
"""Values by section and key; see :mod:`appliance.config`."""


def add_override_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``: precision, model, face, and whether to learn."""
    parser.add_argument(
        "--precision",
        choices=["fp32", "fp16", "int8"],
        help="precision of the model (default: from the configuration)",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="name of a model, its model.json, or a Wav2Lip .onnx file (default: from the "
        "configuration)",
    )
    parser.add_argument(
        "--face",
        type=int,
        metavar="N",
        help="face to lip-sync; 0 is the largest one (default: from the configuration)",
    )
    parser.add_argument(
        "--no-personalization",
        action="store_true",
        help="learn nothing from the presenter's own recording",
    )


def overrides_from(options: argparse.Namespace) -> OverrideArgs:
    """Return the overrides that were given on the command line."""
    lips: dict[str, Any] = {}
    if options.precision is not None:
        lips["precision"] = options.precision
    if options.model is not None:
        file = Path(options.model)  # made absolute: the daemon runs in another working directory
        lips["model"] = str(file.resolve()) if file.is_file() else options.model
    face = {} if options.face is None else {"index": options.face}
    learning = {"personalization": "off" if options.no_personalization else None}
    sections = (("lips", lips), ("face", face))
    overrides = {section: keys for section, keys in sections if keys}
    return {**overrides, **overrides_from_options(learning)}
