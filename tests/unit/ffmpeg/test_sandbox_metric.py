"""What Prometheus is told of the sandbox."""

from __future__ import annotations

import pytest

from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.sandbox import Mode, State
from gilfoyle.metrics.instruments import REGISTRY

STATES = ("whole", "partial", "none", "off")


@pytest.mark.parametrize(
    ("mode", "state", "told"),
    [
        (Mode.AUTO, State(True, True), "whole"),
        (Mode.AUTO, State(True, False, "No seccomp."), "partial"),
        (Mode.AUTO, State(False, False, "Neither."), "none"),
        (Mode.NONE, State(True, True), "off"),
    ],
)
def test_one_state_is_told(mode: Mode, state: State, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_mode", mode)
    monkeypatch.setattr(sandbox, "state", lambda: state)
    sandbox.export_state()
    shown = {each: REGISTRY.get_sample_value("gilfoyle_ffmpeg_sandbox", {"state": each}) for each in STATES}
    assert shown == {each: float(each == told) for each in STATES}
