"""Whether this process lives, whether it can work, and how it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from fastapi import APIRouter, Response
from pydantic import ConfigDict

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.services import Injected
from gilfoyle.errors import GilfoyleError, ObjectNotFound, Unavailable
from gilfoyle.storage import Storages

CHECK_S = 5.0
router = APIRouter(tags=["health"])


class Health(Envelope[dict[str, str]]):
    """How each part does."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.HEALTH)]})


@router.get("/healthz", operation_id="healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """Always 200 while the process lives, whatever else is down: a restart would not help."""
    return Health(data={"process": "ok"})


@router.get("/readyz", operation_id="readyz", summary="Can it work?")
async def readyz(services: Injected) -> Health:
    """200 when PostgreSQL, Temporal and the storage answer, else 503 with what does not in `fields`."""
    checks = {
        "database": services.database.ping(),
        "temporal": services.pipeline.ping(),
        "storage": _ping_storage(services.storages),
    }
    answers = await asyncio.gather(*(_answer(check) for check in checks.values()))
    failed = {name: answer for name, answer in zip(checks, answers, strict=True) if answer != "ok"}
    if failed:
        raise Unavailable(f"Not ready: {', '.join(failed)} can't be reached.", code="not_ready", fields=failed)
    return Health(data=dict(zip(checks, answers, strict=True)))


@router.get(
    "/metricsz",
    operation_id="metricsz",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": 'gilfoyle_medias{status="Ready"} 12.0'}}}},
)
async def metricsz(services: Injected) -> Response:
    """Requests and their durations, and medias by status (left out while the catalog can't be reached)."""
    medias: dict[str, int] = {}
    with suppress(Unavailable):
        medias = await services.catalog.counts()
    return Response(services.metrics.text(medias), media_type="text/plain; version=0.0.4; charset=utf-8")


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
        await (await storages.of()).stat("readyz")
