"""The installer's command line, behind ``setup.sh``."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from install import plan
from install.bundle import add_parser as add_bundle
from install.errors import InstallError
from install.layout import CONFIG, CURRENT, DATA, PROGRAMS, SETUP_CODE
from install.program import recorded_runtime
from install.python import find_python
from install.quiet import tell, to_the_end
from install.room import plainly
from install.runtime import choose
from install.services import data_folder
from install.source import Source
from install.step import Step, carry_out
from install.system import System
from install.target import detect, untried
from install.update import announced

HERE = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 1 and two sentences on stderr, or 130 after Ctrl-C.

    Relative names of files are those of ``$LECTERN_CALLED_IN``, where ``setup.sh`` was called.
    """
    with contextlib.suppress(OSError):  # a folder that is gone has no names
        os.chdir(os.environ.get("LECTERN_CALLED_IN", "."))
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (InstallError, OSError) as error:
        print(f"setup.sh: {plainly(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the first step or after the last
        print("setup.sh: Interrupted. Nothing was left half done.", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="setup.sh", description="Put Lectern on this box.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="install Lectern, or bring it up to date")
    install.add_argument(
        "--onnxruntime",
        metavar="PLACE",
        help="where ONNX Runtime comes from: a .whl file, an index's address, or 'cpu'",
    )
    install.add_argument(
        "--python", type=_program, help="the interpreter, e.g. /usr/bin/python3.11"
    )
    install.add_argument("--share", action="store_true", help="offer the folders by Samba")
    install.set_defaults(run=_install)
    rollback = commands.add_parser("rollback", help="go back to the version before")
    rollback.set_defaults(run=_roll_back)
    uninstall = commands.add_parser("uninstall", help="remove Lectern and keep the data")
    uninstall.add_argument(
        "--purge", action="store_true", help=f"delete {DATA}, the settings and the user as well"
    )
    uninstall.set_defaults(run=_uninstall)
    for command in (install, rollback, uninstall):
        command.add_argument("--dry-run", action="store_true", help="only print every change")
    add_bundle(commands)
    return parser


def _program(name: str) -> str:
    """Commands are not run where names are read."""
    return os.path.abspath(name) if "/" in name else name


def _install(options: argparse.Namespace) -> int:
    system = System()
    if not system.has("systemctl"):
        raise InstallError("This machine has no systemd.", "Lectern's services need it.")
    target = detect(system)
    source = Source.open(HERE)
    python = find_python(system, source, options.python)
    remembered = recorded_runtime(system.path(CURRENT))
    named = options.onnxruntime or source.gpu_wheel() or remembered or source.cpu_runtime()
    runtime = choose(target, named, python.version)
    other = untried(system)
    if other:
        print(f"Lectern has not been tried on {other}; it may still work.", file=sys.stderr)
    wish = plan.Wish(python.path, python.version, runtime, options.share)
    return _finish(
        lambda: plan.to_install(system, source, wish), options, _welcome(system, source.version)
    )


def _welcome(system: System, version: str) -> str:
    if not system.booted:
        return f"Lectern {version} is installed and starts with the box"
    return (
        f"Lectern {version} runs. Its panel is at http://{socket.gethostname()}:8080 unless the "
        f"settings say otherwise; the first person there is asked for the code in {SETUP_CODE}"
    )


def _roll_back(options: argparse.Namespace) -> int:
    return _finish(lambda: plan.to_roll_back(System()), options, "The version before is back")


def _uninstall(options: argparse.Namespace) -> int:
    return _finish(
        lambda: plan.to_uninstall(System(), purge=options.purge),
        options,
        f"Lectern is removed{_kept(data_folder(System()), purge=options.purge)}",
        undo=False,  # what is deleted cannot come back
    )


def _kept(data: str, *, purge: bool) -> str:
    if not purge:
        return f"; {data} and {CONFIG} were kept"
    # A disk of the owner's may hold more than ours.
    return "" if data == DATA else f"; {data} was kept: delete it if nobody needs it"


def _finish(
    steps: Callable[[], list[Step]], options: argparse.Namespace, ending: str, *, undo: bool = True
) -> int:
    if options.dry_run:
        settings = System().path(CONFIG)
        if settings.exists() and not os.access(settings, os.R_OK):
            told = "The box's settings are for administrators: this is exact only with sudo."
            print(told, file=sys.stderr)
        return _print(steps())
    # Whoever may not change the box may still hear that nothing needs to be.
    if os.geteuid() != 0 and steps():
        raise InstallError("This changes the system.", "Run it with sudo.")
    os.umask(0o022)  # a stricter one would keep the services' user out
    with _alone(), to_the_end():
        # Planned here, or another installation could have made the plan an old one.
        planned = steps()
        if not planned:
            return _print(planned)
        system = System()
        places = (Path("/etc"), Path(PROGRAMS), Path(data_folder(system)), Path("/tmp"))
        with announced(system):
            carry_out(planned, tell, undo=undo, places=places)
    tell(f"{ending}.")
    return 0


def _print(steps: list[Step]) -> int:
    for step in steps:
        print(step.text)
    if not steps:
        print("Nothing to do: everything is as it should be.")
    return 0


@contextmanager
def _alone() -> Iterator[None]:
    """One installer at a time; the lock is the root folder itself, so that it leaves no file."""
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InstallError("Another installation is at work.", "Wait for its end.") from None
    finally:
        os.close(handle)


if __name__ == "__main__":
    sys.exit(main())
