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

from appliance.commands import add_config_option
from appliance.commands.terminal import terminal_language
from appliance.errors import LecternError

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.config import Config
    from appliance.doctor.roofline import TrialRender


_LEVEL_LABELS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def add_parser(commands: Subparsers) -> None:
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
    add_config_option(parser)
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    if options.report is not None:
        from appliance.files.atomic import check_writable

        check_writable(options.report, in_place=True)
    with _only_errors_logged():
        return _run_and_print(options)


@contextmanager
def _only_errors_logged() -> Iterator[None]:
    """Suppress log messages below ERROR: the findings report the same problems."""
    log = logging.getLogger("lectern")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _run_and_print(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.doctor.checks import exit_status, run_checks
    from appliance.doctor.context import DoctorContext
    from appliance.doctor.report import as_dict, write_report

    language = options.language or terminal_language()
    context = DoctorContext(load_config(options.config), on_progress=_show_progress)
    findings = []
    for checked in run_checks(context):
        findings.append(checked)
        _clear_progress()
        if not options.json:
            finding = checked.finding
            print(f"{_LEVEL_LABELS[finding.level]}  {finding.text(language)}", flush=True)
            if finding.cure(language):
                print(f"      {finding.cure(language)}", flush=True)
    if options.json:
        print(json.dumps(as_dict(findings), indent=2, ensure_ascii=False))
    if options.report is not None:
        write_report(options.report, context, findings, _render_trial(context.config))
        print(f"{options.report}", file=sys.stderr)
    return exit_status(findings)


def _render_trial(config: Config) -> TrialRender | Exception:
    """Render a short lecture; return the error on failure, so that the report is still written."""
    from appliance.commands.trial_render import render_trial

    try:
        return render_trial(config)
    except Exception as error:
        known = isinstance(error, LecternError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        print(f"lectern: {message}", file=sys.stderr)
        return error


def _show_progress(seconds: float) -> None:
    """Show the elapsed time on a terminal while TensorRT builds an engine."""
    if sys.stderr.isatty() and seconds > 2:
        print(f"\rtesting GPU inference: {seconds:.0f} s ", end="", file=sys.stderr)


def _clear_progress() -> None:
    """Clear the elapsed time from the terminal."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
