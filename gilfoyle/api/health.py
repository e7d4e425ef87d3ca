"""Whether this process lives, whether it can work, and how it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict

from gilfoyle.api import examples
from gilfoyle.api.auth import guard_all
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.services import Injected
from gilfoyle.errors import GilfoyleError, ObjectNotFound, Unavailable
from gilfoyle.metrics.passes import text_of
from gilfoyle.storage import Storages

CHECK_S = 5.0
NEEDED = ("database", "storage")
"""Without these nothing can be played. Temporal is needed only for what is encoded and deleted, which waits for it."""
router = APIRouter(tags=["health"])


class Health(Envelope[dict[str, str]]):
    """How each part does."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.HEALTH)]})


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """Always 200 while the process lives, whatever else is down: a restart would not help."""
    return Health(data={"process": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", operation_id="readyz", summary="Can it serve streams?")
async def readyz(services: Injected) -> Health:
    """200 when PostgreSQL and the storage answer, else 503. Each part is `ok`, or says what is wrong with it.

    Temporal is one of the parts, and its absence shown, but a balancer should not stop what plays for it.
    """
    checks = {
        "database": services.database.ping(),
        "temporal": services.pipeline.ping(),
        "storage": _ping_storage(services.storages),
    }
    answers = await asyncio.gather(*(_answer(check) for check in checks.values()))
    parts = dict(zip(checks, answers, strict=True))
    failed = {name: answer for name, answer in parts.items() if answer != "ok"}
    if not failed.keys().isdisjoint(NEEDED):
        raise Unavailable(f"Not ready: {' and '.join(failed)} can't be reached.", code="not_ready", fields=failed)
    return Health(data=parts)


@router.get(
    "/metricsz",
    operation_id="metricsz",
    summary="Totals of the whole installation, for Prometheus",
    dependencies=[Depends(guard_all)],  # they tell how much there is of all projects
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": 'gilfoyle_medias{status="Ready"} 12.0'}}}},
)
async def metricsz(services: Injected) -> Response:
    """Medias by status, and passes that wait or are held back; whichever server answers, it tells of all of them.

    What can't be reached is left out. What each process measures is on a port of its own: see docs/operations.md.
    """
    return Response(text_of(await services.totals.read()), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _answer(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(CHECK_S):
            await check
    except GilfoyleError as error:
        return error.message
    except TimeoutError:
        return f"No answer within {CHECK_S:g} seconds."
    return "ok"


async def _ping_storage(storages: Storages) -> None:
    with suppress(ObjectNotFound):  # an answer as good as any
        await (await storages.open()).stat("readyz")
