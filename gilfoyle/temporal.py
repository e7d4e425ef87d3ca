"""The connection to Temporal, the same for the API and the workers."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from gilfoyle.config import TemporalSettings
from gilfoyle.errors import Unavailable


async def connect(settings: TemporalSettings) -> Client:
    """Raises Unavailable if nothing answers at the address."""
    try:
        return await Client.connect(
            settings.address,
            namespace=settings.namespace,
            data_converter=pydantic_data_converter,
            api_key=settings.api_key or None,
            tls=settings.tls or bool(settings.api_key),
        )
    except RuntimeError as error:
        raise Unavailable(f"Temporal can't be reached at {settings.address}.") from error
