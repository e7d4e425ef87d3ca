"""Each file of the corpus through the real pipeline, with the settings that production has."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from corpus.case import Case
from corpus.cases import CASES, NOT_YET
from corpus.judging import faults
from corpus.maker import Maker
from gilfoyle.activities.verify import VerifyActivities
from gilfoyle.catalog import Media, MediaKind, MediaStatus
from gilfoyle.media.agreement.report import Agreement
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.messages import VerifyMediaInput
from tests.integration.activities.pipeline import LIMITS
from tests.integration.workflows.service import Service
from tests.sources import FFMPEG, FFPROBE


def marked(case: Case) -> object:
    marks = [] if case.fast else [pytest.mark.slow]
    if case.name in NOT_YET:
        marks.append(pytest.mark.xfail(strict=True, reason=NOT_YET[case.name]))
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
async def test_what_becomes_of_a_file(case: Case, service: Service, tmp_path: Path) -> None:
    path = tmp_path / case.name
    await asyncio.to_thread(case.make, Maker(tmp_path, FFMPEG), path)
    media = await processed(service, case, path)
    assert (media.status, media.error_code) == (
        MediaStatus.READY if case.error is None else MediaStatus.ERRORED, case.error,
    ), media.error_message  # fmt: skip
    if case.error is not None:
        assert media.error_message and media.error_message[0].isupper() and "\n" not in media.error_message
        return
    renditions = await service.renditions(media)
    assert {row.name: row.error_message for row in renditions.values() if row.status != "Ready"} == {}
    agreement = await verified(service, media) if case.verified else None
    found = await asyncio.to_thread(
        faults,
        case,
        FFMPEG,
        service.root / str(media.id) / "1",
        [name for name, row in renditions.items() if row.kind == MediaKind.VIDEO],
        [name for name, row in renditions.items() if row.kind == MediaKind.AUDIO],
        media.duration_s or 0,
        agreement,
    )
    assert found == []


async def processed(service: Service, case: Case, path: Path) -> Media:
    """The media when its workflow has ended, however."""
    media = await service.accept(path, MediaKind(case.sent_as))
    with suppress(WorkflowFailureError):  # the media says why
        await (await service.process(media, EncodingPolicy())).result()
    return await service.media(media)


async def verified(service: Service, media: Media) -> Agreement:
    """By the activity itself, which gives way to nobody here."""
    judge = VerifyActivities(
        service.parts.storages, FFMPEG, FFPROBE, threads=2, memory_mb=LIMITS.memory_mb, stall_s=60, nice=0
    )
    renditions = await service.renditions(media)
    job = VerifyMediaInput(
        media_id=media.id,
        encoding=1,
        has_video=media.kind != MediaKind.AUDIO,
        renditions={name: row.stored_bytes for name, row in renditions.items()},
    )
    return await ActivityEnvironment().run(judge.verify, job)
