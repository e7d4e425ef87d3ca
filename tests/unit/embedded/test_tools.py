"""Where ffmpeg and ffprobe are looked for, and what is said when there are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gilfoyle.config import ToolSettings
from gilfoyle.embedded import tools
from gilfoyle.errors import StartupError

LOOKUPS = {"ffmpeg": tools.ffmpeg_path, "ffprobe": tools.ffprobe_path}


@pytest.fixture(params=LOOKUPS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bin_folder(tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but a program of the tool's name."""
    program = tmp_path / tool
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def without_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an installation without the `embedded` extra."""
    monkeypatch.setattr(tools, "find_spec", lambda name: None)


def test_the_embedded_one_runs(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = LOOKUPS[tool](ToolSettings())
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{tool} version")


def test_the_environment_of_the_wheel_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/somewhere/else")
    assert "imageio_ffmpeg" in tools.ffmpeg_path(ToolSettings())


def test_the_configured_one_goes_first(tool: str, bin_folder: Path) -> None:
    program = str(bin_folder / tool)
    assert LOOKUPS[tool](ToolSettings(**{tool: program})) == program
    assert LOOKUPS[tool](ToolSettings(**{tool: tool})) == program


def test_a_configured_one_that_is_not_there_is_a_sentence(tool: str) -> None:
    with pytest.raises(StartupError, match=f"setting tools.{tool} is '/no/such'"):
        LOOKUPS[tool](ToolSettings(**{tool: "/no/such"}))


@pytest.mark.usefixtures("without_wheels")
def test_without_the_wheel_the_one_on_path(tool: str, bin_folder: Path) -> None:
    assert LOOKUPS[tool](ToolSettings()) == str(bin_folder / tool)


@pytest.mark.usefixtures("without_wheels")
def test_none_at_all_is_a_sentence(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StartupError, match=rf"No {tool} was found.*gilfoyle\[embedded\]"):
        LOOKUPS[tool](ToolSettings())
