from __future__ import annotations

import pytest

from gilfoyle.api.negotiation import accepts

JSON = frozenset({"application/json"})
EVENTS = frozenset({"application/json", "text/event-stream"})


@pytest.mark.parametrize(
    ("header", "offers", "expected"),
    [
        ("application/json", JSON, True),
        ("Application/JSON; charset=utf-8", JSON, True),
        ("application/*", JSON, True),
        ("text/html, */*;q=0.1", JSON, True),
        ("application/problem+json", JSON, True),
        ("application/json;q=0", JSON, False),
        ("application/json; q=0.0, text/html", JSON, False),
        ("application/json; q=nonsense", JSON, True),
        ("text/html", JSON, False),
        ("text/*", JSON, False),
        ("text/event-stream", JSON, False),
        ("text/event-stream", EVENTS, True),
        ("text/*", EVENTS, True),
        ("image/png", EVENTS, False),
        ("image/svg+json", JSON, False),
        ("", JSON, True),
        (" , ", JSON, True),
        ("nonsense", JSON, False),
        ("text/html", frozenset(), True),
    ],
)
def test_what_an_accept_header_allows(header: str, offers: frozenset[str], expected: bool) -> None:
    assert accepts(header, offers) == expected
