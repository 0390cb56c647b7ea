"""Forbids this process system calls that it never needs, with the kernel's seccomp filter.

See https://docs.kernel.org/userspace-api/seccomp_filter.html. A forbidden call fails with ``EPERM``
instead of ending the process, because libraries try some of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENT_OFFSET = 0, 4, 16  # struct seccomp_data, little-endian

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000  # the second set of system calls on x86-64

# System call numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
_SOCKET = {"x86_64": 41, "aarch64": 198}
_FORBIDDEN = {
    "x86_64": {
        "ptrace": 101, "syslog": 103, "pivot_root": 155, "chroot": 161, "acct": 163, "mount": 165,
        "umount2": 166, "swapon": 167, "reboot": 169, "init_module": 175, "delete_module": 176,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
        "perf_event_open": 298, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
        "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "pidfd_getfd": 438,
    },
    "aarch64": {
        "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "acct": 89, "unshare": 97,
        "kexec_load": 104, "init_module": 105, "delete_module": 106, "syslog": 116, "ptrace": 117,
        "reboot": 142, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224,
        "perf_event_open": 241, "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "finit_module": 273, "bpf": 280,
        "userfaultfd": 282, "kexec_file_load": 294, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430,
        "pidfd_getfd": 438,
    },
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_system_calls(*, local_sockets: bool) -> bool:
    """Forbid sockets, and calls that reach into other processes or the kernel.

    ``local_sockets`` permits sockets of the family ``AF_UNIX``, which graphics drivers use. Returns
    False on architectures without a table, and where the kernel has no filters. The process must
    not be able to gain privileges, see
    :func:`~appliance.system.landlock.forbid_new_privileges`.
    """
    machine = platform.machine()
    if machine not in _FORBIDDEN:
        return False
    code = b"".join(_filter(machine, local_sockets=local_sockets))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0:
        return True
    if ctypes.get_errno() == errno.EINVAL:  # CONFIG_SECCOMP_FILTER is off
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _filter(machine: str, *, local_sockets: bool) -> list[bytes]:
    """Return the filter as instructions of the kernel's classic BPF (linux/filter.h)."""
    deny = _instruction(_RETURN, _ERRNO | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    program = [
        _instruction(_LOAD, _ARCH_OFFSET),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        deny,  # 32-bit calls have other numbers
        _instruction(_LOAD, _NUMBER_OFFSET),
    ]
    if machine == "x86_64":
        program += [_instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1), deny]
    for number in sorted(_FORBIDDEN[machine].values()):
        program += [_instruction(_JUMP_EQUAL, number, 0, 1), deny]
    program += [_instruction(_JUMP_EQUAL, _SOCKET[machine], 1, 0), allow]
    if local_sockets:
        program += [
            _instruction(_LOAD, _ARGUMENT_OFFSET),
            _instruction(_JUMP_EQUAL, socket.AF_UNIX, 0, 1),
            allow,
        ]
    return [*program, deny]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
