"""Every error becomes the same envelope: ours, FastAPI's, and those that nobody expected."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gilfoyle.api.body import drain
from gilfoyle.api.envelope import Problem
from gilfoyle.errors import GilfoyleError, InvalidRequest, WrongOffset

RETRY_AFTER_S = {425: 1, 503: 5}
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def problem(error: GilfoyleError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to an error of ours. Its finer code, if it has one, is the `code`."""
    more = {"Upload-Offset": str(error.offset)} if isinstance(error, WrongOffset) else {}
    return _answer(error.status, error.reason, error.message, error.fields, {**more, **(headers or {})})


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to what HTTP itself does not allow. Its code is ours, or the status' name."""
    phrase = HTTPStatus(status).phrase
    return _answer(status, _CODES.get(status, phrase.lower().replace(" ", "_")), message, headers=headers)


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
    code: str,
    message: str,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    content = Problem(code=code, message=message, fields=dict(fields) if fields else None)
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
    fields = dict(_field(fault) for fault in error.errors())
    sentence = "; ".join(f"{name} {reason}" for name, reason in fields.items())
    return problem(InvalidRequest(f"The request is not valid: {sentence}.", fields=fields))


def _field(fault: Mapping[str, Any]) -> tuple[str, str]:
    """Where pydantic found a fault, and what is wrong, without the value: it may be huge or not even text."""
    place, *parts = [str(part) for part in fault["loc"]]
    if fault["type"] == "json_invalid":
        return "body", "is not valid JSON"
    if place == "body" and not parts:
        return "body", "must be a JSON object, sent with Content-Type: application/json"
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    for noun in ("String ", "UUID "):
        message = message.removeprefix(noun)
    message = message.replace("should ", "must ", 1)
    return ".".join(parts)[:100], message[:1].lower() + message[1:300]


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:
        message = "There is nothing at this path."
    elif error.status_code == 405:
        message = f"{request.method[:20]} is not possible at this path."
    elif error.status_code == 400:
        message = "The body can't be read as JSON."
    return refusal(error.status_code, message, error.headers)


async def _on_exception(request: Request, error: Exception) -> JSONResponse:
    return _answer(500, "internal", "Something went wrong in the server; its log says what.")
