"""A page to watch a media on: enough to see that it plays, and while it is still encoded."""

from __future__ import annotations

import base64
import hashlib
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gilfoyle.api.services import Injected

router = APIRouter(prefix="/medias", tags=["playback"])

_STYLE = (
    "body{margin:0;background:#111;color:#ddd;font:16px system-ui;display:grid;gap:1rem;"
    "place-content:center;min-height:100vh;justify-items:center}video{max-width:96vw;max-height:80vh}a{color:#9cf}"
)
# The browser's own HLS: Safari, and Chrome and Edge since 142. The text is set as text, so a title can't be markup.
_SCRIPT = """
const at = location.pathname.replace(/\\/watch$/, "");
const video = document.querySelector("video"), says = document.querySelector("p");
async function look() {
  const media = (await (await fetch(at)).json()).data;
  document.title = media.title;
  if (media.playable && !video.src) {
    if (video.canPlayType("application/vnd.apple.mpegurl")) video.src = media.stream_url;
    else document.querySelector("a").hidden = false;
  }
  if (media.error) says.textContent = media.error.message;
  else if (media.status === "Ready") says.textContent = media.title;
  else says.textContent = `${media.title}: ${media.status}, ${Math.round(media.progress * 100)} %`;
  if (!["Ready", "Errored"].includes(media.status)) setTimeout(look, 500);
}
document.querySelector("a").href = at + "/stream/master.m3u8";
look();
"""
_PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>Gilfoyle</title><style>{_STYLE}</style><video controls autoplay muted playsinline></video><p></p>"
    f"<a hidden>This browser can't play HLS by itself: open the stream in another player.</a><script>{_SCRIPT}</script>"
)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY = (
    f"default-src 'none'; connect-src 'self'; media-src 'self' blob:; "
    f"style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}"
)


@router.get("/{media_id}/watch", operation_id="watchMedia", summary="A page that plays it", response_class=HTMLResponse)
async def watch(media_id: UUID, services: Injected) -> HTMLResponse:
    """Plays with the browser's own HLS, as soon as there is something to play."""
    await services.catalog.get(media_id)
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"})
