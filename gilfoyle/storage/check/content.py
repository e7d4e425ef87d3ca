"""The steps of a backend that names folders by their content (IPFS)."""

from __future__ import annotations

from gilfoyle.storage.base import ContentAddressed
from gilfoyle.storage.check.results import Skip
from gilfoyle.storage.check.trial import Trial


async def pin_and_unpin(trial: Trial) -> str:
    """Pin a folder by its CID, and unpin it."""
    store = _content_addressed(trial)
    cid = await store.cid(f"{trial.folder}/1")
    try:
        await store.pin(cid, trial.folder)
    finally:
        await store.unpin(cid)
    return cid


def _content_addressed(trial: Trial) -> ContentAddressed:
    if not isinstance(trial.storage, ContentAddressed):
        raise Skip("the backend does not name folders by their content")
    return trial.storage
