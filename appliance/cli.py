"""The ``lectern`` command.

Slow modules are imported by the command that needs them, so that ``lectern --help`` is fast.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from appliance.commands import (
    bench,
    check_config,
    doctor,
    jobs,
    logs,
    panel,
    plan,
    presenter,
    render,
    restore,
    score,
    serve,
    start,
)
from appliance.errors import Cancelled, LecternError
from appliance.privileges import drop_privileges
from appliance.system.malloc import limit_malloc_arenas
from appliance.system.process import limit_blas_threads
from appliance.system.signals import install_signal_handlers
from appliance.system.timeouts import exit_if_call_hangs
from appliance.version import software_version

_COMMANDS = (
    render, presenter, plan, score, bench, serve, panel, start, jobs, restore, logs, doctor,
    check_config,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    The status is 0, 3 for a video with warnings, 2 for bad input, 1 for a fault, or 130 if
    cancelled. ``arguments`` are by
    default those of the process, which then ends even if a driver call hangs.
    """
    status = _run(_parser().parse_args(arguments))
    if arguments is None:
        exit_if_call_hangs(status)
    return status


def _run(options: argparse.Namespace) -> int:
    _escape_unencodable()
    limit_malloc_arenas()
    limit_blas_threads()
    install_signal_handlers()
    try:
        if hasattr(options, "config"):
            drop_privileges(options.config)
        status: int = options.run(options)
        return status
    except KeyboardInterrupt:
        return _print_error(Cancelled("cancelled"))
    except LecternError as error:
        return _print_error(error)
    except BrokenPipeError:  # the reader of the output has closed it
        sys.stderr.close()
        return 1


def _escape_unencodable() -> None:
    """Escape characters that the terminal's character set lacks, as on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _print_error(error: LecternError) -> int:
    print(f"lectern: {error}", file=sys.stderr)
    return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lectern", description="Create lip-synced lecture videos, offline."
    )
    version = f"Lectern {software_version()}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
