"""`bench api`: one media beside a bare route and query; lists of many medias beside those of few; and searches."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import httpx
import psycopg
from rich.console import Console

from bench import server
from bench.api.report import table
from bench.api.results import SEARCHES, Found, Ratio, summary
from bench.api.rows import catalog_of
from bench.api.server import BARE
from bench.machine import Machine
from bench.serve.load import Target, cost_s

_FEW = 1000
_GETS = 400
_LISTS = 60
_LIST = "/v1/medias?limit=50"


def api(medias: int, *, rounds: int, as_json: bool) -> None:
    """Measure, and print: a table, and with `as_json` the figures as the last line. Raises GilfoyleError."""
    notes = Console(stderr=True)
    with server.running() as up:
        notes.print(f"Catalogs of {_FEW} and of {medias} medias …")
        few, many = catalog_of(up.settings.database.url, _FEW), catalog_of(up.settings.database.url, medias)
        notes.print("One media, beside a bare route …")
        get = _get(many, rounds, notes.print)
        notes.print("Lists and searches …")
        with _served("ours", few) as small, _served("ours", many) as large:
            listed = _lists(small.url, large.url)
            searches = {name: _search(large.url, queries) for name, queries in SEARCHES.items()}
        machine = Machine.here(up.settings)
    found = Found(medias, get, listed, searches)
    Console().print(table(found, machine))
    if as_json:
        print(json.dumps({**summary(found), "machine": asdict(machine), "found": asdict(found)}))


def _get(database: str, rounds: int, say: Callable[[str], None]) -> Ratio:
    """CPU time of a request: round after round of both, so that a busy neighbour meets both."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT id FROM media WHERE status = 'Ready' LIMIT 1").fetchone()
    assert row is not None
    pairs = []
    with _served("ours", database) as ours, _served(BARE, database) as bare:
        targets = [_target(each, f"/v1/medias/{row[0]}") for each in (ours, bare)]
        for number in range(rounds):
            say(f"round {number + 1} of {rounds} …")
            pairs.append(tuple(cost_s(target, _GETS) * 1e6 for target in targets))
    return Ratio.of(pairs)


def _lists(few: str, many: str) -> Ratio:
    """Wall time of a page, of one and of the other by turns."""
    with httpx.Client(trust_env=False) as http:
        return Ratio.of([(_time(http, many + _LIST), _time(http, few + _LIST)) for _ in range(_LISTS)][5:])


def _search(url: str, queries: Sequence[str]) -> list[float]:
    """Milliseconds of each, over HTTP; the first of all warms the caches and does not count."""
    with httpx.Client(trust_env=False) as http:
        _time(http, f"{url}/v1/medias?{queries[0]}&limit=20")
        return [_time(http, f"{url}/v1/medias?{query}&limit=20") / 1e3 for query in queries]


def _time(http: httpx.Client, url: str) -> float:
    """In µs."""
    begin = time.perf_counter()
    http.get(url).raise_for_status()
    return (time.perf_counter() - begin) * 1e6


@dataclass(frozen=True)
class _Served:
    """A server in a process of its own."""

    url: str
    pid: int


@contextmanager
def _served(side: str, database: str) -> Iterator[_Served]:
    command = [sys.executable, "-m", "bench.api.server", side, database]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield _Served(f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid)
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def _target(served: _Served, path: str) -> Target:
    url = f"{served.url}{path}"
    with httpx.Client(trust_env=False, headers={"Accept-Encoding": "identity"}) as http:
        answers = [http.get(url).raise_for_status() for _ in range(20)]
    return Target(url, [served.pid], len(answers[0].content))
