"""What of a run is a finding, and how it is told."""

from __future__ import annotations

import pytest

from chaos.spoiled.outcome import AGREES, DIFFERS, ERRORED, Outcome, Report, bad_sentence
from chaos.spoiled.table import tables


def made(number: int, what: str, **more: object) -> Outcome:
    return Outcome(number, "film.mkv", "mkv", "cut", what, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message",
    [
        "The file was cut short. Upload it again.",
        "The video is 90000×90000 pixels: too large.",
        "This is not a video or audio file that can be read.",
    ],
)
def test_sentences_for_people(message: str) -> None:
    assert bad_sentence(message) == ""


@pytest.mark.parametrize(
    "message",
    [
        "", "no capital.", "No full stop", "[mov @ 0x55d0c] moov atom not found.", "Two\nlines.",
        "Error at 0x7ffeab12.", "Traceback (most recent call last).", "It lies in /tmp/film.mkv.",
    ],
)  # fmt: skip
def test_what_is_no_sentence(message: str) -> None:
    assert bad_sentence(message)


def test_a_run_is_good_if_each_file_is_right_or_has_a_reason() -> None:
    good = [made(0, AGREES), made(1, ERRORED, code="truncated", message="It was cut short.")]
    assert Report(7, good, [], 3.0).good
    for bad in (made(2, "stuck"), made(3, DIFFERS, differences=["frames of 240p: none."]), made(4, ERRORED)):
        report = Report(7, [*good, bad], [], 3.0)
        assert not report.good
        assert report.findings[0].startswith(f"{bad.number} (film.mkv; cut): ")
    assert not Report(7, good, ["A process was left."], 3.0).good


def test_the_figures_add_up() -> None:
    outcomes = [made(0, AGREES), made(1, ERRORED, code="truncated", message="Cut."), made(2, "stuck")]
    report = Report(7, outcomes, [], 3.0)
    figures = report.figures()
    assert (figures["files"], figures["agrees"], figures["errored"], figures["stuck"]) == (3, 1, 1, 1)
    assert figures["codes"] == {"truncated": 1}
    shown, codes = tables(report)
    assert shown.row_count == 2  # one container, and all
    assert codes.row_count == 1
