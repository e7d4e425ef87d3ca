"""What ffmpeg and ffprobe may do: read their source, and nothing else. By Landlock and seccomp, without privileges.

A file that somebody uploaded is parsed by a million lines of C. If one of them is wrong, the file may run code of its
own; then there must be nothing within its reach. Both mechanisms restrict a thread and are inherited by its children:
so the thread that starts a program restricts itself first, and ends (ffmpeg/child.py). Nothing else of this process is
restricted. It works for any user, and in containers with the default profiles of Docker and Podman, where user
namespaces don't.

Landlock: https://docs.kernel.org/userspace-api/landlock.html; seccomp: seccomp(2). System call numbers are those of
x86_64 and aarch64; on any other machine there is no sandbox.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from gilfoyle.errors import StartupError
from gilfoyle.metrics.instruments import FFMPEG_SANDBOX


class Mode(StrEnum):
    """The setting `tools.sandbox`."""

    AUTO = "auto"
    REQUIRED = "required"
    NONE = "none"


@dataclass(frozen=True)
class State:
    """Whether programs are confined on this machine."""

    files: bool
    """They read their source and their own libraries only (Landlock)."""
    network: bool
    """They open no socket; for a source that a relay gives out, none but of TCP over IPv4 (seccomp)."""
    why_not: str = ""
    """What is missing, as a sentence; empty if nothing is."""
    ports: bool = False
    """If they may connect to a relay, then to its port only (Landlock since Linux 6.7)."""

    @property
    def whole(self) -> bool:
        return self.files and self.network


# landlock_create_ruleset, landlock_add_rule, landlock_restrict_self: the same number on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
# Every right of files, by the version of Landlock that knows it: 13 at first, then refer, truncate and ioctl_dev.
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_IOCTL_DEV = 1 << 15
# No signal to a process outside, no connection to its abstract sockets: from version 6 on (Linux 6.12).
_SCOPED, _SCOPES_SINCE, _SIZE_AT_FIRST = 0b11, 6, 8
# To bind and to connect by TCP: from version 4 on (Linux 6.7).
_BIND_TCP, _CONNECT_TCP, _NET_PORT, _PORTS_SINCE, _SIZE_WITH_PORTS = 1 << 0, 1 << 1, 2, 4, 16
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | _IOCTL_DEV
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2

# Programs, their libraries, and what libraries look up. Never a person's files.
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf")
_FACTS = ("/dev/zero", "/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system")
_NULL = "/dev/null"
# A card's devices, its driver's libraries and what that asks the kernel for.
_CARDS = ("/proc/driver", "/proc/devices", "/proc/modules", "/sys", "/etc/vulkan", "/etc/OpenCL", "/etc/alternatives")
_CARD_DEVICES = ("nvidia*", "kfd", "video*", "mali*")

_ALLOW, _EPERM, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
# socket(2): its number, and what it is asked for by whoever connects to a relay; flags stand above the type.
_AF_INET, _SOCK_STREAM, _TYPE = 2, 1, 0xF
_SOCKET = {"x86_64": 41, "aarch64": 198}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
# What would lead out of the sandbox or into another process, and what no encoder needs. `open_by_handle_at` opens
# files and `io_uring_*` sockets past what is refused here, and Landlock knows nothing of modes, owners and times.
_NEVER: Mapping[str, tuple[int, int]] = {  # on x86_64, on aarch64
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
}
# iopl, ioperm, chmod, chown, lchown, utime, utimes, futimesat: aarch64 has none of them.
_NEVER_ON_X86 = (172, 173, 90, 92, 94, 132, 235, 261)

_MACHINE = platform.machine()
_mode = Mode.AUTO
_besides: Sequence[str] = ()


def use(mode: Mode, besides: Sequence[str] = ()) -> None:
    """Set how programs are started from now on, for the whole process. `besides`: what else they may read.

    Raises StartupError if `mode` can't be had.
    """
    global _mode, _besides
    if mode is Mode.REQUIRED and not (found := state()).whole:
        raise StartupError(f"{found.why_not} Set tools.sandbox to auto to run ffmpeg without it.")
    _mode, _besides = mode, besides


def active() -> bool:
    """Whether programs that are started now are confined, at least in part."""
    return _mode is not Mode.NONE and (state().files or state().network)


def told(mode: Mode) -> str:
    """For people: what ffmpeg can reach on this machine under that setting."""
    if mode is Mode.NONE:
        return "ffmpeg runs with all rights of its worker (tools.sandbox)"
    found = state()
    if found.whole and not found.ports:
        return "ffmpeg reaches its source and nothing else, and of a source in S3 or IPFS TCP (it needs Linux 6.7)"
    if found.whole:
        return "ffmpeg reaches its source and nothing else (Landlock, seccomp)"
    return f"ffmpeg can reach more than its source: {found.why_not}"


def export_state() -> None:
    """Tell Prometheus how programs are started by this process."""
    found = state()
    if _mode is Mode.NONE:
        now = "off"
    elif found.whole:
        now = "whole"
    else:
        now = "partial" if found.files or found.network else "none"
    for each in ("whole", "partial", "none", "off"):
        FFMPEG_SANDBOX.labels(each).set(each == now)


@cache
def state() -> State:
    """What this machine can do; tried once, in a thread that ends."""
    if sys.platform != "linux" or _MACHINE not in _SOCKET:
        return State(False, False, "ffmpeg can be confined on Linux only, on x86_64 and aarch64.")
    done: list[State] = []
    trial = threading.Thread(target=lambda: done.append(_try()), name="sandbox-trial")
    trial.start()
    trial.join()
    return done[0]


def confine(program: str, source: str = "", port: int | None = None, *, card: bool = False) -> None:
    """Restrict the calling thread, for good, to what `program` needs to read its source.

    `source` is a file's path, or empty; `port`: the source is read at that port of the loopback instead. `card`: it
    uses a device for video. What the machine can't do is left out: see `state`. Raises OSError.
    """
    can = state()
    _no_new_privileges()
    if can.files:
        _only_these(*_needed(program, "" if port else source, card=card), [port] if port else [])
    if can.network:
        _filter(sockets=port is not None)


def _try() -> State:
    reasons = []
    files = network = True
    try:
        _no_new_privileges()
        _only_these([_NULL], [], [])
    except OSError as error:
        files = False
        reasons.append(f"Landlock can't be used ({error.strerror}): it needs Linux 5.13")
    try:
        _filter(sockets=False)
    except OSError as error:
        network = False
        reasons.append(f"seccomp can't be used ({error.strerror})")
    ports = files and _version() >= _PORTS_SINCE
    return State(files, network, "; ".join(reasons) + "." if reasons else "", ports)


def _needed(program: str, source: str, *, card: bool) -> tuple[list[str], list[str]]:
    """The paths that may be read, and those that may be written, too."""
    tool = Path(program)
    # With a card's libraries or a wrapper's parts beside it. Two levels up, it would be somebody's home.
    beside = [str(folder) for folder in {tool.parent, tool.resolve().parent} if folder.parent != folder]
    beside += [str(folder.parent / "lib") for folder in {tool.parent, tool.resolve().parent} if folder.name == "bin"]
    libraries = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path.startswith("/")]
    readable = [*_SYSTEM, *_FACTS, *beside, *libraries, *_besides]
    if source:
        readable.append(source)
    writable = [_NULL]
    if card:
        readable += _CARDS
        writable += ["/dev/dri", *(str(path) for each in _CARD_DEVICES for path in Path("/dev").glob(each))]
    return readable, writable


class _RulesetAttr(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _NetPortAttr(ctypes.Structure):
    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _called(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _syscall(number: int, *args: object) -> int:
    return _called(_libc().syscall(ctypes.c_long(number), *args))


def _no_new_privileges() -> None:
    """Also what lets a thread without privileges restrict itself."""
    _called(_libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))


@cache
def _version() -> int:
    """Of this kernel's Landlock. Raises OSError without it."""
    return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))


