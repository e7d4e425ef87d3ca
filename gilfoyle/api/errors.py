"""Every error becomes the same envelope: ours, FastAPI's, and those that nobody expected."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gilfoyle.api.body import RequestBody, drain
from gilfoyle.api.browsers import MANAGING
from gilfoyle.api.envelope import Problem
from gilfoyle.api.faults import field_of
from gilfoyle.api.methods import allowed, options
from gilfoyle.errors import (
    GilfoyleError,
    InvalidRequest,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
    WrongOffset,
)
from gilfoyle.logs import REQUEST_ID

log = logging.getLogger(__name__)

# No challenge for Basic, which is taken as well: a browser would open its own dialogue for it.
_CHALLENGE = 'Bearer realm="Gilfoyle"'
RETRY_AFTER_S = {425: 1, 503: 5}
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def problem(error: GilfoyleError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to an error of ours. Its finer code, if it has one, is the `code`."""
    more = {}
    if isinstance(error, WrongOffset):
        more["Upload-Offset"] = str(error.offset)
    elif isinstance(error, TooManyRequests):
        more["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, Unauthorized):
        more["WWW-Authenticate"] = _CHALLENGE
    headers = {**more, **(headers or {})}
    return _answer(error.status, error.code, error.reason, error.message, error.fields, headers)


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to what HTTP itself does not allow. Its code is ours, or the status' name."""
    phrase = HTTPStatus(status).phrase
    code = _CODES.get(status, phrase.lower().replace(" ", "_"))
    return _answer(status, code, code, message, headers=headers)


def install(app: FastAPI) -> None:
    """Register the handlers. An unexpected exception is answered 500, and logged by the server with its traceback."""
    app.add_exception_handler(GilfoyleError, _on_gilfoyle_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_exception)


class Refusal(Response):
    """An answer given while the client still sends its body: at once, and then the connection is closed.

    Closing with unread data would reset the connection and could destroy the answer on its way, so what still
    comes is read and thrown away for a moment.
    """

    def __init__(self, answer: JSONResponse) -> None:
        super().__init__(answer.body, answer.status_code, {**answer.headers, "Connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await drain(scope, receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _answer(
    status: int,
    kind: str,
    code: str,
    message: str,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    request_id = REQUEST_ID.get() or None
    content = Problem(
        type=kind, code=code, message=message, fields=dict(fields) if fields else None, request_id=request_id
    )
    response = JSONResponse(content.model_dump(exclude_none=True), status, dict(headers or {}))
    response.headers.setdefault("Cache-Control", "no-store")
    if status in RETRY_AFTER_S:
        response.headers["Retry-After"] = str(RETRY_AFTER_S[status])
    return response


async def _on_gilfoyle_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GilfoyleError)
    return problem(error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if _is_of_another_type(request, error):
        return problem(UnsupportedMediaType("The body must be JSON, with Content-Type: application/json."))
    fields = dict(field_of(fault) for fault in error.errors())
    sentence = "; ".join(f"{name} {reason}" for name, reason in fields.items())
    return problem(InvalidRequest(f"The request is not valid: {sentence}.", fields=fields))


def _is_of_another_type(request: Request, error: RequestValidationError) -> bool:
    """FastAPI hands on as bytes what does not say that it is JSON."""
    given = [fault.get("input") for fault in error.errors() if tuple(fault["loc"]) == ("body",)]
    return any(isinstance(each, bytes) and each for each in given)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message, headers = str(error.detail), dict(error.headers or {})
    if error.status_code == 404:
        message = "There is nothing at this path."
    elif error.status_code == 405:
        headers["Allow"] = allowed(request)
        if request.method == "OPTIONS":
            return options(request)
        message = f"{request.method[:20]} is not possible at this path: {headers['Allow']} are."
    elif error.status_code == 400:
        message = "The body can't be read as JSON."
    return refusal(error.status_code, message, headers)


async def _on_exception(request: Request, error: Exception) -> JSONResponse:
    # Starlette answers this outside of all middleware.
    headers = {"X-Request-Id": REQUEST_ID.get()} | {name.decode(): value.decode() for name, value in MANAGING}
    return _answer(500, "internal", "internal", "Something went wrong in the server; its log says what.", None, headers)


async def answering(
    body: RequestBody,
    what: str,
    work: Callable[[], Awaitable[Any]],
    told: Callable[[GilfoyleError], JSONResponse] = problem,
) -> Any:
    """What `work` answers, which takes in a body. An error is told at once, also while the client still sends.

    `what`: whose bytes they are, for the log. `told`: the answer to an error.
    """
    try:
        return await work()
    except ClientDisconnect:
        log.info("%s broke off after %d bytes", what, body.received)
        return Response(status_code=400)  # nobody is there to read it
    except GilfoyleError as error:
        return told(error) if body.complete else Refusal(told(error))
