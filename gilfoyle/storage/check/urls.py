"""The steps that fetch what browsers and players are given, as these do."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from gilfoyle.storage.base import Presigns
from gilfoyle.storage.check.advice import cors_rule, fetch_advice, player_setting
from gilfoyle.storage.check.results import CheckFailed, Skip
from gilfoyle.storage.check.trial import Trial

_SEGMENT = b"segment" * 1000
_SKEW_S = 300.0
"""Signatures are refused by most services when the clocks differ by 15 minutes."""


async def browser_downloads(trial: Trial) -> str:
    """Fetch parts of the large object as a browser downloads a source, if it is sent to the storage at all."""
    assert isinstance(trial.storage, Presigns)
    url = await trial.storage.download_url(trial.source, "attachment", "audio/wav")
    if url is None:
        return "browsers get downloads from the API"
    size = trial.sample.size
    for start, end in ((0, 4096), (size // 2, size // 2 + 100_000), (size - 100, size)):
        if await _fetch_range(trial, url, start, end) != trial.sample.cut(start, end):
            raise CheckFailed(f"{place_of(url)} gives a browser other bytes than were stored ({start} to {end - 1}).")
    return f"from {place_of(url)}"


async def player_fetches(trial: Trial) -> str:
    """Fetch a segment as players on other sites do, if they are sent to the storage at all."""
    await trial.storage.write(trial.segment, _SEGMENT)
    url = await trial.storage.player_url(trial.segment)
    if url is None:
        return "players get segments from the API"
    for origin in trial.origins:
        answer = await _get(trial, url, {"Origin": origin}, player_setting(trial))
        if answer.status_code != 200:
            raise CheckFailed(fetch_advice(trial, place_of(url), answer, "a player"))
        if answer.content != _SEGMENT:
            raise CheckFailed(f"{place_of(url)} gives players other bytes than were stored.")
        allowed = answer.headers.get("Access-Control-Allow-Origin", "")
        if allowed not in ("*", origin):
            raise CheckFailed(cors_rule(trial, place_of(url), origin, allowed))
    return f"from {place_of(url)}"


async def clock(trial: Trial) -> str:
    """Compare the clocks that were met with ours."""
    if not trial.dates:
        raise Skip("the storage tells no time")
    ahead = max(trial.dates, key=abs)
    if abs(ahead) > _SKEW_S:
        raise CheckFailed(
            f"The storage's clock is {abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} this machine's:"
            " signatures are refused when they differ, and the sweep misjudges ages. Set both by NTP."
        )
    return f"differs by {abs(ahead):.0f} s"


async def _fetch_range(trial: Trial, url: str, start: int, end: int) -> bytes:
    answer = await _get(trial, url, {"Range": f"bytes={start}-{end - 1}"}, player_setting(trial))
    if answer.status_code == 200:
        raise CheckFailed(
            f"{place_of(url)} ignores ranges (it answers 200 to a Range header): a download that broke off can't go on."
            " Let the service, or the proxy before it, answer 206."
        )
    if answer.status_code != 206:
        raise CheckFailed(fetch_advice(trial, place_of(url), answer, "a browser"))
    return answer.content


async def _get(trial: Trial, url: str, headers: dict[str, str], setting: str) -> httpx.Response:
    """GET as it is, never packed. Raises CheckFailed if there is no answer."""
    try:
        answer = await trial.http.get(url, headers={"Accept-Encoding": "identity", **headers})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = "nothing answers in time" if isinstance(error, httpx.TimeoutException) else "it can't be reached"
        if "CERTIFICATE" in str(error).upper():
            reason = "its certificate is not trusted here"
        raise CheckFailed(
            f"{place_of(url)} can't be fetched: {reason}. Check {setting}, name resolution and firewalls."
        ) from error
    if "Date" in answer.headers and "Age" not in answer.headers:  # a cache's copy has the time of its making
        try:
            trial.dates.append(parsedate_to_datetime(answer.headers["Date"]).timestamp() - trial.now())
        except ValueError:
            return answer
    return answer


def place_of(url: str) -> str:
    """What may be said of a URL: never its query, which signs it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
