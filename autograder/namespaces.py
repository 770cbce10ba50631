"""Namespaces built by bubblewrap, and the way of a forked process into them.

`bwrap` builds an empty sandbox around a tiny process that only waits. A process forked from the warm parent
then joins its namespaces, becomes nobody and gives up every right. (bubblewrap alone would have to start a
fresh interpreter, which costs seconds for each submission.)
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import select
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from . import processes, seccomp
from .assignment import ANSWERS
from .processes import libc

ROOT = Path(__file__).resolve().parents[1]
HOME = Path("/scratch")  # inside the sandbox; holds nothing at the start
NOTEBOOK = HOME / "notebook"  # the working directory, with the release's files to read
CLOSED_DATA = ("demo_class",)  # folders of `data` that hold answers
KEPT_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # change speed, not results
OWN_USERS_FROM = 0x70000000  # first of the user numbers that no account has
OWN_PROCESSES = 3  # bwrap, its process number 1, and the one that waits

_SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
    "/nix/store",
)

_NAMESPACES = {  # user is joined apart
    "net": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
    "pid": 0x20000000,
    "mnt": 0x00020000,
}
_CLONE_NEWUSER = 0x10000000
_NS_GET_USERNS = 0xB701
_CAP_SYS_ADMIN = 21
_PR_SET_DUMPABLE, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 4, 23, 24
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 28, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECUREBITS = 0x2F  # root means nothing, keep no capabilities when the user changes, and both for ever
_CAPABILITY_VERSION = 0x20080522


class SandboxUnavailable(Exception):
    """There is no sandbox; the text says what helps."""


class Holder:
    """A sandbox with nothing in it but a process that waits; it ends when this object's process does."""

    def __init__(self, process: subprocess.Popen, info: int) -> None:
        self._process, self._info = process, info

    def wait(self, seconds: float) -> int:
        """The number of a process inside, once the sandbox is complete.

        Raises:
            SandboxUnavailable: bwrap failed; the text is what it said.
        """
        assert self._process.stdin and self._process.stdout and self._process.stderr
        ready = select.poll()
        ready.register(self._process.stdout, select.POLLIN)
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"\n")
        if not ready.poll(seconds * 1000):
            raise SandboxUnavailable("bwrap did not build a sandbox in time")
        if not self._process.stdout.read(1):
            raise SandboxUnavailable(f"{self._process.stderr.read().decode(errors='replace').strip()}")
        told = json.loads(os.read(self._info, 65_536))
        os.close(self._info)
        # The program inside, not bwrap's process number 1, which an ordinary user cannot look at.
        return (processes.children(told["child-pid"]) or [told["child-pid"]])[0]


def hold(bwrap: Path, folder: Path, scratch_mb: int, user: int | None = None) -> Holder:
    """Start building a sandbox.

    Args:
        bwrap: the program.
        folder: the release folder; its files but the stored answers can be read in the working directory.
        scratch_mb: how much may be written, to the home folder and to /tmp each.
        user: who builds it, from `stand_in`.

    Raises:
        OSError: the program cannot be started, or not as this user.
    """
    info, info_out = os.pipe()
    arguments = [
        str(bwrap),
        "--info-fd",
        str(info_out),
        *_bwrap_arguments(folder, scratch_mb),
        "--",
        _cat(),
        "-u",
    ]
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[info_out],
        env={},
        bufsize=0,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    os.close(info_out)
    return Holder(process, info)


def _cat() -> str:
    found = shutil.which("cat", path="/usr/bin:/bin")
    if not found:
        raise SandboxUnavailable("there is no `cat` in /usr/bin or /bin")
    return found


def _bwrap_arguments(folder: Path, scratch_mb: int) -> list[str]:
    arguments = ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"]
    arguments += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if not is_true_root():
        arguments.append("--unshare-user")
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    size = str(scratch_mb * 2**20)
    for path in ("/tmp", "/dev/shm", str(HOME)):
        arguments += ["--perms", "1777", "--size", size, "--tmpfs", path]
    arguments += ["--perms", "0777", "--dir", str(NOTEBOOK)]
    # After /tmp: the libraries or the course may lie below it.
    visible = ["/usr"]
    for path in _SYSTEM_FOLDERS:
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            visible.append(path)
    visible += [*_SYSTEM_FILES, *map(str, [*library_folders(), *course_folders()])]
    visible = [path for path in visible if os.path.exists(path)]
    # Folders on the way are made for everybody: bwrap alone would keep them for its own user.
    for parent in sorted({str(parent) for path in visible for parent in Path(path).parents} - {"/"}):
        arguments += ["--perms", "0755", "--dir", parent]
    for path in visible:
        arguments += ["--ro-bind", path, path]
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not entry.is_symlink() and entry.name != ANSWERS:
            arguments += ["--ro-bind", str(entry), str(NOTEBOOK / entry.name)]
    # These two are memory without a limit on its size, and to an ordinary user they are writable.
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def library_folders() -> list[Path]:
    """The interpreter's and the virtual environment's folders, as they are named and as they really lie."""
    named = [Path(sys.prefix), Path(sys.base_prefix)]
    unique = dict.fromkeys([*named, *(path.resolve() for path in named)])
    return [path for path in unique if not path.is_relative_to("/usr")]