def _only_these(readable: Iterable[str], writable: Iterable[str], ports: Iterable[int]) -> None:
    """Landlock: no file or folder but these, and no connection by TCP but to these ports.

    Those that don't exist don't matter.
    """
    handled = max(rights for since, rights in _RIGHTS.items() if since <= _version())
    scoped = _SCOPED if _version() >= _SCOPES_SINCE else 0
    connections = _BIND_TCP | _CONNECT_TCP if _version() >= _PORTS_SINCE else 0
    wanted = _RulesetAttr(handled, connections, scoped)
    size = ctypes.sizeof(wanted) if scoped else _SIZE_WITH_PORTS if connections else _SIZE_AT_FIRST
    ruleset = _syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow(ruleset, path, handled & (_EXECUTE | _READ_FILE | _READ_DIR))
        for path in writable:
            _allow(ruleset, path, handled & (_READ_FILE | _READ_DIR | _WRITE_FILE | _IOCTL_DEV))
        for port in ports if connections else ():
            rule = _NetPortAttr(_CONNECT_TCP, port)
            _syscall(_ADD_RULE, ctypes.c_int(ruleset), _NET_PORT, ctypes.byref(rule), ctypes.c_uint32(0))
        _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):  # it does not exist, or nobody may look at it
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(opened).st_mode):
                rights &= _OF_FILES
            rule = _PathBeneathAttr(rights, opened)
            _syscall(_ADD_RULE, ctypes.c_int(ruleset), _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0))
        finally:
            os.close(opened)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter(*, sockets: bool) -> None:
    """seccomp: refuse the calls that no encoder makes; `sockets`: let it open those of TCP over IPv4."""
    program = _program(sockets=sockets)
    wanted = _FilterProgram(len(program) // 8, program)
    _called(_libc().prctl(_SET_SECCOMP, _FILTER, ctypes.byref(wanted), 0, 0))


@cache
def _program(*, sockets: bool) -> bytes:
    """The filter: of another machine's calls none, of these the ones that are not refused (struct seccomp_data)."""
    load, equal, at_least, mask, answer = 0x20, 0x15, 0x35, 0x54, 0x06
    column = [*_SOCKET].index(_MACHINE)
    refused = [numbers[column] for numbers in _NEVER.values()] + [*_NEVER_ON_X86] * (column == 0)
    refused += [] if sockets else [_SOCKET[_MACHINE]]
    # Its first and its second argument: the lower halves, of machines that put these first.
    as_wanted: list[Sequence[int]] = [
        (equal, 0, 6, _SOCKET[_MACHINE]),
        (load, 0, 0, 16),
        (equal, 0, 3, _AF_INET),
        (load, 0, 0, 24),
        (mask, 0, 0, _TYPE),
        (equal, 1, 0, _SOCK_STREAM),
        (answer, 0, 0, _EPERM),
    ]
    steps: list[Sequence[int]] = [
        (load, 0, 0, 4),
        (equal, 1, 0, _AUDIT_ARCH[_MACHINE]),
        (answer, 0, 0, _KILL),
        (load, 0, 0, 0),
        (at_least, len(refused) + len(as_wanted) * sockets + 1, 0, _X32),
        *((equal, len(refused) - index + len(as_wanted) * sockets, 0, number) for index, number in enumerate(refused)),
        *(as_wanted if sockets else ()),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
