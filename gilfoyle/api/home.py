"""What a person sees who opens the server's address in a browser."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse

from gilfoyle.api.browsers import PAGE_POLICY
from gilfoyle.api.watch import STATIC

router = APIRouter()
_POLICY = f"default-src 'none'; script-src 'self'; style-src 'self'; {PAGE_POLICY}"


@router.get("/", include_in_schema=False)
async def home() -> FileResponse:
    """It tells nothing of what the server holds, so it needs no key."""
    headers = {"Content-Security-Policy": _POLICY}
    return FileResponse(STATIC / "home.html", media_type="text/html", headers=headers)