def course_folders() -> list[Path]:
    """What the student's code sees of the repository: `utils` and the data sets."""
    sets = sorted((ROOT / "data").iterdir()) if (ROOT / "data").is_dir() else []
    return [ROOT / "utils", *(path for path in sets if path.name not in CLOSED_DATA)]


def is_true_root() -> bool:
    """Whether this process may build namespaces without a user namespace."""
    if os.geteuid() != 0:
        return False
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False


def join(process: int) -> None:
    """Enter the namespaces of a process; for the process namespace this counts for children made afterwards.

    Raises:
        OSError: the kernel refuses.
    """
    import fcntl  # not on every system

    folder = f"/proc/{process}/ns/"
    namespaces = {name: os.open(folder + name, os.O_RDONLY) for name in (*_NAMESPACES, "user")}
    here = os.stat("/proc/self/ns/user").st_ino
    # bwrap may put the program into a second user namespace, inside the one that owns the mounts.
    owner = fcntl.ioctl(namespaces["mnt"], _NS_GET_USERNS)
    owner_number, inner_number = os.fstat(owner).st_ino, os.fstat(namespaces["user"]).st_ino
    if owner_number != here:
        _setns(owner, _CLONE_NEWUSER, "user")
    for name, kind in _NAMESPACES.items():
        _setns(namespaces[name], kind, name)
    if inner_number not in (here, owner_number):
        _setns(namespaces["user"], _CLONE_NEWUSER, "user")
    for descriptor in (owner, *namespaces.values()):
        os.close(descriptor)


def _setns(descriptor: int, kind: int, name: str) -> None:
    if libc().setns(descriptor, kind):
        raise OSError(ctypes.get_errno(), f"the sandbox's {name} namespace cannot be entered")


def give_up_rights(unique: int, true_root: bool, tell: bool = False) -> tuple[bool, int | None]:
    """Become an ordinary user without capabilities, for ever.

    Args:
        unique: a number that no other student's process has at the same time.
        true_root: what `is_true_root` said in the process that built the sandbox.
        tell: as for `seccomp.deny`.

    Returns:
        whether the kernel counts this user's processes apart from all others, so that they can be limited;
        and what `seccomp.deny` returns.

    Raises:
        OSError: the kernel refuses.
    """
    if not true_root:
        _enter_own_user_namespace()
    for capability in range(64):
        if libc().prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            _prctl(_PR_CAPBSET_DROP, capability)
    libc().prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    if true_root:
        # Root's files stay closed and its limits count only for a user that is not root. Each process gets a
        # user of its own, so that not even two students' processes have one in common.
        become(_free_user(unique))
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    if libc().capset(header, bytes(24)):
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")
    listener = forbid(tell)
    # Readable for the grader's user again, who looks at the memory in use.
    _prctl(_PR_SET_DUMPABLE, 1)
    release = tuple(int(part) for part in platform.release().split(".")[:2] if part.isdigit())
    # Since Linux 5.14 each user namespace counts its own processes; the real root is never limited.
    return true_root or (os.geteuid() != 0 and release >= (5, 14)), listener


def stand_in() -> int | None:
    """The user to become before anything else; None for who need not.

    In a container root often may not build namespaces, but anybody may build a user namespace of his own;
    inside that, root would still own root's files.
    """
    return _free_user(os.getpid()) if os.geteuid() == 0 and not is_true_root() else None


def become(user: int) -> None:
    """Change the user and the group, for ever."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _enter_own_user_namespace() -> None:
    """A user namespace below the sandbox's, without any right in that one.

    The processes that hold the sandbox have the same user as this one, and so could be looked into and
    rewritten through /proc; not by a process of another user namespace.
    """
    user, group = os.geteuid(), os.getegid()
    _prctl(_PR_SET_DUMPABLE, 1)  # or its own files in /proc belong to root
    if libc().unshare(_CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "a user namespace inside the sandbox is refused")
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path(f"/proc/self/{file}").write_text(text)


def _free_user(unique: int) -> int:
    """The number of a user that no account has, among those that exist here (in a container: few)."""
    wanted = OWN_USERS_FROM + unique
    last = 0
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= wanted < first + count:
            return wanted
        last = max(last, first + count - 1)
    return last - unique % min(1000, last)


def forbid(tell: bool = False) -> int | None:
    """No new rights through programs, and no calls that `seccomp` lists; needs no right itself.

    Returns what `seccomp.deny` returns.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return seccomp.deny(tell)


def _prctl(option: int, value: int) -> None:
    if libc().prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option} is refused")
