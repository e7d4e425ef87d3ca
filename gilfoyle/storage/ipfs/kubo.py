"""Calls of Kubo's RPC API through `ipfshttpclient`, and all that it takes to use that library with a current Kubo.

The library is of 2021 and knows Kubo up to 0.7. Its transport, its multipart encoding and its decoding of answers
still fit; each thing that doesn't is named here, where it is dealt with, and nowhere else. Everything here blocks.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

# The library's own subclass of requests' adapter passes `strict`, which urllib3 2 refuses. It is there for choosing an
# address family only, which we don't.
os.environ["PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS"] = "no"

import ipfshttpclient
import ipfshttpclient.exceptions as theirs
import requests
from ipfshttpclient import multipart

from gilfoyle.errors import ConfigError, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES

Answer = dict[str, Any]

# What Kubo says of its failures; it has no codes for them.
_MISSING = (
    "does not exist",
    "no link named",
    "Not a directory",
    "is not a directory",
    "was not a directory",
    "not pinned",
)
_LOST = ("could not find", "not found locally", "failed to fetch all nodes")
_FULL = ("no space left", "disk quota exceeded")


class TransientError(StorageError):
    """What may have gone when the same call is made again: no connection, no answer, an answer of 500 or more."""


def refusal(message: str) -> StorageError:
    """Of a command that Kubo could not carry out. It answers 500 to all of them; only the text tells them apart."""
    if any(words in message for words in _MISSING):
        return ObjectNotFound(f"There is no such object in Kubo: {message}")
    if any(words in message for words in _LOST):
        return ObjectNotFound(f"This Kubo node doesn't hold the content, or lost it: {message}")
    if any(words in message for words in _FULL):
        return StorageError(f"The disk of the Kubo node is full: {message}")
    return TransientError(f"Kubo could not do it: {message}")


def status_error(status: int, api: str) -> StorageError:
    """Of an answer that is not from a command of Kubo's."""
    if status in (401, 403):
        return StorageError(
            f"Kubo's RPC API at {api} refuses access ({status}): see API.Authorizations in Kubo's configuration."
        )
    if status >= 500:
        return TransientError(
            f"Kubo's RPC API at {api} answers {status}: is the daemon, or a proxy before it, in trouble?"
        )
    return StorageError(
        f"What answers at {api} is not Kubo's RPC API (status {status}): is storage.ipfs.api the gateway's address?"
    )


