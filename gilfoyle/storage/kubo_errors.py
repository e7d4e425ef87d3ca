"""What Kubo's refusals mean for us."""

from __future__ import annotations

from gilfoyle.errors import ObjectNotFound, StorageError

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


class Passing(StorageError):
    """What may have gone when the same call is made again: no connection, no answer, an answer of 500 or more."""


def refusal(message: str) -> StorageError:
    """Of a command that Kubo could not carry out. It answers 500 to all of them; only the text tells them apart."""
    if any(words in message for words in _MISSING):
        return ObjectNotFound(f"There is no such object in Kubo: {message}")
    if any(words in message for words in _LOST):
        return ObjectNotFound(f"This Kubo node doesn't hold the content, or lost it: {message}")
    if any(words in message for words in _FULL):
        return StorageError(f"The disk of the Kubo node is full: {message}")
    return Passing(f"Kubo could not do it: {message}")


def status_error(status: int, api: str) -> StorageError:
    """Of an answer that is not from a command of Kubo's."""
    if status in (401, 403):
        return StorageError(
            f"Kubo's RPC API at {api} refuses access ({status}): see API.Authorizations in Kubo's configuration."
        )
    if status >= 500:
        return Passing(f"Kubo's RPC API at {api} answers {status}: is the daemon, or a proxy before it, in trouble?")
    return StorageError(
        f"What answers at {api} is not Kubo's RPC API (status {status}): is storage.ipfs.api the gateway's address?"
    )
