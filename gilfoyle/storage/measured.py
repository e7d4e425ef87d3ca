"""How long a storage takes, and how often it fails: each operation of an opened backend is timed.

The methods are replaced on the object itself, since what a backend can do is asked of it (`isinstance(…, Opens)`), and
a wrapper could do everything or nothing. What a backend calls of itself is timed as well, as the operation that it is.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.metrics.instruments import STORAGE_DURATION, STORAGE_ERRORS
from gilfoyle.storage.base import Storage

# Not those that only make an address: player_url, path, part_urls, download_url.
_CALLS = (
    *("read", "stat", "delete", "delete_prefix", "abandon", "write_new", "open"),
    *("begin", "arrived", "finish", "abort", "concatenate", "begin_parts", "parts", "cid", "pin", "unpin"),
)
_TAKING = {"write": 1, "append": 2}
"""What takes the bytes of an object, and at which place."""
_GIVING = ("stream", "list", "folders", "unfinished")


def measured(storage: Storage, driver: str) -> Storage:
    """The same backend, whose operations are timed from now on. `driver`: its name, as metrics label it."""
    for op in _CALLS:
        _replace(storage, driver, op, _timed_call)
    for op in _TAKING:
        _replace(storage, driver, op, _timed_taking)
    for op in _GIVING:
        _replace(storage, driver, op, _timed_giving)
    _replace(storage, driver, "open_file", _timed)
    return storage


class _Instrument:
    """An operation's series: made when it is first used, and looked up once, which takes longer than to count."""

    def __init__(self, driver: str, op: str) -> None:
        self.op = op
        self._labels = driver, op
        self._took: Callable[[float], None] | None = None

    def took(self, seconds: float) -> None:
        if self._took is None:
            STORAGE_ERRORS.labels(*self._labels)  # from 0 on
            self._took = STORAGE_DURATION.labels(*self._labels).observe
        self._took(seconds)

    def failed(self) -> None:
        STORAGE_ERRORS.labels(*self._labels).inc()


def _replace(
    storage: Storage, driver: str, op: str, timed: Callable[[Callable[..., Any], _Instrument], Callable[..., Any]]
) -> None:
    if method := getattr(storage, op, None):
        if hasattr(type(storage), op):

            def method(*arguments: Any, **named: Any) -> Any:
                """As its class has it when it is called."""
                return getattr(type(storage), op)(storage, *arguments, **named)

        with suppress(AttributeError):  # of a package's own backend, with __slots__
            setattr(storage, op, timed(method, _Instrument(driver, op)))


def _timed(method: Callable[..., Any], instrument: _Instrument) -> Callable[..., Any]:
    """Of an operation that does not wait."""
    took, clock = instrument.took, time.perf_counter

    def call(*arguments: Any, **named: Any) -> Any:
        began = clock()
        try:
            return method(*arguments, **named)
        except StorageError as error:
            _count(error, instrument)
            raise
        finally:
            took(clock() - began)

    return call


def _timed_call(method: Callable[..., Awaitable[Any]], instrument: _Instrument) -> Callable[..., Awaitable[Any]]:
    took, clock = instrument.took, time.perf_counter

    async def call(*arguments: Any, **named: Any) -> Any:
        began = clock()
        try:
            return await method(*arguments, **named)
        except StorageError as error:
            _count(error, instrument)
            raise
        finally:
            took(clock() - began)

    return call


def _timed_taking(method: Callable[..., Awaitable[Any]], instrument: _Instrument) -> Callable[..., Awaitable[Any]]:
    """Without the time in which the client had nothing to give."""
    place = _TAKING[instrument.op]
    took, clock = instrument.took, time.perf_counter

    async def call(*arguments: Any, **named: Any) -> Any:
        data = arguments[place] if len(arguments) > place else None
        given = _Given(data) if isinstance(data, AsyncIterable) else None
        if given:
            arguments = (*arguments[:place], given, *arguments[place + 1 :])
        began = clock()
        try:
            return await method(*arguments, **named)
        except StorageError as error:
            if error is not (given and given.error):
                _count(error, instrument)
            raise
        finally:
            took(max(0.0, clock() - began - (given.waited_s if given else 0)))

    return call


def _timed_giving(
    method: Callable[..., AsyncIterator[Any]], instrument: _Instrument
) -> Callable[..., AsyncIterator[Any]]:
    """Without the time in which whoever reads does something else."""
    took, clock = instrument.took, time.perf_counter

    async def items(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
        spent = 0.0
        inner = method(*arguments, **named)
        try:
            while True:
                began = clock()
                try:
                    item = await anext(inner)
                except StopAsyncIteration:
                    return
                finally:
                    spent += clock() - began
                yield item
        except StorageError as error:
            _count(error, instrument)
            raise
        finally:
            took(spent)
            if close := getattr(inner, "aclose", None):
                await close()

    return items


class _Given:
    """What a client gives, and how long it was waited for (seconds)."""

    def __init__(self, data: AsyncIterable[bytes]) -> None:
        self._data = aiter(data)
        self.waited_s = 0.0
        self.error: BaseException | None = None
        """What it ended with, which is no fault of the storage."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        began = time.perf_counter()
        try:
            return await anext(self._data)
        except Exception as error:
            self.error = error
            raise
        finally:
            self.waited_s += time.perf_counter() - began

    async def aclose(self) -> None:
        """As a generator's."""
        if close := getattr(self._data, "aclose", None):
            await close()


def _count(error: StorageError, instrument: _Instrument) -> None:
    if not isinstance(error, ObjectNotFound):
        instrument.failed()
