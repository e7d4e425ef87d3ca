"""The command line as a whole: what it answers to, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gilfoyle import __version__
from gilfoyle.catalog.models import MediaStatus
from gilfoyle.cli import app
from gilfoyle.cli.commands.list_ import Status
from gilfoyle.config import Settings
from tests.processes import program

PYTHON = [sys.executable, "-m", "gilfoyle"]
HEAVY = ("temporalio", "fastapi", "sqlalchemy", "httpx", "pydantic", "yaml", "boto3")


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GILFOYLE_")}
    return subprocess.run([*PYTHON, *arguments], capture_output=True, text=True, env=environ | environment, cwd=cwd)


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"gilfoyle {__version__}\n")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = f"import sys, gilfoyle.cli; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_failure_is_a_sentence_on_stderr_and_status_1() -> None:
    result = run("list", "--url", "http://127.0.0.1:1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Nothing answers at http://127.0.0.1:1. ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["list", "--limit", "0"], ["show"], ["list", "--url", "ftp://x"], ["list", "--url", "http://h:x"]],
)
def test_a_wrong_call_is_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_servers_address_comes_from_the_environment(server: Any, samples: Any) -> None:
    result = run("show", samples.ID, GILFOYLE_URL=f"{server.url}/")
    assert result.returncode == 0
    assert "play        http://media.example/stream/abc/master.m3u8" in result.stdout


def test_ctrl_c_while_following_is_status_130_and_the_media_stays(server: Any, samples: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    server.states = [samples.media()]
    with program([*PYTHON, "upload", film, "--url", server.url], stderr=subprocess.PIPE, text=True) as child:
        while f"GET /v1/medias/{samples.ID}" not in server.asked:
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in stderr
    assert "DELETE" not in " ".join(server.asked)


def test_ctrl_c_while_sending_is_status_130_and_leaves_no_media(server: Any, samples: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(500_000_000)
    server.slow = True
    with program([*PYTHON, "upload", film, "--url", server.url], stderr=subprocess.PIPE, text=True) as child:
        assert server.uploading.wait(20)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=20)
    assert child.returncode == 130
    assert stderr == ""
    assert f"DELETE /v1/uploads/{server.upload['id']}" in server.asked


def test_list_shows_a_page_and_says_that_there_is_more(server: Any, samples: Any) -> None:
    result = CliRunner().invoke(app, ["list", "--limit", "1", "--status", "ready", "--url", server.url])
    assert result.exit_code == 0
    assert samples.ID in result.stdout
    assert "more than 1" in result.stderr
    assert "status=Ready" in server.asked[0]


def test_list_and_show_give_the_apis_json(server: Any, samples: Any) -> None:
    listed = CliRunner().invoke(app, ["list", "--limit", "1", "--json", "--url", server.url])
    assert json.loads(listed.stdout) == [samples.media()]
    shown = CliRunner().invoke(app, ["show", samples.ID, "--json", "--url", server.url])
    assert json.loads(shown.stdout) == samples.media("Ready")


def test_delete_goes_on_after_one_that_is_gone(server: Any, samples: Any) -> None:
    server.deletes_refused = 1
    result = CliRunner().invoke(app, ["delete", "first", samples.ID, samples.ID, "--url", server.url])
    assert result.exit_code == 1
    assert "first: It is being uploaded." in result.stderr
    assert result.stdout == f"Deleted {samples.ID}.\n"


def test_list_knows_every_status_that_the_api_shows() -> None:
    assert {*Status} == {*MediaStatus} - {MediaStatus.DELETING}


def test_config_check_says_what_follows(tmp_path: Path) -> None:
    result = run("config", "check", cwd=tmp_path, GILFOYLE_DATABASE__URL="postgresql://u:hunter2@db/g")
    assert result.returncode == 0
    assert "is valid" in result.stdout
    assert "1080p" in result.stdout
    assert "postgresql://u:***@db/g" in result.stdout
    assert "hunter2" not in result.stdout


def test_config_check_names_each_fault(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("server: {prot: 80}\nworkers: {io_slots: many}\n")
    result = run("config", "check", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "config.yaml: there is no setting server.prot; did you mean server.port?",
        "config.yaml: workers.io_slots should be a whole number, not 'many'.",
    ]


def test_config_show_loads_again_and_masks_secrets(tmp_path: Path) -> None:
    result = run("config", "show", cwd=tmp_path, GILFOYLE_TEMPORAL__API_KEY="hunter2", GILFOYLE_SERVER__PORT="81")
    shown = yaml.safe_load(result.stdout)
    assert shown["server"]["port"] == 81
    assert shown["temporal"]["api_key"] == "***"
    assert Settings.model_validate(shown).server.port == 81


def test_config_show_defaults_ignores_file_and_environment(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("server: {port: 80}\n")
    result = run("config", "show", "--defaults", cwd=tmp_path, GILFOYLE_SERVER__PORT="81")
    assert Settings.model_validate(yaml.safe_load(result.stdout)) == Settings()
