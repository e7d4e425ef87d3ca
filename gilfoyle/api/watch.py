"""A page to watch a media on, also while it is still encoded: enough to see that it plays."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from gilfoyle.api.services import Injected

STATIC = Path(__file__).parent / "static"

router = APIRouter(prefix="/medias", tags=["playback"])

# hls.js feeds the player by blob: URLs and works in a worker made from one; nothing else comes from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; worker-src 'self' blob:"
)


def static_files() -> StaticFiles:
    """What the page loads, for the path `/static`."""
    return StaticFiles(directory=STATIC)


@router.get("/{media_id}/watch", operation_id="watchMedia", summary="A page that plays it", response_class=FileResponse)
async def watch(media_id: UUID, services: Injected) -> FileResponse:
    """Plays with hls.js, as soon as there is something to play."""
    await services.catalog.get(media_id)
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return FileResponse(STATIC / "watch.html", media_type="text/html", headers=headers)
