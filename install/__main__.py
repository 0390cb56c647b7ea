"""The command line of the installer, called by ``setup.sh``."""

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
from install.disk_space import explain
from install.errors import InstallError
from install.interrupts import handle_signals, print_safe
from install.paths import ALLOWED_SIGNERS, CONFIG, CURRENT, DATA, SETUP_CODE, VERSIONS_FOLDER
from install.python import find_python
from install.release import recorded_runtime
from install.runtime import choose_runtime
from install.services import data_folder
from install.signature import check_signature, find_signers
from install.source import Source
from install.step import Step, run_steps
from install.system import System
from install.target import detect_target, untested_os
from install.update_lock import update_lock

HERE = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the installer and return its exit status.

    The status is 0 on success, 1 after an error (reported in two sentences on stderr) and 130 after
    Ctrl-C. Relative file names are relative to ``$LECTERN_CALLER_DIR``, the folder in which
    ``setup.sh`` was called.
    """
    with contextlib.suppress(OSError):  # the folder may have been deleted
        os.chdir(os.environ.get("LECTERN_CALLER_DIR", "."))
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (InstallError, OSError) as error:
        print(f"setup.sh: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the first step or after the last
        print("setup.sh: Interrupted. No change was left incomplete.", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="setup.sh", description="Install, update or remove Lectern on this device."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="install or update Lectern")
    install.add_argument(
        "--onnxruntime",
        metavar="SOURCE",
        help="source of ONNX Runtime: a .whl file, the URL of a package index, or 'cpu'",
    )
    install.add_argument(
        "--python",
        type=_program_path,
        metavar="PATH",
        help="Python interpreter, e.g. /usr/bin/python3.11",
    )
    install.add_argument(
        "--share", action="store_true", help="share the folders on the network with Samba"
    )
    install.add_argument(
        "--unsigned",
        action="store_true",
        help="accept a bundle without a signature although this device demands one",
    )
    install.set_defaults(run=_install)
    verify = commands.add_parser(
        "verify", help="check the files and the signature of an unpacked bundle"
    )
    verify.add_argument("folder", type=lambda name: Path(name).resolve(), metavar="FOLDER")
    verify.set_defaults(run=_verify)
    rollback = commands.add_parser("rollback", help="return to the previous version")
    rollback.set_defaults(run=_rollback)
    uninstall = commands.add_parser("uninstall", help="remove Lectern but keep the data")
    uninstall.add_argument(
        "--purge", action="store_true", help=f"also delete {DATA}, the settings and the system user"
    )
    uninstall.set_defaults(run=_uninstall)
    for command in (install, rollback, uninstall):
        command.add_argument(
            "--dry-run", action="store_true", help="print every change without making it"
        )
    add_bundle(commands)
    return parser


def _program_path(name: str) -> str:
    """Return an absolute path for a path, because commands run in another working directory.

    The name of a command is returned unchanged.
    """
    return os.path.abspath(name) if "/" in name else name


def _install(options: argparse.Namespace) -> int:
    system = System()
    if not system.has_program("systemctl"):
        raise InstallError("This device has no systemd.", "Lectern's services need it.")
    target = detect_target(system)
    source = Source.open(HERE)
    if source.is_bundle:
        signers = find_signers(system, HERE)
        print(check_signature(HERE, signers, allow_unsigned=options.unsigned), file=sys.stderr)
    python = find_python(system, source, options.python)
    recorded = recorded_runtime(system.path(CURRENT))
    runtime_source = options.onnxruntime or source.gpu_wheel() or recorded or source.cpu_runtime()
    runtime = choose_runtime(target, runtime_source, python.version)
    untested = untested_os(system)
    if untested:
        print(f"Lectern has not been tested on {untested}; it may still work.", file=sys.stderr)
    install_options = plan.InstallOptions(python.path, python.version, runtime, options.share)
    return _plan_and_run(
        lambda: plan.plan_install(system, source, install_options),
        options,
        _welcome_message(system, source.version),
    )


def _verify(options: argparse.Namespace) -> int:
    # Not by the keys in the bundle, which prove nothing about it.
    signers = find_signers(System(), HERE)
    if signers is None:
        raise InstallError(
            "Whose bundles are accepted is not known.",
            f"Write the signers to {ALLOWED_SIGNERS}, see docs/operator.md.",
        )
    statement = check_signature(options.folder, signers)
    if not Source.open(options.folder).is_bundle:
        raise InstallError(f"{options.folder} is not a bundle.", "Unpack the bundle first.")
    print(f"{statement} All files are those that were signed.")
    return 0


def _welcome_message(system: System, version: str) -> str:
    if not system.systemd_running:
        return f"Lectern {version} is installed and starts when the device starts"
    return (
        f"Lectern {version} is running. The panel is at http://{socket.gethostname()}:8080 unless "
        f"configured otherwise; to create the first user account, enter the code from {SETUP_CODE}"
    )


def _rollback(options: argparse.Namespace) -> int:
    return _plan_and_run(
        lambda: plan.plan_rollback(System()), options, "The previous version is in use again"
    )


def _uninstall(options: argparse.Namespace) -> int:
    return _plan_and_run(
        lambda: plan.plan_uninstall(System(), purge=options.purge),
        options,
        f"Lectern was removed{_kept_data_note(data_folder(System()), purge=options.purge)}",
        undo=False,  # deletions cannot be undone
    )


def _kept_data_note(data: str, *, purge: bool) -> str:
    if not purge:
        return f"; {data} and {CONFIG} were kept"
    # Another folder, named in the settings, may also contain files that are not Lectern's.
    return "" if data == DATA else f"; {data} was kept: delete it if it is not needed"


def _plan_and_run(
    steps: Callable[[], list[Step]],
    options: argparse.Namespace,
    success_message: str,
    *,
    undo: bool = True,
) -> int:
    if options.dry_run:
        settings = System().path(CONFIG)
        if settings.exists() and not os.access(settings, os.R_OK):
            warning = (
                "Only administrators can read the settings: this list is exact only with sudo."
            )
            print(warning, file=sys.stderr)
        return _print_steps(steps())
    # Without root rights the installer can still report that there is nothing to do.
    if os.geteuid() != 0 and steps():
        raise InstallError("This command changes the system.", "Run it with sudo.")
    os.umask(0o022)  # a stricter umask would deny the services' user access
    with _exclusive_lock(), handle_signals():
        # Planned only now, under the lock: another installation could have changed the system.
        planned = steps()
        if not planned:
            return _print_steps(planned)
        system = System()
        written_folders = (
            Path("/etc"),
            Path(VERSIONS_FOLDER),
            Path(data_folder(system)),
            Path("/tmp"),
        )
        with update_lock(system):
            run_steps(planned, print_safe, undo=undo, folders=written_folders)
    print_safe(f"{success_message}.")
    return 0


def _print_steps(steps: list[Step]) -> int:
    for step in steps:
        print(step.text)
    if not steps:
        print("Nothing to do: everything is up to date.")
    return 0


@contextmanager
def _exclusive_lock() -> Iterator[None]:
    """Allow only one installer at a time; locks the root folder, so that no lock file remains."""
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InstallError("Another installation is running.", "Wait until it ends.") from None
    finally:
        os.close(fd)


if __name__ == "__main__":
    sys.exit(main())
