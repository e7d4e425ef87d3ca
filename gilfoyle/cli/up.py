"""`gilfoyle up`: the whole of Gilfoyle on this machine, from one command, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gilfoyle.config import Settings
from gilfoyle.errors import GilfoyleError, StartupError

if TYPE_CHECKING:
    from gilfoyle.embedded.stack import Addresses


def up(data: Path, api_port: int | None, ui_port: int | None, ready_file: Path | None, settings: Settings) -> int:
    """Run everything in the foreground. Returns the exit status: 0 if it was asked to stop, 1 if it had to."""
    try:
        asyncio.run(_run(data, api_port, ui_port, ready_file, settings))
    except GilfoyleError as error:
        typer.echo(error.message, err=True)
        return 1
    return 0


async def _run(
    data: Path, api_port: int | None, ui_port: int | None, ready_file: Path | None, settings: Settings
) -> None:
    """Keep the stack until SIGINT, SIGTERM or SIGHUP; a second signal makes it stop in a hurry."""
    hurry = asyncio.Event()
    running = asyncio.create_task(_stack(hurry, data, api_port, ui_port, ready_file, settings))
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            hurry.set()
            return
        asked = True
        _say("Stopping. Press Ctrl-C again to hurry.")
        running.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # As nohup wants it.
            loop.add_signal_handler(number, on_signal)
    try:
        await running
    except asyncio.CancelledError:
        _say("Stopped.")


async def _stack(
    hurry: asyncio.Event,
    data: Path,
    api_port: int | None,
    ui_port: int | None,
    ready_file: Path | None,
    settings: Settings,
) -> None:
    _say("Starting.")
    try:
        from gilfoyle.embedded import orphans
        from gilfoyle.embedded.stack import Options, Stack
    except ImportError as error:
        raise StartupError(
            f"`gilfoyle up` needs the embedded servers ({error.name} is missing). "
            "Run `pip install 'gilfoyle-media[embedded]'`."
        ) from error
    orphans.adopt()
    asks = settings.auth.asks(settings.server.host)
    stack = Stack(Options(data, api_port, ui_port, ready_file), settings, _say, partial(_announce, asks))
    await stack.run(hurry, adopting=True)


def _announce(asks_for_keys: bool, addresses: Addresses) -> None:
    _say(
        "\n".join(
            (
                "Gilfoyle is ready.",
                f"  API        {addresses.api}",
                f"  Docs       {addresses.docs}",
                f"  Workflows  {addresses.temporal_ui or addresses.temporal_address}",
                *([f"  Metrics    {', '.join(addresses.metrics.values())}"] if addresses.metrics else []),
                f"  Data       {addresses.data}",
                *(["Callers need a key: `gilfoyle keys create NAME --scope write`."] if asks_for_keys else []),
                "Ctrl-C stops everything.",
            )
        )
    )


def _say(text: str) -> None:
    with suppress(OSError):  # Nobody reads any more: no reason to end.
        typer.echo(text)
