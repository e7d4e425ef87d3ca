"""A client for Gilfoyle's API, for threads and for asyncio.

from gilfoyle.client import Gilfoyle

with Gilfoyle("https://media.example.com", api_key) as gilfoyle:
    upload = gilfoyle.uploads.send(Path("film.mp4"))
    media = gilfoyle.medias.wait(upload.media_id)
    print(media.stream_url)
"""

from __future__ import annotations

from gilfoyle.client.asynchronous.client import AsyncGilfoyle
from gilfoyle.client.synchronous.client import Gilfoyle
from gilfoyle.client.webhooks import verified

__all__ = ["AsyncGilfoyle", "Gilfoyle", "verified"]
