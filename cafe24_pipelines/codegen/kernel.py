"""Linux's own means of confinement through libc: namespaces, mounts, capabilities, a seccomp filter.

Thin wrappers that raise `OSError` naming the step. Imported by the launcher alone, which runs before anything else of
the project is loaded. Does not belong here: what is confined, and how much (`launcher.py`, `cell.py`).
"""

import ctypes
import fcntl
import os
import platform
import socket
import struct
from typing import Final

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_NOATIME, _NODIRATIME, _RELATIME = 1024, 2048, 1 << 21
_DETACH: Final = 2
_PDEATHSIG, _DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS, _SECCOMP = 1, 4, 24, 38, 22
_EPERM: Final = 1

_ARCHITECTURES: Final[dict[str, tuple[int, int, tuple[int, ...]]]] = {
    "x86_64": (0xC000003E, 155, (
        56, 57, 58, 101, 155, 161, 165, 166, 175, 246, 248, 249, 250, 272, 298, 303, 304, 308, 310, 311, 313, 319,
        321, 322, 323, 425, 426, 427, 428, 429, 430, 431, 432, 435,
    )),
    "aarch64": (0xC00000B7, 41, (
        39, 40, 41, 51, 97, 104, 105, 117, 217, 218, 219, 220, 241, 264, 265, 268, 270, 271, 273, 279, 280, 281, 282,
        425, 426, 427, 428, 429, 430, 431, 432, 435,
    )),
}  # fmt: skip
"""By machine: seccomp's number, `pivot_root`'s, and the calls refused: new processes and threads, tracing, mounts,
namespaces, modules, keys, BPF, io_uring, handles, other processes' memory, files in memory."""

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave the namespaces of the parent."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """`mount(2)`."""
    given = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    result = _libc.mount(given[0], given[1], given[2], ctypes.c_ulong(flags), given[3])
    _check(result, f"mount {target}")


def bind_read_only(source: str, target: str) -> None:
    """Show a file or folder at `target`, read-only, without set-uid and devices; flags of the original stay."""
    mount(source, target, None, BIND | REC)
    mount(None, target, None, BIND | REMOUNT | RDONLY | NOSUID | NODEV | _locked(target))


def pivot(root: str, old: str) -> None:
    """Make `root` the root folder, and let go of everything else."""
    number = _ARCHITECTURES[platform.machine()][1]
    _check(_libc.syscall(ctypes.c_long(number), os.fsencode(root), os.fsencode(old)), "pivot_root")
    os.chdir("/")
    away = "/" + os.path.relpath(old, root)
    _check(_libc.umount2(os.fsencode(away), _DETACH), "umount of the host's files")


def loopback_up() -> None:
    """Bring up `lo` in this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14x", b"lo", 1)
        fcntl.ioctl(s.fileno(), 0x8914, request)  # SIOCSIFFLAGS, IFF_UP


def die_with_parent() -> None:
    """Be killed when the parent's thread ends."""
    _prctl(_PDEATHSIG, 9)


def not_traceable() -> None:
    """Give other processes of the same user no look into this one."""
    _prctl(_DUMPABLE, 0)


def drop_rights(user: int | None) -> None:
    """Become `user` (None: stay), without any capability now and after `exec`."""
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            break
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = struct.pack("Ii", 0x20080522, 0)
    _check(_libc.capset(header, struct.pack("6I", 0, 0, 0, 0, 0, 0)), "capset")
    _prctl(_NO_NEW_PRIVS, 1)


def filter_calls() -> bool:
    """Refuse system calls that a snippet has no use for; False on a machine whose numbers are not known here."""
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return False
    number, _, refused = known
    program = _program(number, refused)
    code = ctypes.create_string_buffer(b"".join(program))
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _check(_libc.prctl(_SECCOMP, ctypes.c_ulong(2), fprog, 0, 0), "seccomp")
    return True


def _program(architecture: int, refused: tuple[int, ...]) -> list[bytes]:
    """BPF: another architecture (or x32) dies, refused calls get EPERM, all others pass."""
    kill, allow, deny = 0x80000000, 0x7FFF0000, 0x00050000 | _EPERM
    body = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), (0x06, 0, 0, kill), (0x20, 0, 0, 0)]
    body += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, kill)]
    for at, call in enumerate(refused):
        body.append((0x15, len(refused) - at, 0, call))
    body += [(0x06, 0, 0, allow), (0x06, 0, 0, deny)]
    return [struct.pack("HBBI", *line) for line in body]


def _locked(path: str) -> int:
    """Mount flags that an unprivileged user may not take away from a mount."""
    has = os.statvfs(path).f_flag
    pairs = ((8, NOEXEC), (1024, _NOATIME), (2048, _NODIRATIME), (4096, _RELATIME))
    return sum(flag for bit, flag in pairs if has & bit)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def _check(result: int, step: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{step}: {os.strerror(number)}")
