#!/usr/bin/env bash
# Set up, test, install and remove Lectern. The development commands install only into .venv beside
# this file; apt-get is used only to install Python if it is missing, and only as root.
set -euo pipefail

CALLER_DIR=$PWD
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
VENV=$PWD/.venv
PYTHON_IN_VENV=$VENV/bin/python
# Exists while pip runs. If it exists at the start, the last installation was interrupted.
INCOMPLETE=$VENV/.incomplete

usage() {
    cat <<'TEXT'
Usage: ./setup.sh COMMAND

  demo                        render the sample lecture; print the video's path and score
  panel [ARGS...]             run the panel and the worker until Ctrl-C, with the result of the demo
                              if there is one; ARGS are passed to lectern start
  test [--export] [ARGS...]   run the tests; ARGS are passed to pytest
                              --export: also run the tests of export_tools/ (installs PyTorch)
  lint [--export]             run ruff and mypy
  speech                      download the larger speech encoder, from which the included one was
                              trained (133 MB; only for training)
  install [ARGS...]           install or update Lectern on this device (with sudo)
  uninstall [ARGS...]         remove Lectern but keep the data (with sudo)
  rollback [ARGS...]          return to the previous version (with sudo)
  verify FOLDER               check the signature and all files of an unpacked bundle, before any
                              program of the bundle has run
  bundle --target TARGET      build an archive for installation without internet access;
                              TARGET is jp6, jp7 (JetPack 6 or 7), x86 or arm64
  help                        show this text

install, uninstall and rollback accept --help and --dry-run, which prints every change without
making it. The other commands install what they need into .venv, with the newest Python from
3.10 to 3.12 that is found; set PYTHON to use another one:
  PYTHON=/usr/bin/python3.11 ./setup.sh demo
TEXT
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "setup.sh: $*"
    exit 1
}

# Return whether this interpreter can make a complete venv (Debian has ensurepip in python3-venv).
is_suitable() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
        >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3.12 python3.11 python3.10 python3; do
        if is_suitable "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

install_python() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    say "Installing Python's venv from the system's packages ..."
    apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            python3 python3-venv >&2
}

make_venv() {
    local python
    python=$(find_python) || { install_python && python=$(find_python); } || die \
        "Lectern needs Python 3.10, 3.11 or 3.12 with venv; install it with" \
        "'sudo apt-get install python3 python3-venv' and try again."
    "$python" -m venv --clear "$VENV" || die "The virtual environment $VENV could not be created."
}

