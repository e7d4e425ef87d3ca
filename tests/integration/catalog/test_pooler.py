"""The catalog behind PgBouncer, in the mode that gives each transaction another connection."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import make_url

from gilfoyle.catalog import Catalog, Database
from tests.conftest import free_port
from tests.processes import program

pytestmark = pytest.mark.skipif(not shutil.which("pgbouncer"), reason="there is no pgbouncer")
SERVERS = 2
"""Connections to PostgreSQL, fewer than ours: a transaction gets whichever is free."""


@pytest.fixture
async def pooled_url(database_url: str) -> AsyncIterator[str]:
    """The database by way of a pooler."""
    real = make_url(database_url)
    host = real.query.get("host") or real.host
    port = free_port()
    with TemporaryDirectory(prefix="gfp-") as folder:
        Path(folder).chmod(0o755)
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{real.database} = host={host} port={real.port or 5432} user={real.username}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVERS}\nmax_client_conn = 200\n"
        )
        settings.chmod(0o644)
        # It refuses to be root, and only PostgreSQL's own account reaches its socket.
        owner = str((Path(str(host)) / ".s.PGSQL.5432").stat().st_uid)
        user = ["setpriv", "--reuid", owner, "--clear-groups"] if os.geteuid() == 0 else []
        with program([*user, "pgbouncer", str(settings)]) as process:
            for _ in range(100):
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            yield f"postgresql://{real.username}@127.0.0.1:{port}/{real.database}"
            process.terminate()
            process.wait(10)


@pytest.fixture
async def pooled(pooled_url: str, database: Database) -> AsyncIterator[Database]:
    """`database` has emptied it."""
    pooled = Database(pooled_url, pool_size=10, pooled=True)
    yield pooled
    await pooled.close()


async def test_many_at_once_share_few_connections(pooled: Database) -> None:
    """Also what a connection would remember by now: a query is prepared when it comes for the sixth time."""
    catalog = Catalog(pooled)

    async def use(number: int) -> None:
        media = await catalog.medias.create(f"Film {number}")
        for _ in range(8):
            assert (await catalog.medias.get(media.id)).title == f"Film {number}"
            assert await catalog.medias.page(10, 0)

    await asyncio.gather(*(use(number) for number in range(20)))
    assert sum((await catalog.medias.counts()).values()) == 20
