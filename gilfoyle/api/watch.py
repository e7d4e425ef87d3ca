"""A page to watch a media on, also while it is still encoded: enough to see that it plays."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.services import Injected, Token
from gilfoyle.catalog import MediaStatus
from gilfoyle.storage import keys

STATIC = Path(__file__).parent / "static"

router = APIRouter(tags=["playback"])

# hls.js feeds the player by blob: URLs and works in a worker made from one; its captions begin with a data: URL.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{elsewhere}; "
    "media-src 'self' blob: data:{elsewhere}; worker-src 'self' blob:; base-uri 'none'; form-action 'none'"
)


def static_files() -> StaticFiles:
    """What the page loads, for the path `/static`."""
    return StaticFiles(directory=STATIC)


class Watched(BaseModel):
    """What a player's page shows of a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WATCHED]})

    title: str
    status: MediaStatus
    playable: bool
    progress: float
    message: str | None = Field(description="why there is nothing to play")


class WatchedEnvelope(Envelope[Watched]):
    """One media, for whoever may play it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.WATCHED)]})


@router.get("/watch/{playback_id}/state", operation_id="watchState", summary="How far it is, for a page that plays it")
async def state(playback_id: str, request: Request, services: Injected, token: Token = "") -> WatchedEnvelope:
    media = await services.playbacks.media(playback_id, services.viewer(request, token))
    return WatchedEnvelope(
        data=Watched(
            title=media.title,
            status=MediaStatus(media.status),
            playable=media.playable,
            progress=media.progress,
            message=media.error_message,
        )
    )


@router.get(
    "/watch/{playback_id}", operation_id="watchMedia", summary="A page that plays it", response_class=FileResponse
)
async def watch(playback_id: str, request: Request, services: Injected, token: Token = "") -> FileResponse:
    """Plays with hls.js, as soon as there is something to play."""
    media = await services.playbacks.media(playback_id, services.viewer(request, token))
    storage = await services.storages.of(media.storage)
    # Where `stream` redirects to, nothing else: a browser holds redirects to the policy, too.
    url = await storage.player_url(keys.master_playlist(media.id, media.encoding))
    elsewhere = " {0.scheme}://{0.netloc}".format(urlsplit(url)) if url else ""
    headers = {"Content-Security-Policy": _POLICY.format(elsewhere=elsewhere)}
    return FileResponse(STATIC / "watch.html", media_type="text/html", headers=headers)
