"""Many short uploads, one after another or all at once, each followed until it is Ready."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.source import Say
from bench.uploads import Sent, check, send
from gilfoyle.cli.text import given
from gilfoyle.client import Gilfoyle

POLL_S = 0.2


class Crowd:
    """`sent`: in their order. `ready`: by media, when it was seen to be Ready (`time.monotonic`)."""

    def __init__(self, client: Gilfoyle, source: Path, say: Say) -> None:
        self._client, self._source, self._say = client, source, say
        self.sent: list[Sent] = []
        self.ready: dict[str, float] = {}

    def run(self, count: int, every_s: float, patience_s: float) -> None:
        """Send `count`, one every `every_s` seconds; return once all are Ready, or `patience_s` after the last.

        Raises EncodeFailed if one is Errored.
        """
        began = time.monotonic()
        for number in range(count):
            self._look_until(began + number * every_s)
            self.sent.append(send(self._client, self._source))
        self._look_until(time.monotonic() + patience_s, until_ready=True)

    @property
    def _waiting(self) -> Sequence[Sent]:
        return [each for each in self.sent if each.media_id not in self.ready]

    def _look_until(self, moment: float, *, until_ready: bool = False) -> None:
        while time.monotonic() < moment and (self._waiting or not until_ready):
            for each in self._waiting:
                media = given(self._client.medias.get(each.media_id))
                check(media)
                if media["status"] == "Ready":
                    self.ready[each.media_id] = time.monotonic()
                    self._say(f"… {len(self.ready)} of {len(self.sent)} are Ready.")
            time.sleep(POLL_S)
