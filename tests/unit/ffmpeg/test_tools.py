"""Where ffmpeg and ffprobe are looked for, and what is said when there are none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gilfoyle import workers
from gilfoyle.config import Settings, ToolSettings
from gilfoyle.errors import StartupError
from gilfoyle.ffmpeg import tools
from gilfoyle.media.policy import EncodingPolicy

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


def ladder(*video: str, audio: str = "aac", **encoders: str) -> EncodingPolicy:
    """A rung of each codec."""
    rungs = [{"height": 360, "max_kbps": 800, "codec": codec} for codec in video]
    return EncodingPolicy.model_validate(
        {"video": rungs, "audio": [{"kbps": 64, "codec": audio}], "encoders": encoders}
    )  # fmt: skip


def test_a_codec_that_the_ffmpeg_was_not_built_with_is_said_before_any_work() -> None:
    tools.check_encoders(ToolSettings(), ladder("h264", "hevc", "av1", "vp9", audio="opus"))
    with pytest.raises(StartupError, match=r"wants he-aac, .* without libfdk_aac. Take .* out of encoding.audio"):
        tools.check_encoders(ToolSettings(), ladder("h264", audio="he-aac"))


def test_an_ffmpeg_with_few_encoders(tmp_path: Path) -> None:
    few = ffmpeg(tmp_path, "echo ' V....D libx264 H.264'; echo ' A....D aac AAC'")
    tools.check_encoders(few, ladder("h264"))
    with pytest.raises(StartupError, match=r"wants av1, .* without libsvtav1. Take .* out of encoding.video"):
        tools.check_encoders(few, ladder("h264", "av1"))
    # What others encode, this one need not have.
    tools.check_encoders(few, ladder("h264", "av1", av1="nvenc"))


def test_a_transcode_worker_checks_every_codec_of_the_ladder() -> None:
    settings = Settings.model_validate({"encoding": {"audio": [{"kbps": 64, "codec": "he-aac"}]}})
    with pytest.raises(StartupError, match="he-aac"):
        workers.run(settings, ["transcode"])


def test_what_works_here_is_tried_and_taken() -> None:
    tools.check_capability(ToolSettings(), ladder("h264", h264="openh264"), "openh264", 2048)
    tools.check_capability(ToolSettings(), ladder("h264"), "openh264", 2048)


@pytest.mark.parametrize("capability", ["nvenc", "qsv", "vaapi"])
def test_a_card_that_is_not_there_is_said_in_a_sentence(capability: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StartupError) as caught:
        tools.check_capability(ToolSettings(), ladder("hevc", hevc=capability), capability, 2048)
    assert str(caught.value) == (
        f"hevc_{capability} does not work on this machine: its device or its driver is missing, or can't do what is "
        f"asked for. Start a worker for transcode-{capability} where it works, or take {capability} out of "
        "encoding.encoders."
    )
    # What ffmpeg says of it is for the log.
    assert f"hevc_{capability}" in caplog.text


def test_an_ffmpeg_without_a_cards_encoders(tmp_path: Path) -> None:
    few = ffmpeg(tmp_path, "echo ' V....D libx264 H.264'")
    with pytest.raises(StartupError, match=r"was built without h264_nvenc. Start a worker for transcode-nvenc where"):
        tools.check_capability(few, ladder("h264", h264="nvenc"), "nvenc", 2048)


def test_a_worker_for_a_card_checks_it_before_any_work() -> None:
    settings = Settings.model_validate({"encoding": {"encoders": {"h264": "nvenc"}}})
    for queues in (["transcode-nvenc"], []):
        with pytest.raises(StartupError, match="h264_nvenc does not work on this machine"):
            workers.run(settings, queues)
