"""Where ffmpeg and ffprobe are looked for, and what is said when there are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gilfoyle import workers
from gilfoyle.config import Settings, ToolSettings
from gilfoyle.errors import StartupError
from gilfoyle.ffmpeg import tools

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


def ffmpeg(folder: Path, script: str) -> ToolSettings:
    """The settings that name a program of ours."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return ToolSettings(ffmpeg=str(program))


def test_the_embedded_one_is_new_enough() -> None:
    tools.check_ffmpeg(ToolSettings())


@pytest.mark.parametrize(
    "version",
    ["7.1", "7.1.1-1+b1", "n7.1-12-gabc", "8.0-full_build", "10.0", "N-118000-g0a1b2c3d4", "2026-11-20-git-6cdd2cbe32"],
)
def test_new_enough(version: str, tmp_path: Path) -> None:
    tools.check_ffmpeg(ffmpeg(tmp_path, f"echo 'ffmpeg version {version} Copyright (c) 2000-2026'"))


@pytest.mark.parametrize(
    ("version", "shown"),
    [("7.0.2", "7.0"), ("n6.1.1", "6.1"), ("4.4.2-0ubuntu0.22.04.1", "4.4"), ("5.1.6-0+deb12u1", "5.1")],
)
def test_too_old_is_a_sentence_that_names_the_version(version: str, shown: str, tmp_path: Path) -> None:
    settings = ffmpeg(tmp_path, f"echo 'ffmpeg version {version} Copyright (c) 2000-2026'")
    with pytest.raises(StartupError) as refused:
        tools.check_ffmpeg(settings)
    assert refused.value.message == (
        f"The ffmpeg {settings.ffmpeg} is version {shown}; 7.1 or newer is needed. "
        "Name another in the setting tools.ffmpeg, "
        "or run `pip install 'gilfoyle-media[embedded]'` and leave that setting empty."
    )


@pytest.mark.parametrize(
    ("script", "why"), [("exit 1", "can't be run"), ("echo bash 5.2", "is no ffmpeg"), ("kill -9 $$", "can't be run")]
)
def test_no_ffmpeg_at_all_is_a_sentence(script: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=why):
        tools.check_ffmpeg(ffmpeg(tmp_path, script))


def test_a_worker_does_not_start_with_one_that_is_too_old(tmp_path: Path) -> None:
    old = ffmpeg(tmp_path, "echo ffmpeg version 5.1.6")
    for queue in ("io", "transcode"):
        with pytest.raises(StartupError, match=r"is version 5\.1"):
            workers.run(Settings(tools=old), [queue])


def test_a_configured_one_that_is_not_there_is_a_sentence(tool: str) -> None:
    with pytest.raises(StartupError, match=f"setting tools.{tool} is '/no/such'"):
        LOOKUPS[tool](ToolSettings(**{tool: "/no/such"}))


@pytest.mark.usefixtures("without_wheels")
def test_without_the_wheel_the_one_on_path(tool: str, bin_folder: Path) -> None:
    assert LOOKUPS[tool](ToolSettings()) == str(bin_folder / tool)


@pytest.mark.usefixtures("without_wheels")
def test_none_at_all_is_a_sentence(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StartupError, match=rf"No {tool} was found.*gilfoyle-media\[embedded\]"):
        LOOKUPS[tool](ToolSettings())