# Identify what an extra was installed from, including the path: a venv does not work after a move.
fingerprint() {
    { printf '%s\n' "$PWD"; cat pyproject.toml install/locks/*.txt; } | sha256sum | cut -d' ' -f1
}

installed() {
    [ "$(cat "$VENV/.installed-$1" 2>/dev/null)" = "$(fingerprint)" ]
}

install_quietly() {
    "$PYTHON_IN_VENV" -m pip install --quiet --disable-pip-version-check "$@"
}

# Install the packages of lock files: exactly these versions, and only files with these hashes.
install_locked() {
    local lock words=(--require-hashes --no-deps --only-binary=:all:)
    for lock in "$@"; do words+=(--requirement "install/locks/$lock.txt"); done
    install_quietly "${words[@]}"
}

pip_install() {
    local extra=$1 locked=$1
    [ "$extra" != export ] || locked="test"
    touch "$INCOMPLETE"
    say "Installing Lectern ($extra) into .venv; the first time this takes a few minutes ..."
    {
        install_locked build "$locked" && install_quietly --no-deps --no-build-isolation --editable .
    } || die \
        "pip could not install the packages named above; check the internet connection and the" \
        "free disk space, then run the same command again."
    # PyTorch and the rest of this extra are not locked: an index may have its own builds (for the CPU).
    # The locked packages stay as they are, because they already fit.
    [ "$extra" != export ] || install_quietly --no-build-isolation --editable ".[export]" || die \
        "pip could not install PyTorch; run the same command again."
    fingerprint >"$VENV/.installed-$extra"
    rm "$INCOMPLETE"
}

# Install the extra $1 under a lock (on the folder itself); an interrupted installation is repeated.
prepare() {
    local extra=$1
    (
        flock 9
        if [ -e "$INCOMPLETE" ] || ! "$PYTHON_IN_VENV" -c 'import pip' 2>/dev/null; then
            make_venv
        fi
        installed "$extra" || pip_install "$extra"
        "$PYTHON_IN_VENV" -m appliance.face.weights
        case $extra in # the demo has no panel
            test | export) "$PYTHON_IN_VENV" -m web.assets.build --test ;;
        esac
    ) 9<.
}

demo() {
    [ $# -eq 0 ] || die "demo takes no arguments."
    prepare demo
    local out=$PWD/build/demo
    "$PYTHON_IN_VENV" -m appliance.demo sample "$out"
    "$VENV/bin/lectern" render "$out/presenter.png" "$out/lecture.wav" \
        -o "$out/lectern-demo.mp4" --report "$out/report.json" || [ $? -eq 3 ]  # with warnings
    "$PYTHON_IN_VENV" -m appliance.demo summary "$out/report.json"
}

panel() {
    prepare demo
    "$PYTHON_IN_VENV" -m web.assets.build
    exec "$VENV/bin/lectern" start --demo "$PWD/build/demo" "$@"
}

run_tests() {
    local extra=test
    if [ "${1:-}" = --export ]; then
        extra="export"
        shift
    fi
    prepare "$extra"
    # All tests run in parallel, file by file; with arguments they run in one process.
    [ $# -gt 0 ] || set -- -n logical --maxprocesses 4 --dist loadfile
    exec "$PYTHON_IN_VENV" -m pytest "$@"
}

speech() {
    [ $# -eq 0 ] || die "speech takes no arguments."
    prepare demo
    "$PYTHON_IN_VENV" -m appliance.speech.whisper_weights
}

lint() {
    local extra=test sources=(appliance lectern web tests docs/errors.py --exclude ^tests/export_tools)
    if [ "${1:-}" = --export ]; then
        extra="export"
        sources=(appliance lectern web tests docs/errors.py export_tools)
    fi
    prepare "$extra"
    "$PYTHON_IN_VENV" -m ruff check .
    "$PYTHON_IN_VENV" -m mypy "${sources[@]}"
}

# Run the installer, which needs only the system's Python and no virtual environment.
run_installer() {
    local candidate
    for candidate in /usr/bin/python3 python3.12 python3.11 python3.10 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2])' 2>/dev/null
        then
            LECTERN_CALLER_DIR=$CALLER_DIR exec "$candidate" -B -m install "$@"
        fi
    done
    die "The installer needs Python 3.10 or later; install it with" \
        "'sudo apt-get install python3 python3-venv' and try again."
}

run_install() { run_installer install "$@"; }
run_uninstall() { run_installer uninstall "$@"; }
run_verify() { run_installer verify "$@"; }
run_rollback() { run_installer rollback "$@"; }

bundle() {
    prepare demo
    LECTERN_CALLER_DIR=$CALLER_DIR exec "$PYTHON_IN_VENV" -B -m install bundle "$@"
}

main() {
    local command=${1:-help}
    [ $# -eq 0 ] || shift
    case $command in
        demo) demo "$@" ;;
        panel) panel "$@" ;;
        test) run_tests "$@" ;;
        lint) lint "$@" ;;
        speech) speech "$@" ;;
        install) run_install "$@" ;;
        uninstall) run_uninstall "$@" ;;
        rollback) run_rollback "$@" ;;
        verify) run_verify "$@" ;;
        bundle) bundle "$@" ;;
        --dry-run) run_install --dry-run "$@" ;;
        help | -h | --help) usage ;;
        *)
            say "setup.sh: unknown command '$command'."
            usage >&2
            exit 2
            ;;
    esac
}

main "$@"
