"""``lectern doctor``: check this device and suggest a fix for every problem."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.language import spoken
from appliance.errors import LecternError

if TYPE_CHECKING:
    from appliance.config import Config
    from appliance.doctor.trial import Trial

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def add_parser(commands: Commands) -> None:
    """Add the ``doctor`` command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check this device and suggest fixes",
        description="Check the hardware, the inference providers, the codecs, the models, the disk "
        "and the services of this device. Every line is marked ok, warn or FAIL; a fix is "
        "suggested for every problem. The exit status is 1 if a problem prevents rendering.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="also measure every stage, render a short lecture and write all results to FILE as "
        "JSON (takes several minutes)",
    )
    parser.add_argument(
        "--language",
        choices=["en", "zh"],
        help="language of the findings (default: from the locale)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file")
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    if options.report is not None:
        from appliance.media.publish import check_target

        check_target(options.report, in_place=True)
    with _quietly():
        return _examine(options)


@contextmanager
def _quietly() -> Iterator[None]:
    """Suppress log messages below ERROR: the findings report the same problems."""
    log = logging.getLogger("lectern")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _examine(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.doctor.context import Context
    from appliance.doctor.examine import examine, exit_status
    from appliance.doctor.report import as_dict, write_report

    language = options.language or spoken()
    context = Context(load_config(options.config), listen=_tell)
    findings = []
    for finding in examine(context):
        findings.append(finding)
        _untell()
        if not options.json:
            line = finding.line
            print(f"{_MARKS[line.level]}  {line.text(language)}", flush=True)
            if line.cure(language):
                print(f"      {line.cure(language)}", flush=True)
    if options.json:
        print(json.dumps(as_dict(findings), indent=2, ensure_ascii=False))
    if options.report is not None:
        write_report(options.report, context, findings, _trial(context.config))
        print(f"{options.report}", file=sys.stderr)
    return exit_status(findings)


def _trial(config: Config) -> Trial | Exception:
    """Render a short lecture; return the error on failure, so that the report is still written."""
    from appliance.commands.trial import try_out

    try:
        return try_out(config)
    except Exception as error:
        said = str(error) if isinstance(error, LecternError) else f"{type(error).__name__}: {error}"
        print(f"lectern: {said}", file=sys.stderr)
        return error


def _tell(seconds: float) -> None:
    """Show the elapsed time on a terminal while TensorRT builds an engine."""
    if sys.stderr.isatty() and seconds > 2:
        print(f"\rtesting GPU inference: {seconds:.0f} s ", end="", file=sys.stderr)


def _untell() -> None:
    """Clear the elapsed time from the terminal."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
