"""Whether an object may be played, for a web server that sends it itself.

One asks that has the files (deploy/nginx.conf), or one that keeps what the API has sent once (deploy/kubernetes).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from gilfoyle.api.services import Injected, Token
from gilfoyle.errors import Forbidden, GilfoyleError
from gilfoyle.storage import OpensFiles

KEPT_S, KEPT_SIGNED_S = 2, 1
"""For how long the web server may keep a decision (seconds): with what is cached here, a cut is seen within three."""
PLACE_HEADER = "X-Gilfoyle-Place"
router = APIRouter(prefix="/internal")


@router.get("/playable/{playback_id}/{version}", include_in_schema=False)
async def may_play(
    playback_id: str,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    request: Request,
    services: Injected,
    token: Token = "",
    kept: bool = False,
) -> Response:
    """204 with the folder of that version below `storage.filesystem.path`, in `X-Gilfoyle-Place`.

    With `kept`, the web server has the object, or gets it from the API: it lies anywhere.

    403 whatever the reason is if it may not: asked for the object itself, the API says why. So it does if the media
    lies elsewhere than in files.
    """
    try:
        playing = await services.playbacks.of(playback_id, services.viewer(request, token), version)
    except GilfoyleError as error:
        raise Forbidden("It can't be played, or not by you.") from error
    has_it = kept or isinstance(await services.storages.of(playing.storage), OpensFiles)
    if version > playing.encoding or not has_it:
        raise Forbidden("It is not for a web server to send.")
    kept_s = KEPT_SIGNED_S if playing.signed else KEPT_S
    headers = {PLACE_HEADER: f"{playing.media_id}/{version}", "Cache-Control": f"max-age={kept_s}"}
    return Response(status_code=204, headers=headers)
