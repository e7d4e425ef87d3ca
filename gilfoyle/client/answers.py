"""What an answer of the API means: its data, or the error that it names. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from gilfoyle.errors import (
    Conflict,
    Forbidden,
    GilfoyleError,
    Gone,
    InvalidRequest,
    Locked,
    NotFound,
    PreconditionFailed,
    TooEarly,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
    UnsupportedMediaType,
)

_BY_STATUS: dict[int, type[GilfoyleError]] = {
    **{kind.status: kind for kind in (Conflict, Forbidden, Gone, InvalidRequest, Locked, NotFound, PreconditionFailed)},
    **{kind.status: kind for kind in (TooEarly, TooLarge, Unauthorized, Unavailable)},
    **{kind.status: kind for kind in (UnsupportedMedia, UnsupportedMediaType)},
    # What a proxy in front of the server answers while it restarts.
    502: Unavailable,
    504: Unavailable,
}


_WITHOUT_CONTENT = (202, 204)


def envelope_of(answer: httpx2.Response) -> dict[str, Any]:
    """The answer's JSON: `data`, and `metadata` if there is any; empty if it has no content.

    Raises the error that the server names, or Unavailable if it is no answer of a Gilfoyle server.
    """
    if answer.status_code in _WITHOUT_CONTENT and not answer.content:
        return {}
    try:
        found = answer.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        found = None
    if isinstance(found, dict) and answer.is_success and "data" in found:
        return found
    if isinstance(found, dict) and not answer.is_success and "message" in found and "code" in found:
        kind = _BY_STATUS.get(answer.status_code, GilfoyleError)
        raise kind(found["message"], code=found["code"], fields=found.get("fields"))
    raise Unavailable(
        f"{answer.url} answered {answer.status_code}, not as a Gilfoyle server does. Is the address right?"
    )


def raise_for(answer: httpx2.Response) -> None:
    """Raise the error that an answer names; do nothing for one that is none."""
    if not answer.is_success:
        envelope_of(answer)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raises Unavailable, in a sentence, for what happens to a connection."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise Unavailable(f"Nothing answers at {url}. Does the server run? $GILFOYLE_URL names another.") from error
    except httpx2.TimeoutException as error:
        raise Unavailable(f"{url} took too long to answer. Try again.") from error
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        detail = str(error).rstrip(".") or type(error).__name__
        raise Unavailable(f"The connection to {url} broke: {detail}. Try again.") from error
