"""The step that sends a part of an upload as a page of the application does, straight to the bucket."""

from __future__ import annotations

import httpx

from gilfoyle.storage.base import SignsParts
from gilfoyle.storage.check.advice import cors_rule_for_parts, storage_setting
from gilfoyle.storage.check.results import Warn
from gilfoyle.storage.check.trial import Trial
from gilfoyle.storage.check.urls import place_of

_PART = b"part" * 1000
_URL_S = 300


async def page_sends(trial: Trial) -> str:
    """Send a part for each origin, with its preflight. A fault is a warning only: there are other ways to upload."""
    storage, key = trial.storage, f"{trial.folder}/source-2"
    assert isinstance(storage, SignsParts)
    await storage.begin_parts(key, len(_PART))
    try:
        (url,) = await storage.part_urls(key, {1: len(_PART)}, _URL_S)
        for origin in trial.origins:
            if origin != "null":  # what a redirect makes of a player's origin, and no page's
                await _preflight(trial, url, origin)
                await _put(trial, url, origin)
        sent = await storage.parts(key)
    finally:
        await storage.abort(key)
    if sent.sizes != {1: len(_PART)}:
        raise Warn(f"A part of {len(_PART)} bytes was sent to {place_of(url)}, and is not in the bucket.")
    return f"to {place_of(url)}"


async def _preflight(trial: Trial, url: str, origin: str) -> None:
    """Raises Warn unless a PUT is allowed."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = await _send(trial, "OPTIONS", url, asked)
    methods = answer.headers.get("Access-Control-Allow-Methods", "")
    if not _allows(answer, origin):
        raise Warn(cors_rule_for_parts(trial, place_of(url), origin, "its preflight allows no such origin"))
    if "PUT" not in methods.upper() and methods.strip() != "*":
        raise Warn(cors_rule_for_parts(trial, place_of(url), origin, "its preflight does not allow PUT"))


async def _put(trial: Trial, url: str, origin: str) -> None:
    """Raises Warn unless the part is taken, and the page may read its ETag: other clients than ours need that."""
    answer = await _send(trial, "PUT", url, {"Origin": origin})
    if answer.status_code != 200:
        raise Warn(
            f"{place_of(url)} answers {answer.status_code} to a part with a signed URL: check that no proxy changes the"
            " Host header, and this machine's clock."
        )
    exposed = {name.strip().lower() for name in answer.headers.get("Access-Control-Expose-Headers", "").split(",")}
    if not _allows(answer, origin):
        raise Warn(cors_rule_for_parts(trial, place_of(url), origin, "it sends no Access-Control-Allow-Origin"))
    if not exposed & {"etag", "*"}:
        raise Warn(cors_rule_for_parts(trial, place_of(url), origin, "it does not expose ETag"))


async def _send(trial: Trial, method: str, url: str, headers: dict[str, str]) -> httpx.Response:
    content = _PART if method == "PUT" else None
    try:
        return await trial.http.request(method, url, headers=headers, content=content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        setting = "storage.s3.player_endpoint" if trial.settings.s3.player_endpoint else storage_setting(trial)
        raise Warn(f"{place_of(url)} can't be reached to send parts of an upload to it: check {setting}.") from error


def _allows(answer: httpx.Response, origin: str) -> bool:
    return answer.headers.get("Access-Control-Allow-Origin", "") in ("*", origin)
