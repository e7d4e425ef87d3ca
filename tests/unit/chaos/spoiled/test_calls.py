"""What strace writes down, read: which program did it, and whether it should have."""

from __future__ import annotations

from chaos.spoiled.calls import read

LINES = """\
100 execve("/usr/bin/python3", ["python3"], 0x7ffe /* 20 vars */) = 0
100 openat(AT_FDCWD, "/home/me/secret", O_RDONLY) = 3</home/me/secret>
100 vfork( <unfinished ...>
101 execve("/bin/sh", ["/bin/sh", "-c", "exec"], 0x7ffe) = 0
101 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3</etc/passwd>
101 execve("/opt/ffmpeg-linux-x86_64", ["ffmpeg"], 0x7ffe <unfinished ...>
100 <... vfork resumed>) = 101
101 <... execve resumed>) = 0
101 openat(AT_FDCWD, "/lib/libm.so.6", O_RDONLY|O_CLOEXEC) = 3</usr/lib/libm.so.6>
101 openat(AT_FDCWD, "/home/me/secret", O_RDONLY) = -1 EACCES (Permission denied)
101 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = -1 EPERM (Operation not permitted)
101 clone3({flags=CLONE_VM, exit_signal=0}, 88 <unfinished ...>
101 <... clone3 resumed> => {parent_tid=[102]}, 88) = 102
102 openat(AT_FDCWD, "/media/x/source", O_RDONLY) = 4</media/x/source>
""".splitlines()
AMISS = """\
102 openat(AT_FDCWD, "/media/../home/me/secret", O_RDONLY <unfinished ...>
101 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5<TCP:[99]>
102 <... openat resumed>) = 6</home/me/secret>
102 +++ exited with 0 +++
101 +++ exited with 0 +++
101 openat(AT_FDCWD, "/home/another/process", O_RDONLY) = 3</home/another/process>
""".splitlines()
NAMES, ALLOWED = ("ffmpeg", "ffprobe"), ("/usr/lib/", "/media/")


def test_what_others_open_and_what_is_refused_is_no_fault() -> None:
    found = read(LINES, NAMES, ALLOWED)
    assert (found.tools, found.opens, found.faults) == (1, 2, set())


def test_a_thread_of_the_program_is_the_program() -> None:
    found = read([*LINES, *AMISS], NAMES, ALLOWED)
    assert found.faults == {
        "ffmpeg-linux-x86_64 opened /home/me/secret",
        "ffmpeg-linux-x86_64 opened a socket: AF_INET, SOCK_STREAM, IPPROTO_IP",
    }
