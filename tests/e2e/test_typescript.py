"""A TypeScript client that is generated from the API's description compiles, and does what an application does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clips import clip
from tests.e2e.gilfoyle_server import Server

TOOLS = Path(__file__).parents[1] / "typescript"
TIMEOUT_S = 120


def run(*command: str | Path, folder: Path) -> str:
    """What a program says; the test fails if that is that it failed."""
    done = subprocess.run(command, cwd=folder, timeout=TIMEOUT_S, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def described(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the API's description, as the server gives it out, beside the tools. Skips without these."""
    if not (TOOLS / "node_modules" / ".bin" / "tsc").exists() or not shutil.which("node"):
        reason = "there is no TypeScript (`make setup` installs it where Node.js 20.19 or newer is)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(f"the TypeScript client was not made: {reason}")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("node_modules", "package.json", "tsconfig.json", "redocly.yaml", "generate.mjs", "smoke.ts"):
        (folder / name).symlink_to(TOOLS / name)
    (folder / "openapi.json").write_text(server.http.get("/openapi.json").raise_for_status().text)
    return folder


def test_the_description_is_valid(described: Path) -> None:
    """By redocly's rules, without a warning."""
    said = run("node_modules/.bin/redocly", "lint", "openapi.json", folder=described)
    assert "Your API description is valid" in said and "You have" not in said, said


def test_a_generated_client_works(described: Path, server: Server) -> None:
    run("node", "generate.mjs", "openapi.json", "schema.ts", folder=described)
    run("node_modules/.bin/tsc", "--project", ".", folder=described)
    film = clip("bigbuckbunny.mp4")
    assert "All went well." in run("node", "build/smoke.js", server.addresses["api"], film, folder=described)
