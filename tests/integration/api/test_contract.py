"""The API keeps to what it says of itself: requests made up from its own description, valid ones and others.

Nothing is answered 5xx, nor with a status, a type or a body that is not described.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gilfoyle.config import AuthSettings, Settings
from tests.integration.api.conftest import served

KEY = "the-first-key-of-the-contract-test"
# What a schema can't say, such as that one time must come after another, makes valid data that is refused. Whether keys
# are asked for is shown by test_auth_matrix.py. What an Idempotency-Key repeats is the answer of then: what that made
# may have been deleted since.
NOT_CHECKED = "positive_data_acceptance,ignored_auth,ensure_resource_availability"
# Streams that do not end; and bodies of tus, which it does not know how to write.
LEFT_OUT = ("--exclude-path-regex", "events$", "--exclude-operation-id", "patchUpload")


@pytest.fixture(params=["keys", pytest.param("open", marks=pytest.mark.slow)])
def options(request: pytest.FixtureRequest, settings: Settings) -> Iterator[list[str]]:
    """Of schemathesis, for a server that asks for no keys, and for one that does."""
    asks = request.param == "keys"
    auth = AuthSettings(enabled=asks, admin_key=KEY) if asks else AuthSettings(enabled=False)
    with served(settings.model_copy(update={"auth": auth})) as url:
        yield [f"{url}/openapi.json", *LEFT_OUT, *(["-H", f"Authorization: Bearer {KEY}"] if asks else [])]


async def keeps_to_it(options: list[str], phases: str, count: int, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")), "run", *options,
        "--phases", phases, "--max-examples", str(count), "--exclude-checks", NOT_CHECKED, "--request-timeout", "20",
        "--no-color", "--generation-deterministic",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


async def test_every_operation_keeps_to_its_description(options: list[str], tmp_path: Path) -> None:
    await keeps_to_it(options, "examples,coverage", 1, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_it_does_so_for_long(options: list[str], tmp_path: Path) -> None:
    await keeps_to_it(options, "fuzzing,stateful", 100, tmp_path)
