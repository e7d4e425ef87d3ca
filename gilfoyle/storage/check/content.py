"""The steps of a backend that names folders by their content (IPFS)."""

from __future__ import annotations

import httpx

from gilfoyle.storage.base import ContentAddressed
from gilfoyle.storage.check.results import CheckFailed, Skip
from gilfoyle.storage.check.trial import Trial


async def gateway_serves(trial: Trial) -> str:
    """Fetch an object by its folder's CID from the node's own gateway."""
    store = _content_addressed(trial)
    cid = await store.cid(f"{trial.folder}/1")
    if trial.driver != "ipfs":
        return cid
    gateway, name = trial.settings.ipfs.gateway, trial.playlist.rpartition("/")[2]
    try:
        answer = await trial.http.get(f"{gateway}/ipfs/{cid}/{name}")
    except httpx.HTTPError as error:
        raise CheckFailed(
            f"The gateway {gateway} can't be reached: check storage.ipfs.gateway, and Addresses.Gateway of the node."
        ) from error
    if answer.status_code != 200 or answer.content != trial.new:
        raise CheckFailed(
            f"The gateway {gateway} answers {answer.status_code} for {cid}/{name}, and not with the object: check that"
            " storage.ipfs.gateway belongs to the node at storage.ipfs.api."
        )
    return cid


async def pin_and_unpin(trial: Trial) -> str:
    """Pin a folder by its CID, and unpin it."""
    store = _content_addressed(trial)
    cid = await store.cid(f"{trial.folder}/1")
    try:
        await store.pin(cid, trial.folder)
    finally:
        await store.unpin(cid)
    return ""


def _content_addressed(trial: Trial) -> ContentAddressed:
    if not isinstance(trial.storage, ContentAddressed):
        raise Skip("the backend does not name folders by their content")
    return trial.storage
