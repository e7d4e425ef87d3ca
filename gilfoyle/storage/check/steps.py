"""The steps of a check, in order, and what each needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gilfoyle.storage.base import ContentAddressed, Presigns, SignsParts
from gilfoyle.storage.check import content, large, objects, parts, sources, urls
from gilfoyle.storage.check.trial import Trial


@dataclass(frozen=True)
class Step:
    """`run` returns a note, or raises: CheckFailed or any GilfoyleError if it failed, Warn, Skip."""

    name: str
    run: Callable[[Trial], Awaitable[str]]
    needs: tuple[str, ...] = ("write",)
    """Names of steps without which it can't be tried."""
    bulky: bool = False
    """Whether it moves the large object, and may take longer."""
    only: Callable[[Trial], bool] = lambda trial: True
    """Whether it is a step of this backend at all."""


def _by_content(trial: Trial) -> bool:
    return trial.driver == "ipfs" or isinstance(trial.opened, ContentAddressed)


def _presigns(trial: Trial) -> bool:
    return isinstance(trial.opened, Presigns)


def _signs_parts(trial: Trial) -> bool:
    return trial.driver == "s3" or isinstance(trial.opened, SignsParts)


STEPS = (
    Step("open", objects.open_backend, needs=()),
    Step("write", objects.write_small, needs=("open",)),
    Step("read", objects.read_small),
    Step("overwrite", objects.overwrite),
    Step("stat", objects.stat),
    Step("write large", large.write_large, bulky=True),
    Step("read large", large.read_large, needs=("write large",), bulky=True),
    Step("read ranges", large.read_ranges, needs=("write large",), bulky=True),
    Step("list", objects.list_folders),
    Step("unfinished writes", large.list_unfinished, needs=("write large",)),
    Step("ffmpeg input", sources.ffmpeg_opens, needs=("write large",)),
    Step("ffprobe", sources.ffprobe_reads, needs=("ffmpeg input",)),
    Step("download", urls.browser_downloads, needs=("write large",), only=_presigns),
    Step("player", urls.player_fetches),
    Step("browser uploads", parts.page_sends, only=_signs_parts),
    Step("clock", urls.clock),
    Step("pin", content.pin_and_unpin, only=_by_content),
    Step("delete", objects.delete_one),
    Step("delete folder", objects.delete_folder),
)
