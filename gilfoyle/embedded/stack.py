"""Everything that `gilfoyle up` runs, put together: which servers, on which ports, in which order."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from gilfoyle.config import Settings, http_url
from gilfoyle.embedded import leftovers, ports, temporal
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.postgres import Postgres
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.embedded.supervisor import Supervisor
from gilfoyle.errors import GilfoyleError, StartupError
from gilfoyle.tasks import gather_or_cancel

_POLL_S = 0.1


async def wait_for_ok(url: str) -> None:
    """Ask until the answer is 2xx, for as long as that takes."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(_POLL_S)


_LAST_PORT = 65535
_MEASURED = ("api", "worker-light", "worker-transcode")
"""The processes that Prometheus reads, in the order of their ports."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def _metrics_of(name: str) -> str:
    return f"metrics of {name}"


@dataclass(frozen=True)
class Options:
    """What the user chose on the command line; None: as the settings or the defaults say."""

    data: Path
    api_port: int | None = None
    ui_port: int | None = None
    ready_file: Path | None = None


@dataclass(frozen=True)
class Addresses:
    """Where everything answers; what `--ready-file` holds."""

    api: str
    docs: str
    temporal_ui: str | None
    """None where the Temporal is not ours: it may have no web UI."""
    temporal_address: str
    namespace: str
    database_url: str
    data: str
    metrics: dict[str, str] = field(default_factory=dict)
    """Where Prometheus reads each process of ours; empty: nowhere."""


class Stack:
    """One run. `say` shows a sentence; `announce` shows the addresses once everything answers."""

    def __init__(
        self,
        options: Options,
        settings: Settings,
        say: Callable[[str], None],
        announce: Callable[[Addresses], None],
    ) -> None:
        self._options, self._settings = options, settings
        self._say, self._announce = say, announce
        self._folder = DataFolder(options.data)
        self._held: dict[str, ports.Reservation] = {}
        defaults = Settings()
        self._own_database = settings.database.url == defaults.database.url
        self._own_temporal = settings.temporal.address == defaults.temporal.address
        self._own_storage = settings.storage.filesystem.path == defaults.storage.filesystem.path

    async def run(self, hurry: asyncio.Event, *, adopting: bool = False) -> None:
        """Start everything and keep it until cancelled; however this ends, nothing is left running.

        Raises ConfigError if the API would be open to all, StartupError when a part can't be started or kept. See
        Supervisor for `hurry` and `adopting`.
        """
        self._settings.auth.check(self._settings.server.host)
        self._folder.make()
        self._check_ready_file()
        with self._folder.locked(), ExitStack() as held:
            await self._stop_leftovers()
            self._reserve_ports(held)
            supervisor = Supervisor(self._folder, self._say, hurry, adopting=adopting)
            postgres = Postgres(self._folder, os.environ) if self._own_database else None
            try:
                addresses = self._addresses(postgres)
                self._forget_ready()
                await self._start(supervisor, postgres, addresses)
                self._write_ready(addresses)
                self._announce(addresses)
                raise await supervisor.failed()
            finally:
                self._forget_ready()
                await supervisor.stop()
                if postgres:
                    postgres.discard()

    async def _stop_leftovers(self) -> None:
        names = await asyncio.to_thread(leftovers.stop, leftovers.recorded(self._folder.run))
        if names:
            self._say(f"Stopped what an earlier run had left behind: {', '.join(names)}.")

    def _reserve_ports(self, held: ExitStack) -> None:
        options, server = self._options, self._settings.server
        api_port = server.port if options.api_port is None else options.api_port
        api = ports.reserve(server.host, api_port, "the API", "--api-port")
        self._held["api"] = held.enter_context(api)
        if self._own_temporal:
            ui_port = temporal.UI_PORT if options.ui_port is None else options.ui_port
            ui = ports.reserve(temporal.HOST, ui_port, "Temporal's web UI", "--ui-port")
            self._held["ui"] = held.enter_context(ui)
            frontend = ports.reserve_or_any(temporal.HOST, temporal.PORT, "Temporal")
            self._held["temporal"] = held.enter_context(frontend)
        metrics = self._settings.metrics
        if metrics.enabled:
            for number, name in enumerate(_MEASURED):
                port = metrics.port + number if metrics.port and metrics.port + number <= _LAST_PORT else 0
                read = ports.reserve_or_any(metrics.host, port, "metrics")
                self._held[_metrics_of(name)] = held.enter_context(read)

    def _addresses(self, postgres: Postgres | None) -> Addresses:
        settings = self._settings
        port = {name: held.port for name, held in self._held.items()}
        api = http_url(_EVERYWHERE.get(settings.server.host, settings.server.host), port["api"])
        own = self._own_temporal
        return Addresses(
            api=api,
            docs=f"{api}/docs",
            temporal_ui=http_url(temporal.HOST, port["ui"]) if own else None,
            temporal_address=f"{temporal.HOST}:{port['temporal']}" if own else settings.temporal.address,
            namespace=settings.temporal.namespace,
            database_url=postgres.url if postgres else settings.database.url,
            data=str(self._folder.root),
            metrics={
                name: f"{http_url(_EVERYWHERE.get(settings.metrics.host, settings.metrics.host), port[held])}/metrics"
                for name in _MEASURED
                if (held := _metrics_of(name)) in port
            },
        )

    async def _start(self, supervisor: Supervisor, postgres: Postgres | None, addresses: Addresses) -> None:
        async def database() -> None:
            if postgres:
                await postgres.prepare()
                await supervisor.start(postgres.spec())
            await _migrate(addresses.database_url)

        async def workflows() -> None:
            if self._own_temporal:
                port, ui_port = self._held["temporal"].port, self._held["ui"].port
                spec = temporal.spec(
                    self._folder,
                    port=port,
                    ui_port=ui_port,
                    namespace=addresses.namespace,
                    environment=os.environ,
                )
                self._held["temporal"].hand_over()
                self._held["ui"].hand_over()
                await supervisor.start(spec)

        await gather_or_cancel(database(), workflows())
        environment = self._environment(addresses)
        self._held["api"].hand_over()
        await gather_or_cancel(*(supervisor.start(spec) for spec in self._own(addresses, environment)))

    def _environment(self, addresses: Addresses) -> dict[str, str]:
        """The parent's, and the settings that `up` has decided."""
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "GILFOYLE_SERVER__PORT": addresses.api.rpartition(":")[2],
            "GILFOYLE_DATABASE__URL": addresses.database_url,
            "GILFOYLE_TEMPORAL__ADDRESS": addresses.temporal_address,
        }
        if self._own_storage:
            environment["GILFOYLE_STORAGE__FILESYSTEM__PATH"] = str(self._folder.media)
        return environment

    def _own(self, addresses: Addresses, environment: Mapping[str, str]) -> list[ChildSpec]:
        """The API and the workers. Light steps have a worker of their own: they never wait behind encodes."""
        gilfoyle = [sys.executable, "-m", "gilfoyle"]
        grace_s = self._settings.workers.grace_s + 5

        async def api_answers() -> None:
            await wait_for_ok(f"{addresses.api}/readyz")

        def worker(name: str, title: str, *queues: str) -> ChildSpec:
            command = [*gilfoyle, "worker", *(part for queue in queues for part in ("--queue", queue))]
            return ChildSpec(name, title, command, self._measured(name, environment), stage=2, grace_s=grace_s)

        special = [f"transcode-{each}" for each in sorted({*self._settings.encoding.encoders.values()})]
        return [
            ChildSpec(
                "api",
                "The API",
                [*gilfoyle, "api"],
                self._measured("api", environment),
                stage=3,
                answers=api_answers,
            ),
            worker("worker-light", "The light worker", "pipeline", "io"),
            worker("worker-transcode", "The transcode worker", "transcode", *special),
        ]

    def _measured(self, name: str, environment: Mapping[str, str]) -> Mapping[str, str]:
        """With the port of the process's metrics, which it may take now."""
        held = self._held.get(_metrics_of(name))
        if held is None:
            return environment
        held.hand_over()
        return {**environment, "GILFOYLE_METRICS__PORT": str(held.port)}

    def _check_ready_file(self) -> None:
        if (file := self._options.ready_file) and not file.parent.is_dir():
            raise StartupError(f"The ready file {file} can't be written: there is no folder {file.parent}.")

    def _write_ready(self, addresses: Addresses) -> None:
        if file := self._options.ready_file:
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            try:
                draft.write_text(json.dumps(asdict(addresses), indent=1) + "\n", encoding="utf-8")
                draft.replace(file)
            except OSError as error:
                raise StartupError(f"The ready file {file} can't be written: {error.strerror}.") from error

    def _forget_ready(self) -> None:
        """A ready file of an earlier run must not be taken for this one's."""
        if self._options.ready_file:
            self._options.ready_file.unlink(missing_ok=True)


async def _migrate(url: str) -> None:
    # In a thread, and imported there: Alembic's import takes as long as PostgreSQL's start.
    def upgrade() -> None:
        from gilfoyle.catalog import migrate

        migrate.upgrade(url)

    try:
        await asyncio.to_thread(upgrade)
    except GilfoyleError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise StartupError(f"The catalog's tables could not be brought up to date: {reason[0]}") from error
