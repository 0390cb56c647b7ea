"""Restricts this process to the files that it needs, with the kernel's Landlock.

Landlock (https://docs.kernel.org/userspace-api/landlock.html) needs no privileges. The rules apply
to this process and to all that it starts, and cannot be lifted. Linux has it since version 5.13;
older kernels, and those built without it, leave the process unrestricted.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

# The numbers are the same on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

# include/uapi/linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 6, 1 << 7, 1 << 8, 1 << 9
_MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 10, 1 << 11, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_BY_VERSION = (  # the accesses that a version knows, in addition to those of the one before
    (1, (1 << 13) - 1),
    (2, _REFER),
    (3, _TRUNCATE),
    (5, _IOCTL_DEV),
)
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""The accesses that a rule for a file, not a folder, may name."""

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
LIST = _READ_DIR
DEVICE = READ | _WRITE_FILE | _IOCTL_DEV
WRITE = (
    READ | _WRITE_FILE | _TRUNCATE | _REFER
    | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_FIFO | _MAKE_SOCK
)  # fmt: skip

_NET_BIND_AND_CONNECT_TCP = 3
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),  # since version 4
        ("scoped", ctypes.c_uint64),  # since version 6
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """Return the version of Landlock in this kernel; 0 without it."""
    version = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    return max(int(version), 0)


def forbid_new_privileges() -> None:
    """Make setuid programs run without additional rights, in this process and all it starts.

    Raises ``OSError``.
    """
    _check(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def restrict_files(rules: Iterable[tuple[Path, int]], *, isolate: bool = True) -> bool:
    """Allow this process only the accesses in ``rules``: to a file, or to all below a folder.

    An access is one of ``READ``, ``RUN``, ``LIST``, ``DEVICE`` and ``WRITE``. Paths that do not
    exist are left out, and links are not followed. With ``isolate``, newer kernels also keep the
    process from sending signals to others and from connecting to their abstract sockets. Returns
    False if the kernel has no Landlock. :func:`forbid_new_privileges` must have been called. Raises
    ``OSError``.
    """
    version = landlock_version()
    if version == 0:
        return False
    handled = 0
    for since, accesses in _BY_VERSION:
        handled |= accesses if version >= since else 0
    attributes = _RulesetAttributes(
        handled,
        _NET_BIND_AND_CONNECT_TCP if version >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 and isolate else 0,
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    libc = _libc()
    ruleset = _check(
        libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    )
    try:
        for path, access in rules:
            _add_rule(ruleset, path, access & handled)
        _check(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _add_rule(ruleset: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISLNK(mode):
            return
        rule = _PathBeneath(access if stat.S_ISDIR(mode) else access & _OF_FILES, descriptor)
        _check(_libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
