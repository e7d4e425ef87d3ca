"""Running the steps: each once, in order, with a limit on its time; and removing what they made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import httpx

from gilfoyle.config import StorageSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.storage.check.advice import for_error
from gilfoyle.storage.check.results import CheckFailed, CheckReport, Outcome, Result, Skip, Warn
from gilfoyle.storage.check.settings import QUICK_S, without_secrets
from gilfoyle.storage.check.steps import STEPS, Step
from gilfoyle.storage.check.trial import Prober, Trial

STEP_S = 60.0
"""The longest that a step may take."""
SLOWEST = 250_000
"""Bytes per second below which moving the large object counts as failed: less than a stream's own rate."""
_CLEANUP_S = 15.0


async def check(
    settings: StorageSettings,
    driver: str = "",
    *,
    probe: Prober | None = None,
    origins: Sequence[str] = ("https://example.com", "null"),
    now: Callable[[], float] = time.time,
) -> CheckReport:
    """Try a backend, by default the one that `storage.driver` names. Raises nothing of its own: it reports.

    What it stores lies in a folder named by a UUID, and is removed in any case; what a killed check leaves, the sweep
    removes. `origins` are those of the pages that players run in; `now` is this machine's clock.
    """
    results: list[Result] = []
    timeout = httpx.Timeout(3 * QUICK_S, connect=QUICK_S)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=True) as http:
        trial = Trial(settings, driver or settings.driver, http, probe, origins, now)
        try:
            for step in STEPS:
                if step.only(trial):
                    results.append(await _try(step, trial, results))
        finally:
            await _clean(trial, results)
    return CheckReport(trial.driver, results)


async def _try(step: Step, trial: Trial, before: Sequence[Result]) -> Result:
    failed = {result.step for result in before if result.outcome in (Outcome.FAILED, Outcome.SKIPPED)}
    missing = next((name for name in step.needs if name in failed), None)
    if missing:
        return Result(step.name, Outcome.SKIPPED, 0, f"needs `{missing}`")
    limit = STEP_S + (trial.sample.size / SLOWEST if step.bulky else 0)
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(limit):
            outcome, note = Outcome.OK, await step.run(trial)
    except Skip as reason:
        outcome, note = Outcome.SKIPPED, str(reason)
    except Warn as warning:
        outcome, note = Outcome.WARNING, str(warning)
    except CheckFailed as fault:
        outcome, note = Outcome.FAILED, str(fault)
    except GilfoyleError as error:
        outcome, note = Outcome.FAILED, _sentences(error.message, for_error(error, trial))
    except TimeoutError:
        outcome, note = Outcome.FAILED, f"It did not end within {limit:.0f} s: is the storage hung, or this slow?"
    except Exception as error:  # a backend of another package may raise anything
        outcome, note = Outcome.FAILED, f"The backend raises {type(error).__name__}, which is no StorageError: {error}"
    took = (time.perf_counter() - begun) * 1000
    return Result(step.name, outcome, round(took, 1), without_secrets(note, trial.settings))


async def _clean(trial: Trial, results: Sequence[Result]) -> None:
    """Remove whatever is there, and let go of the backend. What went wrong has been reported already."""
    if trial.opened is None:
        return
    gone = any(result.step == "delete folder" and result.outcome is Outcome.OK for result in results)
    if trial.stored and not gone:
        with suppress(Exception):
            async with asyncio.timeout(_CLEANUP_S):
                await trial.opened.delete_prefix(trial.folder)
    with suppress(Exception):
        await trial.opened.close()


def _sentences(*texts: str) -> str:
    return " ".join(text if text.endswith((".", "?")) else f"{text}." for text in texts if text)
