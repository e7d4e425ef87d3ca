"""Our errors as Temporal errors: whether a retry can help, and what a person reads."""

from __future__ import annotations

import logging
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from gilfoyle import logs, traces
from gilfoyle.errors import EncodeFailed, GilfoyleError
from gilfoyle.temporal.attempts import AttemptHistory, AttemptOutbound

log = logging.getLogger(__name__)

# An error that we did not foresee is a bug or a passing oddity; it gets this many attempts, then the media fails.
_UNFORESEEN = 5
# ffmpeg that fails three times on the same chunk will fail a fourth time.
_ENCODE_FAILED = 3
# A machine that goes down takes its passes with it, through no fault of theirs; but not that often the same one.
_SILENT = 8


class TranslateErrors(Interceptor):
    """Worker interceptor: a GilfoyleError becomes an ApplicationError of type `code`.

    Its details are the finer reason and what a program complained of, if it did.

    With `notice_silence`, an activity that kills its worker, or never ends, fails with EncodeFailed in the end.
    """

    def __init__(self, *, notice_silence: bool = False) -> None:
        self._notice_silence = notice_silence

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._notice_silence)


class _Inbound(ActivityInboundInterceptor):
    _outbound: AttemptOutbound

    def __init__(self, next: ActivityInboundInterceptor, notice_silence: bool) -> None:
        super().__init__(next)
        self._notice_silence = notice_silence

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._outbound = AttemptOutbound(outbound)
        super().init(self._outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        ids = _ids(input)
        traces.tell(**ids)
        with logs.about(**ids):
            return await self._execute(input)

    async def _execute(self, input: ExecuteActivityInput) -> Any:
        self._outbound.begin()
        history = self._outbound.history
        try:
            if self._notice_silence:
                self._notice(history)
            return await self.next.execute_activity(input)
        except BaseException as error:
            history.under_way = False
            translated = _translated(error, history)
            self._outbound.tell()
            if translated is error:
                raise
            raise translated from error

    def _notice(self, history: AttemptHistory) -> None:
        """Report that an attempt has begun. Raises EncodeFailed if too many earlier ones vanished."""
        history.silent += history.under_way
        if history.silent >= _SILENT:
            raise EncodeFailed(
                f"{history.silent} workers died or fell silent while they encoded this: "
                "look into their logs and memory.",
                code="worker_lost",
            )
        history.under_way = True
        self._outbound.tell()


def _ids(input: ExecuteActivityInput) -> dict[str, str]:
    """What the lines of an activity are about."""
    info = activity.info()
    media_id = getattr(input.args[0], "media_id", "") if input.args else ""
    return {"media_id": str(media_id or ""), "workflow_id": info.workflow_id or "", "activity": info.activity_type}


def _translated(error: BaseException, history: AttemptHistory) -> BaseException:
    """Count the error, and decide whether to retry."""
    info = activity.info()
    if isinstance(error, GilfoyleError):
        told = f"{error.message}\n{error.log}".rstrip()
        log.warning("%s of %s, attempt %d: %s", info.activity_type, info.workflow_id, info.attempt, told)
        history.encode_failed += isinstance(error, EncodeFailed)
        final = history.encode_failed >= _ENCODE_FAILED or history.silent >= _SILENT or not error.retryable
        details = [error.reason, error.log] if error.log else [error.reason]
        return ApplicationError(error.message, *details, type=error.code, non_retryable=final)
    if isinstance(error, ApplicationError | CancelledError) or not isinstance(error, Exception):
        return error
    log.error("%s of %s failed", info.activity_type, info.workflow_id, exc_info=error)
    history.unforeseen += 1
    return ApplicationError(
        "Something unforeseen went wrong: the worker's log says what.",
        "internal",
        f"{type(error).__name__}: {str(error)[:500]}",
        type="internal",
        non_retryable=history.unforeseen >= _UNFORESEEN,
    )
