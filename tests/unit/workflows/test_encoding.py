"""An encoding whose workflow is let go of while it runs."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from uuid import UUID

from gilfoyle.media.plan import make_plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.tasks import stop
from gilfoyle.temporal.messages import ProcessMediaInput
from gilfoyle.workflows.encoding import Encoding
from tests.unit.media.infos import audio, media, video


class Begun(Encoding):
    """Has handed out its passes, and waits for them."""

    async def _begin(self) -> None:
        await asyncio.gather(*self._passes.start(self._todo))


async def test_one_that_is_let_go_of_waits_for_nothing() -> None:
    """A worker forgets workflows, when it has too many or stops; a coroutine that waits then can't be collected."""
    policy = EncodingPolicy()
    info = media(video(end=Fraction(10)), audio(end=Fraction(10)))
    job = ProcessMediaInput(media_id=UUID(int=1), kind="video", source_bytes=1, policy=policy)
    others = asyncio.all_tasks()
    running = Begun(job, info, make_plan(info, policy)).run()
    running.send(None)
    passes = asyncio.all_tasks() - others
    assert passes
    try:
        running.close()
    finally:
        await stop(list(passes))
