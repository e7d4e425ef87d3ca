"""What ffmpeg says of how reading goes, in its own words, and what follows from it."""

from __future__ import annotations

import pytest

from gilfoyle.errors import StorageError, UnsupportedMedia
from gilfoyle.ffmpeg.source import Source, SourceWatch

URL = "https://bucket.example:8443/a/b/source?X-Amz-Credential=me&X-Amz-Signature=0123456789abcdef"
CUT = b"[https @ 0x55ab] [error] Stream ends prematurely at 884784, should be 45647502\n"
AGAIN = b"[https @ 0x55ab] [warning] Will reconnect at 884784 in %d second(s), error=Input/output error.\n"
REFUSED = b"[https @ 0x55ab] [warning] HTTP error 503 Service Unavailable\n"


def test_a_fault_that_heals() -> None:
    watch = SourceWatch(URL)
    assert watch.proven and not watch.troubled
    watch.hear(CUT)
    assert not watch.proven
    watch.hear(AGAIN % 0)
    assert watch.proven and not watch.troubled
    watch.hear(REFUSED + AGAIN % 1)
    assert watch.proven and watch.troubled
    watch.check()
    assert watch.text == ""


def test_the_end_of_patience() -> None:
    calls: list[int] = []
    watch = SourceWatch(URL)
    watch.on_lost = lambda: calls.append(1)
    for pause in (0, 1, 3, 7):
        watch.hear(REFUSED + AGAIN % pause)
    assert not watch.lost and not calls
    watch.hear(REFUSED + AGAIN % 15 + AGAIN % 31)
    assert watch.lost and not watch.proven and calls == [1]
    with pytest.raises(StorageError, match="the storage answered 503"):
        watch.check()


@pytest.mark.parametrize(("status", "lost"), [(403, True), (404, True), (410, True), (408, False), (429, False)])
def test_a_refusal_that_waiting_does_not_change(status: int, lost: bool) -> None:
    watch = SourceWatch(URL)
    watch.hear(b"[http @ 0x55ab] [warning] HTTP error %d Whatever\n" % status)
    assert watch.lost == lost


def test_a_place_beyond_the_end_is_no_fault_of_the_storage() -> None:
    watch = SourceWatch(URL)
    watch.hear(b"[http @ 0x55ab] [warning] HTTP error 416 Requested Range Not Satisfiable\n")
    assert watch.proven and not watch.troubled


def test_a_fault_amid_which_the_program_ends() -> None:
    watch = SourceWatch(URL)
    watch.hear(REFUSED)
    with pytest.raises(StorageError):
        watch.check()


@pytest.mark.parametrize(
    "line",
    [
        b"[in#0/matroska,webm @ 0x55ab] [verbose] EOF while reading input\n",
        b"[in#0/mov,mp4 @ 0x55ab] [error] Error during demuxing: Input/output error\n",
    ],
)
def test_what_follows_the_end_of_reading_is_not_proven(line: bytes) -> None:
    watch = SourceWatch(URL)
    watch.hear(line[:20])
    assert watch.proven
    watch.hear(line[20:])
    assert not watch.proven and not watch.troubled
    watch.check()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[https @ 0x1] [error] Error reading HTTP response: Connection timed out\n", "did not answer in time"),
        (b"[tcp @ 0x1] [error] Connection to tcp://10.0.0.7:8443 failed: Connection refused\n", "can't be reached"),
        (b"[tcp @ 0x1] [error] Failed to resolve hostname bucket.example: Name unknown\n", "can't be reached"),
        (CUT, "broke off"),
    ],
)
def test_a_fault_in_words_without_addresses(line: bytes, told: str) -> None:
    watch = SourceWatch(URL)
    watch.hear(line)
    message = watch.fault().message
    assert told in message
    assert "bucket" not in message and "10.0.0.7" not in message and "8443" not in message


def test_what_is_kept_for_people_says_nothing_of_the_place() -> None:
    watch = SourceWatch(URL)
    watch.hear(
        f"[info] Input #0, mov, from '{URL}':\n[in#0 @ 0x5] [error] Error opening {URL}: Invalid data found\n"
        "[error] Error opening input file https://elsewhere.example/x?X-Amz-Signature=9.\n"
        "[h264 @ 0x5] [warning] a warning\n[error] /a/b/source at bucket.example:8443 and X-Amz-Credential=me"
        "&X-Amz-Signature=0123456789abcdef\nit has no teeth\n".encode()
    )
    text = watch.text
    assert "Invalid data found" in text and "it has no teeth" in text and "a warning" not in text
    for secret in ("bucket", "8443", "elsewhere", "Amz", "0123456789abcdef", "a/b", "http"):
        assert secret not in text


def test_a_file_is_not_watched_for_what_a_network_does() -> None:
    watch = SourceWatch("/media/source")
    watch.hear(CUT + REFUSED + b"[mov @ 0x5] /media/source: moov atom not found\nlast words")
    assert watch.proven and not watch.troubled
    assert "the source: moov atom not found" in watch.text and watch.text.endswith("last words")


def test_no_run_over_a_troubled_source_condemns_the_file() -> None:
    source = Source(URL)
    first, second = source.watch(), source.watch()
    refusal = UnsupportedMedia("It is cut short.")
    source.blame(refusal)
    first.hear(CUT + AGAIN % 0)
    source.blame(refusal)
    first.hear(REFUSED + AGAIN % 1)
    second.blame(refusal)
    with pytest.raises(StorageError) as failed:
        source.blame(refusal)
    assert failed.value.__cause__ is refusal