class Kubo:
    """One node's RPC API. Safe to use from many threads."""

    def __init__(self, api: str, timeout_s: float) -> None:
        """`api`: the URL, perhaps with `user:password@` and a path. Nothing is connected yet."""
        self._timeout_s = timeout_s
        parts = urlsplit(api)
        self.name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """The URL without a password, for messages."""
        self._address, self._base = multiaddress(api), f"{parts.path.strip('/')}/api/v0".lstrip("/")
        self._auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._threads = threading.local()
        self._clients: list[Any] = []

    def call(self, command: str, *arguments: str, **options: str) -> list[Answer]:
        """Run a command such as `files/stat`; returns the JSON objects of its answer, mostly one or none.

        An option's `_` stands for `-`. Raises ObjectNotFound, TransientError, StorageError.
        """
        opts = {name.replace("_", "-"): value for name, value in options.items()}
        try:
            # Not by the library's methods: they lack most of today's options, and those without an answer close the
            # connection instead of keeping it.
            body: bytes = self._client.request(f"/{command}", arguments, opts=opts)
            return [json.loads(line) for line in body.splitlines()]
        except Exception as error:
            raise self.translated(error) from error

    def add(self, pieces: Iterable[bytes], **options: str) -> str:
        """Store a file, sent as it comes; returns its CID."""
        opts = {name.replace("_", "-"): value for name, value in options.items()}
        # By default the library cuts bodies into pieces of 8 KiB, each a call to the socket.
        body, headers = multipart.stream_bytes(iter(pieces), chunk_size=CHUNK_BYTES)
        try:
            (added,) = self._client.request("/add", decoder="json", data=body, headers=headers, opts=opts)
            return str(added["Hash"])
        except Exception as error:
            raise self.translated(error) from error

    def put_block(self, block: bytes) -> str:
        """Store a node of DAG-PB as it is; returns its CID. Nothing names it yet: garbage collection may take it."""
        body, headers = multipart.stream_bytes(iter([block]), chunk_size=CHUNK_BYTES)
        opts = {"cid-codec": "dag-pb", "mhtype": "sha2-256", "pin": "false"}
        try:
            (put,) = self._client.request("/block/put", decoder="json", data=body, headers=headers, opts=opts)
            return str(put["Key"])
        except Exception as error:
            raise self.translated(error) from error

    def cat(self, cid: str, start: int, length: int) -> Download:
        """Open a stream of `length` bytes of a file, from `start` on. Never fetched from other nodes."""
        opts = {"offset": str(start), "length": str(length), "offline": "true"}
        try:
            # `client.cat` would have the whole answer in memory, or pieces of any size.
            closables, pieces = self._client._request(
                "POST",
                "/cat",
                [("arg", cid), *opts.items()],
                auth=None,
                data=None,
                headers=None,
                timeout=None,
                chunk_size=CHUNK_BYTES,
            )
        except Exception as error:
            raise self.translated(error) from error
        return Download(self, closables, pieces)

    def close(self) -> None:
        """Close all connections. No call may be in progress."""
        for client in self._clients:
            client.close()

    def translated(self, error: Exception) -> Exception:
        """The error to raise instead of the library's, or instead of those of requests that it lets through."""
        if isinstance(error, theirs.ErrorResponse):
            return refusal(str(error))
        if isinstance(error, theirs.StatusError):
            response = getattr(error.original, "response", None)
            return status_error(0 if response is None else response.status_code, self.name)
        if isinstance(error, theirs.TimeoutError | requests.Timeout):
            return TransientError(
                f"Kubo's RPC API at {self.name} was silent for {self._timeout_s:g} s: is it overloaded?"
            )
        if isinstance(error, theirs.ConnectionError):
            return TransientError(f"Kubo's RPC API can't be reached at {self.name}: is the daemon running?")
        if isinstance(error, theirs.ProtocolError | requests.RequestException | OSError):
            return TransientError(
                f"The connection to Kubo's RPC API at {self.name} broke off: does the daemon still run?"
            )
        if isinstance(error, theirs.EncoderError | KeyError | ValueError):
            return StorageError(f"What answers at {self.name} is not Kubo's RPC API: is storage.ipfs.api right?")
        return error

    @property
    def _client(self) -> Any:
        """The transport of this thread: requests' sessions are not safe to share."""
        client = getattr(self._threads, "client", None)
        if client is None:
            # Not `connect()`: it asks for the version and refuses any from 0.8 on.
            client = ipfshttpclient.Client(
                self._address, self._base, auth=self._auth, timeout=self._timeout_s, session=True
            )
            # Each request would look for proxies and a netrc file; a node's RPC API is reached directly.
            client._client._session.trust_env = False
            self._threads.client = client
            self._clients.append(client)
        return client._client


class Download:
    """The bytes of one `cat`, read by one thread at a time."""

    def __init__(self, kubo: Kubo, closables: list[Any], pieces: Iterator[bytes]) -> None:
        self._kubo, self._closables, self._pieces = kubo, closables, pieces
        self._rest = b""

    def read(self) -> bytes:
        """About CHUNK_BYTES, never more; empty at the end. Kubo sends pieces of 32 KiB: too small to hand over."""
        found, size = [self._rest], len(self._rest)
        try:
            while size < CHUNK_BYTES and (piece := next(self._pieces, b"")):
                found.append(piece)
                size += len(piece)
        except (requests.RequestException, OSError) as error:
            raise self._kubo.translated(error) from error
        data = b"".join(found)
        self._rest = data[CHUNK_BYTES:]
        return data[:CHUNK_BYTES]

    def close(self) -> None:
        """Drop the connection, if there is more to come, rather than read what nobody wants."""
        for each in self._closables:
            each.close()


def multiaddress(url: str) -> str:
    """The multiaddress of a URL's host and port: `/ip4/127.0.0.1/tcp/5001/http`. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ConfigError(f"storage.ipfs.api is not a URL that can be used: {error}.") from error
    if not host:
        raise ConfigError("storage.ipfs.api must be the URL of a Kubo node's RPC API, such as http://127.0.0.1:5001.")
    kind = "ip6" if ":" in host else "ip4" if host.replace(".", "").isdigit() else "dns"
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"
