"""A sweep's result as text, and the time that it is given."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from gilfoyle.cli import app, swept
from gilfoyle.cli.commands.storage_sweep import seconds
from gilfoyle.temporal.messages import SweepResult, SweptBackend, SweptItem


@pytest.mark.parametrize(
    ("text", "expected"), [("60", 60), ("90s", 90), ("15m", 900), ("24h", 86400), (" 7d ", 604800), ("86400", 86400)]
)
def test_times(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "1.5h", "-1h", "1 h", "1w", "59", "0d", "9" * 10, "²h"])
def test_what_is_no_time_or_too_short_is_called_wrongly(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(text)
    assert CliRunner().invoke(app, ["storage", "sweep", f"--older-than={text}"]).exit_code == 2


@pytest.mark.parametrize(
    ("age_s", "shown"), [(-3, "0 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (86400 * 2.4, "2 d")]
)
def test_ages(age_s: float, shown: str) -> None:
    assert swept.human_age(age_s) == shown


def shown(backend: SweptBackend, *, dry_run: bool = False) -> list[str]:
    return list(swept.lines(SweepResult(backends=[backend]), dry_run=dry_run))


ITEM = SweptItem(key="media/1", reason="superseded", bytes=None, age_s=None)


def test_a_list_that_was_cut_says_how_much_more_there_is() -> None:
    lines = shown(SweptBackend(backend="s3", medias=9, found=4, removed=4, unfinished_found=2, items=[ITEM]))
    assert lines[1].split() == ["s3", "-", "-", "media/1", "of", "a", "version", "that", "is", "not", "served"]
    assert lines[2] == "… and 5 more in s3."
    assert lines[3] == "s3: 9 medias looked at; 4 folders removed, 0 B freed."


def test_unfinished_writes_are_told_apart() -> None:
    unfinished = SweptItem(key="", reason="unfinished", bytes=5, age_s=60)
    lines = shown(SweptBackend(backend="s3", unfinished_found=1, bytes_found=5, items=[unfinished]), dry_run=True)
    assert lines[1].split()[:6] == ["s3", "1", "min", "5", "B", "-"]
    assert lines[2] == "s3: 0 medias looked at; 1 unfinished write would be removed, 5 B; nothing was."


def test_what_became_owned_meanwhile_was_not_removed() -> None:
    assert shown(SweptBackend(backend="s3", medias=1, found=1, items=[ITEM]))[-1].endswith(
        "; nothing removed, 0 B freed."
    )


def test_a_key_can_not_steer_the_terminal() -> None:
    item = ITEM.model_copy(update={"key": "a\x1b[2J"})
    assert not any("\x1b" in line for line in shown(SweptBackend(backend="s3", found=1, items=[item])))
