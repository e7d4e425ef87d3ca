"""Requests to one server, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from gilfoyle.client.answers import envelope_of, raise_for, translated

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT = httpx2.Timeout(30, connect=5)
UPLOAD_TIMEOUT = httpx2.Timeout(600, connect=5, write=120)
"""After the last byte the server checks and stores the file: on a slow storage that takes a while."""


class Connection:
    """A server's address and a key for it. Every method raises the error that the server names, or Unavailable."""

    def __init__(self, url: str, api_key: str, transport: httpx2.BaseTransport | None) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(url)
        self._http = httpx2.Client(
            base_url=self.url,
            timeout=_TIMEOUT,
            transport=transport,
            # A proxy from the environment can't reach this very machine on our behalf.
            trust_env=parts.hostname not in _LOOPBACK,
            # Loading the certificates takes 0.1 s: not where no TLS is spoken.
            verify=parts.scheme == "https",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        )

    def close(self) -> None:
        self._http.close()

    def envelope(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """The JSON of the answer."""
        return envelope_of(self.answer(method, path, **how))

    def data(self, method: str, path: str, **how: Any) -> Any:
        """`data` of the answer; None if it has no content."""
        return (self.envelope(method, path, **how)).get("data")

    def answer(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """Whatever the server answers."""
        # None, not an empty dict, which would take away the query that the path has.
        how["params"] = {name: value for name, value in how.pop("params", {}).items() if value is not None} or None
        with translated(self.url):
            return self._http.request(method, path, **how)

    @contextmanager
    def content(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """An answer whose content is read piece by piece, for as long as the block lasts."""
        with ExitStack() as stack:
            stack.enter_context(translated(self.url))
            request = self._http.stream("GET", path, headers=headers, follow_redirects=True)
            answer = stack.enter_context(request)
            if not answer.is_success:
                answer.read()
            raise_for(answer)
            yield answer

    @contextmanager
    def events(self, path: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[httpx2.EventSource]:
        """The events that the server sends (`httpx2.EventSource`), for as long as the block lasts."""
        headers = {"Accept": "text/event-stream", **headers}
        with ExitStack() as stack:
            stack.enter_context(translated(self.url))
            request = self._http.stream("GET", path, params=params, headers=headers)
            answer = stack.enter_context(request)
            if not answer.is_success:
                answer.read()
            raise_for(answer)
            yield httpx2.EventSource(answer)


def element(name: object) -> str:
    """One element of a path, whatever it is: a slash or a dot must not reach another resource."""
    return quote(str(name), safe="").replace(".", "%2E") or "%20"
