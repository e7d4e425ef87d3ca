from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gilfoyle.api.small_bodies import ReadSmallBodies


class Called:
    """An application that notes which messages it is given until the client leaves."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while not self.messages or self.messages[-1]["type"] != "http.disconnect":
            self.messages.append(await receive())


async def ask(messages: list[Message | float], method: str = "POST", **bounds: Any) -> tuple[Called, dict[str, Any]]:
    """Send the messages, with pauses between them (seconds); what the application got, and what was answered."""
    sent: list[Message] = []

    async def receive() -> Message:
        while messages:
            message = messages.pop(0)
            if isinstance(message, dict):
                return message
            await asyncio.sleep(message)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    called = Called()
    scope = {"type": "http", "method": method, "path": "/v1/medias", "headers": []}
    await ReadSmallBodies(called, **bounds)(scope, receive, send)
    answer = {"status": sent[0]["status"], **json.loads(sent[1]["body"])} if sent else {}
    return called, answer


def piece(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_arrives_whole() -> None:
    called, _ = await ask([piece(b"a"), piece(b""), piece(b"b", False)])
    assert called.messages == [piece(b"ab", False), {"type": "http.disconnect"}]


async def test_a_slow_client_may_stay_after_its_body() -> None:
    """As one does that waits for a long answer."""
    called, answer = await ask([piece(b"", False), 0.3], patience_s=0.1)
    assert (len(called.messages), answer) == (2, {})


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
async def test_nothing_waits_for_a_body_that_nobody_reads(method: str) -> None:
    called, _ = await ask([piece(b"a"), piece(b"b", False)], method)
    assert called.messages[0] == piece(b"a")


async def test_a_large_body_is_refused_before_all_of_it_came() -> None:
    called, answer = await ask([piece(b"12345"), piece(b"123456"), piece(b"x")], limit=10)
    assert (answer["status"], answer["code"], called.messages) == (413, "too_large", [])


async def test_a_slow_body_is_refused() -> None:
    called, answer = await ask([piece(b"1"), 1.0, piece(b"2", False)], patience_s=0.1)
    assert (answer["status"], answer["code"], called.messages) == (408, "request_timeout", [])


async def test_a_client_that_leaves_is_forgotten() -> None:
    called, answer = await ask([piece(b"1")])
    assert (called.messages, answer) == ([], {})
