"""Chaos in a stack of compose.yaml: it meets parts that are there, with the renditions that are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.faults import KILLS
from chaos.settings import variables
from chaos.stack import run
from chaos.stack.containers import Container, container
from gilfoyle.config import Settings
from gilfoyle.config.environment import overlay
from tests.unit.deploy.compose import OURS, SERVICES

OVER = yaml.safe_load((Path(run.__file__).parent / "compose.yaml").read_text())["services"]
SAME = ("VIDEO", "AUDIO", "PRESET", "GOP_S", "CHUNK_S")


def test_each_part_that_is_killed_elsewhere_is_here() -> None:
    assert sorted(run.SERVICES) == sorted(KILLS)
    assert {*run.SERVICES.values()} <= {*SERVICES}


@pytest.mark.parametrize("name", sorted(OVER))
def test_the_stack_encodes_what_the_sources_are_looked_at_for(name: str) -> None:
    assert {*OVER} == {*OURS} - {"migrate"}
    given = OVER[name]["environment"]
    theirs = variables("run", api_port=1, database_url="", temporal="", storage={})
    assert {key: given[f"GILFOYLE_ENCODING__{key}"] for key in SAME} == {
        key: theirs[f"GILFOYLE_ENCODING__{key}"] for key in SAME
    }
    values: dict[str, Any] = {}
    result = overlay(values, {**SERVICES[name]["environment"], **given}, Settings)
    assert (result.faults, result.strangers) == ([], [])
    Settings.model_validate(values)


@pytest.mark.parametrize(
    ("state", "healthy"),
    [
        ({"Running": True, "Pid": 7, "Health": {"Status": "healthy"}}, True),
        ({"Running": True, "Pid": 7, "Health": {"Status": "starting"}}, False),
        ({"Running": True, "Pid": 7}, True),
        ({"Running": False, "Pid": 7, "Health": {"Status": "healthy"}}, False),
    ],
    ids=["healthy", "starting", "no check", "stopped"],
)
def test_what_docker_says_of_a_container(state: dict[str, Any], healthy: bool) -> None:
    said = {"Name": "/gilfoyle-api-1", "State": state, "Config": {"Labels": {"com.docker.compose.service": "api"}}}
    assert container(said) == Container("gilfoyle-api-1", "api", 7, healthy)
