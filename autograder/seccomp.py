"""A deny list of system calls for the student's process (Linux, x86-64 and ARM64).

The sandbox does not rest on it: namespaces, an ordinary user and no capabilities do the work. It takes away
parts of the kernel that no notebook needs and in which most holes of the last years were found.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from .processes import libc

# From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
_SAME = {  # calls new enough to have one number on all machines
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "statmount": 457,
    "listmount": 458,
}
_X86_64 = {
    **_SAME,
    "ptrace": 101,
    "syslog": 103,
    "uselib": 134,
    "personality": 135,
    "modify_ldt": 154,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "lookup_dcookie": 212,
    "clock_settime": 227,
    "mbind": 237,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "migrate_pages": 256,
    "unshare": 272,
    "vmsplice": 278,
    "move_pages": 279,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "clock_adjtime": 305,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "memfd_create": 319,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
_AARCH64 = {
    **_SAME,
    "lookup_dcookie": 18,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "quotactl": 60,
    "vmsplice": 75,
    "acct": 89,
    "personality": 92,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "clock_settime": 112,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "sethostname": 161,
    "setdomainname": 162,
    "settimeofday": 170,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "mbind": 235,
    "migrate_pages": 238,
    "move_pages": 239,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "clock_adjtime": 266,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "memfd_create": 279,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}
# name of the machine: (audit architecture, denied calls, numbers of clone, clone3, socket and kill)
_MACHINES = {
    "x86_64": (0xC000003E, _X86_64, {"clone": 56, "clone3": 435, "socket": 41, "kill": 62, "seccomp": 317}),
    "aarch64": (
        0xC00000B7,
        _AARCH64,
        {"clone": 220, "clone3": 435, "socket": 198, "kill": 129, "seccomp": 277},
    ),
}
# No library makes these by itself: whoever does is trying something.
TOLD = frozenset(
    [
        "acct",
        "add_key",
        "bpf",
        "chroot",
        "delete_module",
        "finit_module",
        "fsmount",
        "fsopen",
        "init_module",
        "ioperm",
        "iopl",
        "kexec_file_load",
        "kexec_load",
        "keyctl",
        "mount",
        "mount_setattr",
        "move_mount",
        "open_by_handle_at",
        "open_tree",
        "pidfd_getfd",
        "pivot_root",
        "process_vm_readv",
        "process_vm_writev",
        "ptrace",
        "reboot",
        "request_key",
        "setdomainname",
        "sethostname",
        "setns",
        "settimeofday",
        "swapoff",
        "swapon",
        "umount2",
        "unshare",
        "uselib",
        "userfaultfd",
    ]
)
_NAMESPACE_FLAGS = 0x7E020000  # of clone: NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET
_SOCKET_FAMILIES = (
    1,
    2,
    10,
)  # unix, IPv4, IPv6: not vsock (which reaches a virtual machine's host), not packets
_X32_BIT = 0x40000000  # x86-64 has a second set of numbers for the same calls

# Instructions of the classic Berkeley packet filter, offsets into struct seccomp_data.
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_KILL, _ALLOW, _FAIL, _NOTIFY = 0x80000000, 0x7FFF0000, 0x00050000, 0x7FC00000

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8


def available() -> bool:
    """Whether this machine's system calls are known here."""
    return platform.machine() in _MACHINES


def name_of(number: int) -> str:
    """The name of a system call of this machine that the list mentions."""
    _, denied, known = _MACHINES[platform.machine()]
    return next((name for name, other in {**denied, **known}.items() if other == number), f"call {number}")


def deny(tell: bool = False) -> int | None:
    """Apply the list to this process and all that it starts; needs `no_new_privs`.

    Does nothing on machines whose numbers are not known here.

    Args:
        tell: let another process know of the calls in `TOLD`.

    Returns:
        where `tell` is asked for and the kernel can do it (Linux 5.0): a descriptor to be handed to that
        process, which must refuse the calls (see attempts.py), and closed here at once; else None.

    Raises:
        OSError: the kernel refuses.
    """
    if not available():
        return None
    if tell:
        number = _MACHINES[platform.machine()][2]["seccomp"]
        telling = _Filter(_program(_NOTIFY))
        listener = libc().syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, telling.pointer)
        if listener >= 0:
            return listener
    plain = _Filter(_program())
    if libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, plain.pointer, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp is refused")
    return None


class _Filter:
    """A struct sock_fprog; it lives as long as this object."""

    def __init__(self, program: bytes) -> None:
        self._code = ctypes.create_string_buffer(program, len(program))
        parts = len(program) // 8, ctypes.addressof(self._code)
        self.pointer = ctypes.c_char_p(struct.pack("HxxxxxxP", *parts))


def _program(told: int = _FAIL | errno.EPERM) -> bytes:
    architecture, denied, known = _MACHINES[platform.machine()]
    refuse = _step(_RETURN, 0, 0, _FAIL | errno.EPERM)
    # Low halves of the arguments are loaded: both machines are little-endian.
    steps = [
        _step(_LOAD, 0, 0, _ARCHITECTURE),
        _step(_EQUAL, 1, 0, architecture),
        _step(_RETURN, 0, 0, _KILL),  # 32-bit calls of the same machine
        _step(_LOAD, 0, 0, _NUMBER),
        _step(_AT_LEAST, 0, 1, _X32_BIT),
        refuse,
    ]
    for name, number in sorted(denied.items()):
        answer = _step(_RETURN, 0, 0, told) if name in TOLD else refuse
        steps += [_step(_EQUAL, 0, 1, number), answer]
    # clone3 hides its flags behind a pointer; without it the C library falls back on clone.
    steps += [_step(_EQUAL, 0, 1, known["clone3"]), _step(_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    steps += [
        _step(_EQUAL, 0, 5, known["clone"]),
        _step(_LOAD, 0, 0, _FIRST_ARGUMENT),
        _step(_AND, 0, 0, _NAMESPACE_FLAGS),
        _step(_EQUAL, 1, 0, 0),
        refuse,
        _step(_RETURN, 0, 0, _ALLOW),
    ]
    # kill(-1, …) means every process of the user: without a process namespace, the grader too.
    steps += [
        _step(_EQUAL, 0, 4, known["kill"]),
        _step(_LOAD, 0, 0, _FIRST_ARGUMENT),
        _step(_EQUAL, 0, 1, 0xFFFFFFFF),
        _step(_RETURN, 0, 0, told),
        _step(_RETURN, 0, 0, _ALLOW),
    ]
    families = [_step(_EQUAL, len(_SOCKET_FAMILIES) - i, 0, f) for i, f in enumerate(_SOCKET_FAMILIES)]
    steps += [
        _step(_EQUAL, 0, 3 + len(families), known["socket"]),
        _step(_LOAD, 0, 0, _FIRST_ARGUMENT),
        *families,
        _step(_RETURN, 0, 0, _FAIL | errno.EAFNOSUPPORT),
        _step(_RETURN, 0, 0, _ALLOW),
    ]
    steps.append(_step(_RETURN, 0, 0, _ALLOW))
    return b"".join(steps)


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
