"""``lectern logs``: print the log of the daemon."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from appliance.commands import add_config_option
from appliance.logs.line import LEVELS

if TYPE_CHECKING:
    from appliance.commands import Subparsers
    from appliance.logs.line import LogLine


def add_parser(commands: Subparsers) -> None:
    """Add the ``logs`` command to the command line."""
    parser = commands.add_parser(
        "logs",
        help="print the log of the daemon",
        description="Print the newest lines of the daemon's log, oldest first.",
    )
    parser.add_argument(
        "-f", "--follow", action="store_true", help="keep printing lines as they are written"
    )
    parser.add_argument(
        "-n",
        "--lines",
        type=int,
        default=50,
        metavar="N",
        help="number of lines to print (default: 50)",
    )
    parser.add_argument("--job", type=int, metavar="N", help="print only lines about job N")
    parser.add_argument(
        "--level", choices=LEVELS, default="debug", help="lowest level to print (default: debug)"
    )
    parser.add_argument("--json", action="store_true", help="print each line as JSON")
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from appliance.config import load_config
    from appliance.logs.read import follow, last_lines
    from appliance.logs.write import log_path

    path = log_path(load_config(options.config).root)

    def matches(line: LogLine) -> bool:
        return line.matches(options.job, options.level)

    for line in last_lines(path, max(options.lines, 0), matches):
        _show(line, options.json)
    if options.follow:
        for line in follow(path, matches):
            _show(line, options.json)
    return 0


def _show(line: LogLine, as_json: bool) -> None:
    print(line.to_json() if as_json else line.to_text(), flush=True)
