"""One `gilfoyle up` and one browser for the whole run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, async_playwright

from tests.e2e.gilfoyle_server import Server, up
from tests.e2e.player import Site, site

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short path: PostgreSQL's socket lies below it."""
    with tempfile.TemporaryDirectory(prefix="gfe-", ignore_cleanup_errors=True) as root:
        yield Path(root)


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Server]:
    """With a short heartbeat timeout, so that a killed worker's pass is taken over soon, and a small upload limit.

    It fetches files from this machine, too.
    """
    settings = {
        "GILFOYLE_WORKERS__HEARTBEAT_TIMEOUT_S": "5",
        "GILFOYLE_LIMITS__UPLOAD_BYTES": str(2**30),
        "GILFOYLE_NET__ALLOW": "[127.0.0.1]",
    }
    with up(folder, **settings) as running:
        yield running


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium on PATH, else Playwright's own."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    async with async_playwright() as playwright:
        try:
            running = await playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        except Error as error:
            _unavailable(f"there is no Chromium ({str(error).splitlines()[0]})")
        yield running
        await running.close()


@pytest.fixture(scope="session")
def web(folder: Path) -> Iterator[Site]:
    """The page with the player, from another origin than the API's."""
    with site() as running:
        yield running


def _unavailable(reason: str) -> None:
    """On a user's machine the browser tests are left out, and one line says so; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"browser tests were not run: {reason}")
