"""Whether reading a source goes well, judged by what ffmpeg and ffprobe print on stderr.

A demuxer takes a failed read for the end of the file: the video would freeze, the sound fall silent, a header seem
cut short, and ffmpeg would end as if all were well. So over HTTP it must never give up (media/reading.py), and
`SourceWatch` decides when waiting is useless. Output that can't be judged yet is not proven, and is held back until the
program ends (ffmpeg/process.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from gilfoyle.errors import StorageError
from gilfoyle.media.reading import GIVE_UP_S, is_remote

TEXT_BYTES = 2000
"""How much of what the program complained of is kept; Temporal cuts failures over 4 KiB."""

# `[http @ 0x5581] [error] …`: contexts, level, text.
_LINE = re.compile(r"((?:\[[^\[\]]* @ 0x[0-9a-f]+\] )*)\[(panic|fatal|error|warning|info|verbose)\] ?(.*)")
_NETWORK = re.compile(r"\[(?:http|https|tcp|tls)\b[^\]]* @ ")
_WAITS = re.compile(r"Will reconnect at \d+ in (\d+) second")
_REFUSED = re.compile(r"HTTP error (\d{3})")
_ENDED = re.compile(r"EOF while reading input|Error during demuxing")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
# Those answers that another moment may change: timeout, too early, too many.
_PASSING = {408, 425, 429}
# Nothing lies there: a broken file has told to look beyond its end.
_BEYOND = 416


class Source:
    """A path or URL, and what became known while it was read, in one run or several at once."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._watches: list[SourceWatch] = []

    def watch(self) -> SourceWatch:
        """For one run of ffmpeg or ffprobe."""
        self._watches.append(SourceWatch(self.place))
        return self._watches[-1]

    def blame(self, error: Exception) -> None:
        """Raise StorageError instead of `error` if reading was troubled: the file may not be at fault."""
        for watch in self._watches:
            watch.blame(error)


class SourceWatch:
    """Reads the stderr of one run over a source."""

    def __init__(self, source: str) -> None:
        self.place = source
        """The path or URL that is read; empty: none."""
        self._remote = is_remote(source)
        self.on_lost: Callable[[], None] = lambda: None
        """Called once, at the moment when `lost` is set."""
        self._rest = ""
        self._text = ""
        self._open = False  # a fault that nothing has been said about since
        self._ended = False
        self._fault = "the connection to the storage broke off"
        self.lost = False
        """Reading was given up: the program must be ended before it takes this for the end of the file."""
        self.troubled = False
        """Reading didn't resume at once after a fault. (After a closed connection, which is common, it does.)"""

    def hear(self, data: bytes) -> None:
        """Take in what the program wrote to stderr."""
        *lines, rest = (self._rest + data.decode(errors="replace")).split("\n")
        self._rest = rest[-TEXT_BYTES:]
        for line in lines:
            self._take(line)

    @property
    def proven(self) -> bool:
        """Whether all output so far can only come from successful reads."""
        return not (self.lost or self._open or self._ended)

    @property
    def text(self) -> str:
        """The end of what the program complained of, without a trace of where the source lies."""
        return self._scrubbed(self._text if self._remote else self._text + self._rest).strip()

    def blame(self, error: Exception) -> None:
        """See Source.blame."""
        if self.troubled:
            raise self.fault() from error

    def fault(self) -> StorageError:
        """What went wrong last, for a person."""
        return StorageError(f"The source can't be read: {self._fault}.", code="source_unreadable")

    def check(self) -> None:
        """At the program's end. Raises StorageError if it ended amid a fault: its output may be of half a source."""
        if self.lost or self._open:
            raise self.fault()

    def _take(self, line: str) -> None:
        found = _LINE.match(line)
        if not self._remote or found is None:
            self._keep(line)
            return
        contexts, level, text = found.groups()
        if _NETWORK.match(contexts):
            self._network(level, text)
        elif _ENDED.match(text):
            self._ended = True
        if level in ("panic", "fatal", "error") and not _NETWORK.match(contexts):
            self._keep(line)

    def _network(self, level: str, text: str) -> None:
        refused = _REFUSED.match(text)
        status = int(refused[1]) if refused else None
        if waits := _WAITS.match(text):
            self._open = False
            self.troubled = self.troubled or int(waits[1]) > 0
            if int(waits[1]) >= GIVE_UP_S:
                self._lose()
        elif status != _BEYOND and (status or level in ("error", "fatal")):
            self._open = True
            self._fault = _told(text, status)
            if status in range(400, 500) and status not in _PASSING:
                self._lose()

    def _lose(self) -> None:
        if not self.lost:
            self.lost = self.troubled = True
            self.on_lost()

    def _keep(self, line: str) -> None:
        self._text = (self._text + line + "\n")[-TEXT_BYTES:]

    def _scrubbed(self, text: str) -> str:
        """The text without the source's place: what is left may be shown to clients."""
        text = text.replace(self.place, "the source") if self.place else text
        if self._remote:
            parts = urlsplit(self.place)
            text = _URL.sub("the source", text)
            for secret in (parts.netloc, parts.hostname, parts.path, parts.query):
                if secret and len(secret) > 1:
                    text = text.replace(secret, "the source")
        return text


def _told(text: str, status: int | None) -> str:
    """A network error in our own words: ffmpeg's messages name hosts and addresses."""
    if status:
        return f"the storage answered {status}"
    if "timed out" in text:
        return "the storage did not answer in time"
    if "refused" in text or "resolve" in text or "unreachable" in text:
        return "the storage can't be reached"
    return "the connection to the storage broke off"
