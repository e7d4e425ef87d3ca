"""Our errors, as Temporal understands them: which ones a retry can't help, and what a person reads."""

from __future__ import annotations

import logging
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from gilfoyle.errors import EncodeFailed, GilfoyleError

log = logging.getLogger(__name__)

# An error that we did not foresee is a bug or a passing oddity; it gets this many attempts, then the media fails.
_UNFORESEEN_ATTEMPTS = 5
# ffmpeg that fails three times on the same chunk will fail a fourth time.
_ENCODE_ATTEMPTS = 3


class TranslateErrors(Interceptor):
    """Worker interceptor: a GilfoyleError becomes an ApplicationError of type `code` with the finer reason inside."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await self.next.execute_activity(input)
        except GilfoyleError as error:
            info = activity.info()
            log.warning("%s of %s, attempt %d: %s", info.activity_type, info.workflow_id, info.attempt, error.message)
            given_up = isinstance(error, EncodeFailed) and info.attempt >= _ENCODE_ATTEMPTS
            raise ApplicationError(
                error.message, error.reason, type=error.code, non_retryable=given_up or not error.retryable
            ) from error
        except (ApplicationError, CancelledError):
            raise
        except Exception as error:
            log.exception("%s of %s failed", activity.info().activity_type, activity.info().workflow_id)
            last = activity.info().attempt >= _UNFORESEEN_ATTEMPTS
            raise ApplicationError(
                f"Something unforeseen went wrong: {type(error).__name__}: {str(error)[:500]}",
                "internal",
                type="internal",
                non_retryable=last,
            ) from error
