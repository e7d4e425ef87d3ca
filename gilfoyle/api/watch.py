"""A page to watch a media on, also while it is still encoded: enough to see that it plays."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from gilfoyle.api.services import Injected
from gilfoyle.storage import keys

STATIC = Path(__file__).parent / "static"

router = APIRouter(prefix="/medias", tags=["playback"])

# hls.js feeds the player by blob: URLs and works in a worker made from one.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{elsewhere}; "
    "media-src 'self' blob:{elsewhere}; worker-src 'self' blob:"
)


def static_files() -> StaticFiles:
    """What the page loads, for the path `/static`."""
    return StaticFiles(directory=STATIC)


@router.get("/{media_id}/watch", operation_id="watchMedia", summary="A page that plays it", response_class=FileResponse)
async def watch(media_id: UUID, services: Injected) -> FileResponse:
    """Plays with hls.js, as soon as there is something to play."""
    media = await services.catalog.medias.get(media_id)
    storage = await services.storages.of(media.storage)
    # Where `stream` redirects to, nothing else: a browser holds redirects to the policy, too.
    url = await storage.player_url(keys.master_playlist(media_id, media.encoding))
    elsewhere = " {0.scheme}://{0.netloc}".format(urlsplit(url)) if url else ""
    headers = {
        "Content-Security-Policy": _POLICY.format(elsewhere=elsewhere),
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(STATIC / "watch.html", media_type="text/html", headers=headers)
